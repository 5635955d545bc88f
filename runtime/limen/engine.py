"""Feeds to logits: the only module that touches onnxruntime."""

import os
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np

from limen.arrays import Feeds, FloatArray
from limen.devices import PROVIDERS, Device, provider_settings
from limen.errors import EngineError, reason
from limen.format.unshared import unshared
from limen.format.weights import split_graph
from limen.gpu_libraries import load_gpu_libraries

_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
_IMPORTING = threading.Lock()

# In fp32 SkipLayerNormalization is slower on the CPU than Add and LayerNormalization apart
# (docs/graph.md), and onnxruntime fuses into it by default.
SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasSkipLayerNormFusion", "EmbedLayerNormFusion"]

Optimisation: TypeAlias = Literal["on_load", "none", "unsigned_weights"]
"""What onnxruntime does to a graph when a session opens.

`on_load`: all that it knows but SLOW_FUSIONS, for a graph as the tracer or a quantiser left it.
`none`: nothing, for a graph that was optimised when the file was made.
`unsigned_weights`: extended level without SLOW_FUSIONS, signed 8-bit weights made unsigned, which
no processor's products saturate (docs/self_test.md).
"""


class Engine:
    """One onnxruntime session that runs one text at a time; safe to call from many threads at once.

    Every run holds one text at its exact length and uses one thread, so a text's logits cannot
    depend on its neighbours; parallel work comes from callers in several threads.

    Attributes:
        device: where the graph runs.
        outputs: width of the logits.
        providers: what the session obtained, in the order of preference.
        backend: the execution provider, and the version of onnxruntime.
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        outputs: int,
        device: Device = "cpu",
        optimisation: Optimisation = "on_load",
        kernel_threads: int = 1,
    ) -> None:
        """Open a session.

        Args:
            data: bytes of a checked ONNX file.
            name: the file's name, for messages.
            outputs: width of the logits that the file declares.
            device: where to run; `limen.devices.choose` says what fits a file.
            optimisation: what onnxruntime does to the graph while it opens it.
            kernel_threads: threads that one text may use; more than one spin while a text runs, and
                stop when it has run.

        Raises:
            EngineError: onnxruntime does not accept the graph, or the device cannot be started.
        """
        said = load_gpu_libraries(quiet_onnxruntime()) if device == "cuda" else ""
        try:
            self._session = _opened(data, optimisation, device, kernel_threads)
        except Exception as error:
            raise EngineError(f"{name}: onnxruntime refused the graph ({reason(error)})") from error
        self.outputs = outputs
        self.device = device
        self._optimisation = optimisation
        self._opened_in = os.getpid()
        self.providers = tuple(str(one) for one in self._session.get_providers())
        _require_provider(name, device, self.providers, said)
        self._inputs = frozenset(port.name for port in self._session.get_inputs())
        self.backend = f"{self.providers[0]} of onnxruntime {quiet_onnxruntime().__version__}"

    @property
    def inherited(self) -> bool:
        """Whether this process is a child of the one that opened the session."""
        return os.getpid() != self._opened_in

    def logits(self, feeds: Feeds) -> FloatArray:
        """Run one text.

        Args:
            feeds: int64, (1, tokens) each; `attention_mask` (ones) and `token_type_ids` (zeros) are
                added where the graph asks for them. Or the features of one text, by whatever names
                the graph gives them.

        Returns:
            float32, (outputs,).

        Raises:
            EngineError: onnxruntime failed, the logits are not as wide as declared, or the process
                was forked after the file was opened on another device than the CPU.
        """
        row: FloatArray = self.rows(feeds)[0]
        return row

    def rows(self, feeds: Feeds, texts: int | None = None) -> FloatArray:
        """Run texts together; how they then influence each other is the graph's.

        Args:
            feeds: of texts of equal length int64, (texts, tokens) each, filled up as in `logits`;
                or the features of several texts.
            texts: how many, where a graph of shape `joined` is given several in one row.

        Returns:
            float32, (texts, outputs).

        Raises:
            EngineError: as in `logits`.
        """
        self._refuse_inherited()
        for name in self._inputs - feeds.keys():
            fill = np.ones_like if name == "attention_mask" else np.zeros_like
            feeds = {**feeds, name: fill(feeds["input_ids"])}
        try:
            logits: FloatArray = self._session.run(["logits"], feeds)[0]
        except Exception as error:
            raise EngineError(
                f"onnxruntime failed on a text of {_length(feeds)} ({reason(error)})"
            ) from error
        if logits.shape != (_texts(feeds) if texts is None else texts, self.outputs):
            raise EngineError(
                f"the graph gives logits of shape {logits.shape}, the file declares "
                f"{self.outputs} for each text; export the model again"
            )
        return logits

    def _refuse_inherited(self) -> None:
        """A provider's own threads, and what it keeps on a device, do not outlive a fork."""
        if self.device != "cpu" and self.inherited:
            raise EngineError(
                f"this process was forked after the file was opened on {self.device}, which does "
                "not outlive a fork; load the file again in this process"
            )

    def with_kernel_threads(self, data: bytes, name: str, threads: int) -> "Engine":
        """Open another session of the same file, opened alike; arguments and errors as in
        `__init__`.
        """
        return Engine(data, name, self.outputs, self.device, self._optimisation, threads)

    def each(self, feeds: Sequence[Feeds]) -> list[FloatArray]:
        """Run several texts; feeds, rows and errors as in `logits`."""
        return [self.logits(one) for one in feeds]


def _texts(feeds: Feeds) -> int:
    ids = feeds.get("input_ids")
    return int(feeds["texts"][0]) if ids is None else len(ids)


def _length(feeds: Feeds) -> str:
    ids = feeds.get("input_ids")
    return f"{len(feeds['indices']):,} features" if ids is None else f"{ids.shape[1]:,} tokens"


def available_providers() -> tuple[str, ...]:
    """Return the providers that the installed onnxruntime was built with; whether one can start
    shows when a session opens.
    """
    return tuple(str(one) for one in quiet_onnxruntime().get_available_providers())


def session_options(optimisation: Optimisation = "on_load", kernel_threads: int = 1) -> Any:  # noqa: ANN401
    """Return the SessionOptions that files are opened with (onnxruntime has no types)."""
    onnxruntime = quiet_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = kernel_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Without this, bytes that look like onnxruntime's own format would get another loader.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Between two kernels of one text a thread must not sleep; after the text it must.
    several = kernel_threads > 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if several else "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    levels = onnxruntime.GraphOptimizationLevel
    if optimisation == "none":
        options.graph_optimization_level = levels.ORT_DISABLE_ALL
    elif optimisation == "unsigned_weights":
        # The transformer that this entry switches on exists at this level only.
        options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def open_session(data: bytes, options: Any, device: Device = "cpu") -> Any:  # noqa: ANN401
    """Open an onnxruntime InferenceSession with the fusions that limen wants; whatever onnxruntime
    raises is the caller's to translate.
    """
    return quiet_onnxruntime().InferenceSession(
        data,
        options,
        providers=provider_settings(device, options.intra_op_num_threads),
        # What is slow on the CPU is what other providers have kernels for.
        disabled_optimizers=SLOW_FUSIONS if device == "cpu" else [],
        # onnxruntime would print what failed and go on with the CPU.
        enable_fallback=0,
    )


def _require_provider(name: str, device: Device, obtained: tuple[str, ...], said: str) -> None:
    """Refuse a session that onnxruntime opened elsewhere: it goes on with the CPU, without an
    error, where a provider cannot start. `said` is what it said of libraries that it did not find.
    """
    if obtained[:1] != (PROVIDERS[device],):
        found = f" ({said})" if said else ""
        raise EngineError(
            f"{name}: device={device!r}: asked for {PROVIDERS[device]}, onnxruntime obtained "
            f"{', '.join(obtained) or 'nothing'}{found}: a driver, or a library that the provider "
            "loads, may be missing or of another version; see what `limen doctor` says, or load a "
            "file for the CPU"
        )


def _opened(data: bytes, optimisation: Optimisation, device: Device, kernel_threads: int) -> Any:  # noqa: ANN401
    options = session_options(optimisation, kernel_threads)
    if optimisation == "unsigned_weights":
        return open_session(unshared(data), options, device)
    if optimisation == "on_load":
        return open_session(data, options, device)
    # Half of the memory and time of opening a graph is onnxruntime's own copies of its weights.
    split = split_graph(data)
    value = quiet_onnxruntime().OrtValue.ortvalue_from_numpy
    options.add_external_initializers(
        list(split.weights), [value(weight) for weight in split.weights.values()]
    )
    return open_session(split.graph, options, device)


def quiet_onnxruntime() -> ModuleType:
    """Import onnxruntime without the device id and database that its telemetry writes to the home
    folder while it is imported (seen with 1.31 on Linux).

    Only an environment variable prevents it, so it is set for the moment of the import and put
    back.
    A host that imported onnxruntime before limen has made its own choice.
    """
    with _IMPORTING:
        before = os.environ.get(_NO_TELEMETRY)
        os.environ[_NO_TELEMETRY] = "1"
        try:
            import onnxruntime
        finally:
            if before is None:
                os.environ.pop(_NO_TELEMETRY, None)
            else:
                os.environ[_NO_TELEMETRY] = before
        onnxruntime.disable_telemetry_events()
    module: ModuleType = onnxruntime
    return module
