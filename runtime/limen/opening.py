"""Opening a classifier file: checks, encoder, session, golden texts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from limen.decision import aggregate
from limen.devices import Device, check_operators, choose
from limen.encoder import Encoder, open_encoder
from limen.engine import Engine, Optimisation, available_providers, quiet_onnxruntime
from limen.errors import EngineError, InputError
from limen.format import (
    ClassifierFile,
    DecisionBlock,
    EncoderBlock,
    EncoderKind,
    TfidfBlock,
    Windows,
    read,
)
from limen.grouping import ELIGIBLE, Groups
from limen.inference import Inference, Together
from limen.lone_texts import ONE_THREAD, KernelThreads, LoneTexts, measured
from limen.meanwhile import Meanwhile
from limen.model import Model
from limen.recent_texts import RecentTexts
from limen.self_test import tested_engine
from limen.text_runs import TextRuns, may_run
from limen.threads import thread_count


@dataclass(frozen=True)
class Wishes:
    """What a caller wants of a model beside its device; each as the argument of `load`."""

    threads: int | None = None
    operating_point: str | None = None
    verify: bool = True
    cache: int | None = None
    windows: Windows | None = None
    kernel_threads: int | None = None


USUAL = Wishes()


def load(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    operating_point: str | None = None,
    verify: bool = True,
    cache: int | None = None,
    windows: Windows | None = None,
    kernel_threads: int | None = None,
) -> Model:
    """Load a classifier file: check it, open it, and run its golden texts.

    Args:
        path: a file that `limen export` wrote.
        device: `cpu`, `cuda`, `openvino`, or `auto`: the device that the file was made for, or the
            CPU where that cannot be had, or does not pass the golden texts, and the file can run
            there; `Model.device` says which.
        threads: how many texts to run at once in bulk calls; None follows CPU affinity and the
            container's quota.
        operating_point: one that the file carries; None takes the file's default.
        verify: run the golden texts; an int8 file that this processor computes wrongly is then
            opened again in a slower, exact way, or refused (docs/self_test.md).
        cache: how many exact texts to remember with what the graph gave for them, for servers
            that see the same ones again; None remembers none.
        windows: how to read texts that are longer than the model can take; None does what the file
            says. Thresholds were fitted on texts read as the file says.
        kernel_threads: threads that one text alone, `model(text)`, may use. More than one open a
            second session, which takes the memory of the weights once more, and are used for
            texts of the lengths at which a measurement while loading (up to a second or two) shows
            that they are faster; `Model.kernel_threads` says which. None is one.

    Raises:
        InputError: no such file, device or operating point, `threads`, `kernel_threads` or `cache`
            below 1, windows whose stride is as long as a window; a device that cannot be had, or
            that the file was not made for.
        FormatError: not a classifier file that this runtime may open.
        EngineError: onnxruntime or tokenizers refuse it, or this machine computes other golden
            logits than the file promises.
    """
    return open_model(
        read(path),
        device=device,
        threads=threads,
        operating_point=operating_point,
        verify=verify,
        cache=cache,
        windows=windows,
        kernel_threads=kernel_threads,
    )


def open_model(
    file: ClassifierFile,
    *,
    device: str = "auto",
    threads: int | None = None,
    operating_point: str | None = None,
    verify: bool = True,
    cache: int | None = None,
    windows: Windows | None = None,
    kernel_threads: int | None = None,
) -> Model:
    """Open a file that has been read and checked; arguments and errors as in `load`."""
    choice = choose(file.name, file.metadata.execution, device, available_providers)
    wishes = Wishes(threads, operating_point, verify, cache, windows, kernel_threads)
    why = choice.why
    for tried in choice.devices[:-1]:
        try:
            # Nothing may be chosen for the caller that was not tested.
            return open_on(file, tried, replace(wishes, verify=True))
        except EngineError as error:
            why = f"made for {tried}, which did not work: {error}"
    return open_on(file, choice.devices[-1], wishes, why=why)


def open_on(
    file: ClassifierFile,
    device: Device,
    wishes: Wishes = USUAL,
    *,
    in_batches: bool | None = None,
    why: str = "",
) -> Model:
    """Open a file on one device, whether or not it was made for it.

    Args:
        file: read and checked.
        device: where.
        wishes: what else the caller wants.
        in_batches: whether a padded file runs texts together; None does so on all devices but the
            CPU, where a text alone is as fast and its bits depend on no other. The exporter does so
            on the CPU, to verify what a GPU will be given.
        why: why this device, where it is not the file's own.

    Raises:
        InputError, EngineError: as in `load`.
    """
    check_operators(file.name, file.graph.operators, device)
    decision = file.metadata.decision
    point = decision.point(
        decision.default_point if wishes.operating_point is None else wishes.operating_point
    )
    count = thread_count(wishes.threads)
    recent = None if wishes.cache is None else RecentTexts(wishes.cache)
    block = _read_as(file, wishes.windows)
    if in_batches is None:
        in_batches = device != "cpu"
    engine_kind, inference_kind = _kinds(file, in_batches=in_batches)
    optimisation: Optimisation = "none" if file.metadata.execution.optimised else "on_load"
    encoder, engine = _parts(
        block,
        partial(engine_kind, file.data, file.name, decision.outputs, device, optimisation),
        count,
    )
    repaired = False
    if wishes.verify:
        engine, repaired = tested_engine(file, encoder, engine)
    inference = inference_kind(
        encoder,
        engine,
        count,
        together=together(block, decision),
        groups=None if in_batches else _grouping(file, engine),
        recent=recent,
        lone=_lone_texts(file, engine, wishes.kernel_threads),
        why_device=why,
    )
    return Model(inference, decision, point, repaired=repaired)


def _parts(
    block: EncoderKind, opened: Callable[[], Engine], threads: int
) -> tuple[Encoder, Engine]:
    """Build the encoder while the session opens, most of which leaves Python's lock to others."""
    if threads == 1:
        return open_encoder(block), opened()
    # Importing it holds the lock, and so does building a tokenizer: neither gains beside the other.
    quiet_onnxruntime()
    with Meanwhile(opened) as opening:
        encoder = open_encoder(block)
    return encoder, opening.result()


def _grouping(file: ClassifierFile, engine: Engine) -> Groups | TextRuns | None:
    """Return what runs texts of tokens together, where that may be."""
    execution = file.metadata.execution
    if isinstance(file.metadata.encoder, TfidfBlock):
        return None
    if execution.shape == "joined":
        return TextRuns(engine) if may_run(file.graph.operators) else None
    return Groups(engine) if execution.precision in ELIGIBLE else None


def _lone_texts(file: ClassifierFile, engine: Engine, asked: int | None) -> LoneTexts:
    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise InputError(f"kernel_threads={asked}; expected 1 or more, or None for one")
    if asked is None or asked == 1:
        return ONE_THREAD
    if engine.device != "cpu":
        return LoneTexts(None, KernelThreads(why=f"kernels run on {engine.device}"))
    if isinstance(file.metadata.encoder, TfidfBlock) or file.metadata.execution.shape == "joined":
        # ScatterND would add from several threads at once.
        return LoneTexts(None, KernelThreads(why="rows of a text are added up in one thread"))
    return measured(file, file.metadata.encoder.max_tokens, engine, asked)


def _kinds(file: ClassifierFile, *, in_batches: bool) -> tuple[type[Engine], type[Inference]]:
    if isinstance(file.metadata.encoder, TfidfBlock):
        from limen.tfidf.inference import FlatInference

        return Engine, FlatInference
    shape = file.metadata.execution.shape
    if shape == "joined":
        from limen.joined_inference import JoinedInference

        return Engine, JoinedInference
    if shape == "exact" or not in_batches:
        return Engine, Inference
    # Nobody who decides on the CPU imports these.
    from limen.padded_engine import PaddedEngine
    from limen.padded_inference import PaddedInference

    return PaddedEngine, PaddedInference


def _read_as(file: ClassifierFile, windows: Windows | None) -> EncoderKind:
    """The file's encoder, with the caller's windows."""
    if windows is None:
        return file.metadata.encoder
    try:
        return replace(file.metadata.token_encoder, windows=windows)
    except InputError as error:
        raise InputError(f"{file.name}: windows: {error}") from error


def together(encoder: EncoderKind, decision: DecisionBlock) -> Together | None:
    """Return what puts the windows of a text together; None where a text has one."""
    if not isinstance(encoder, EncoderBlock) or encoder.windows is None:
        return None
    return partial(
        aggregate,
        how=encoder.windows.aggregate,
        rule=decision.rule,
        link=decision.link,
        labels=len(decision.labels),
    )
