"""Opening a classifier file: checks, encoder, session, golden texts."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from limen.decision import aggregate
from limen.encoder import open_encoder
from limen.engine import Engine, Optimisation
from limen.format import ClassifierFile, DecisionBlock, EncoderBlock, Windows, read
from limen.grouping import ELIGIBLE, Groups
from limen.inference import Inference, Together
from limen.model import Model
from limen.recent_texts import RecentTexts
from limen.self_test import tested_engine
from limen.threads import thread_count


def load(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    operating_point: str | None = None,
    verify: bool = True,
    cache: int | None = None,
    windows: Windows | None = None,
) -> Model:
    """Load a classifier file: check it, open it, and run its golden texts.

    Args:
        path: a file that `limen export` wrote.
        device: `auto` or `cpu`.
        threads: how many texts to run at once in bulk calls; None follows CPU affinity and the
            container's quota.
        operating_point: one that the file carries; None takes the file's default.
        verify: run the golden texts; an int8 file that this processor computes wrongly is then
            opened again in a slower, exact way, or refused (docs/self_test.md).
        cache: how many exact texts to remember with what the graph gave for them, for servers
            that see the same ones again; None remembers none.
        windows: how to read texts that are longer than the model can take; None does what the file
            says. Thresholds were fitted on texts read as the file says.

    Raises:
        InputError: no such file, device or operating point, `threads` or `cache` below 1, windows
            whose stride is as long as a window.
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
) -> Model:
    """Open a file that has been read and checked; arguments and errors as in `load`."""
    decision = file.metadata.decision
    point = decision.point(decision.default_point if operating_point is None else operating_point)
    count = thread_count(threads)
    recent = None if cache is None else RecentTexts(cache)
    block = file.metadata.encoder
    if windows is not None:
        block = replace(block, windows=windows)
    encoder = open_encoder(block)
    optimisation: Optimisation = "none" if file.metadata.execution.optimised else "on_load"
    engine = Engine(file.data, file.name, decision.outputs, device, optimisation)
    repaired = False
    if verify:
        engine, repaired = tested_engine(file, encoder, engine, device)
    groups = Groups(engine) if file.metadata.execution.precision in ELIGIBLE else None
    inference = Inference(
        encoder,
        engine,
        count,
        together=together(block, decision),
        groups=groups,
        recent=recent,
    )
    return Model(inference, decision, point, repaired=repaired)


def together(encoder: EncoderBlock, decision: DecisionBlock) -> Together | None:
    """Return what puts the windows of a text together; None where texts are truncated."""
    if encoder.windows is None:
        return None
    return partial(
        aggregate,
        how=encoder.windows.aggregate,
        rule=decision.rule,
        link=decision.link,
        labels=len(decision.labels),
    )
