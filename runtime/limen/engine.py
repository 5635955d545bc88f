"""Feeds to logits: the only module that touches onnxruntime."""

from typing import Any

import numpy as np

from limen.arrays import Feeds, FloatArray
from limen.errors import EngineError, InputError

# SkipLayerNormalization is slower on the CPU than Add and LayerNormalization apart
# (docs/measurements.md), and onnxruntime fuses into it by default.
_SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasSkipLayerNormFusion", "EmbedLayerNormFusion"]


class Engine:
    """One onnxruntime session that runs one text at a time; safe to call from many threads at once.

    Every run holds one text at its exact length and uses one thread, so a text's logits cannot
    depend on its neighbours; parallel work comes from callers in several threads.
    """

    def __init__(self, data: bytes, name: str, device: str = "auto") -> None:
        """Open a session.

        Args:
            data: bytes of a checked ONNX file.
            name: the file's name, for messages.
            device: `auto` or `cpu`; this version decides on the CPU.

        Raises:
            InputError: another device was asked for.
            EngineError: onnxruntime does not accept the graph.
        """
        if device not in ("auto", "cpu"):
            raise InputError(
                f"device={device!r}; this version decides on 'cpu' (or 'auto', the same)"
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
            )
        except Exception as error:
            raise EngineError(
                f"{name}: onnxruntime refused the graph ({_first_line(error)})"
            ) from error
        self._inputs = frozenset(port.name for port in self._session.get_inputs())

    def logits(self, feeds: Feeds) -> FloatArray:
        """Run one text.

        Args:
            feeds: int64, (1, tokens) each; `attention_mask` (ones) and `token_type_ids` (zeros) are
                added where the graph asks for them.

        Returns:
            float32, (outputs,).

        Raises:
            EngineError: onnxruntime failed.
        """
        for name in self._inputs - feeds.keys():
            fill = np.ones_like if name == "attention_mask" else np.zeros_like
            feeds = {**feeds, name: fill(feeds["input_ids"])}
        try:
            row: FloatArray = self._session.run(["logits"], feeds)[0][0]
        except Exception as error:
            tokens = feeds["input_ids"].shape[1]
            raise EngineError(
                f"onnxruntime failed on a text of {tokens:,} tokens ({_first_line(error)})"
            ) from error
        return row


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:300] if lines else type(error).__name__
