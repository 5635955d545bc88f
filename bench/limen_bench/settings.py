"""What a run of the bench may be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from limen_bench.engines.engine_kind import EngineKind

Measure: TypeAlias = Literal[
    "cold", "one", "bulk", "counts", "threads", "load", "stages", "lengths", "limit", "co_running",
    "size",
]  # fmt: skip
MEASURES: tuple[Measure, ...] = get_args(Measure)
QUICK: tuple[Measure, ...] = ("cold", "one", "bulk", "stages")


@dataclass(frozen=True)
class BenchTexts:
    """What is decided about.

    Attributes:
        name: what results call the texts, never a path.
        texts: at least one.
        truth: bool, (texts, labels), the true labels; None where none were given.
    """

    name: str
    texts: tuple[str, ...]
    truth: npt.NDArray[np.bool_] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds.

    Attributes:
        timed: one timed stretch: the single calls, or the bulk call, of one round.
        warm_up: at most, if it does not become stable earlier.
        swept: one point of a sweep.
        count: longest bulk call of `counts`.
        rate: one rate of the open-loop load.
        process: then a measuring process is ended, and its engine left out.
        prepare: the same for the conversion of the source.
    """

    timed: float = 3.0
    warm_up: float = 3.0
    swept: float = 1.5
    count: float = 60.0
    rate: float = 5.0
    process: float = 300.0
    prepare: float = 600.0


@dataclass(frozen=True)
class BenchSettings:
    """Settings of one run.

    Attributes:
        file: the classifier file.
        texts: real texts.
        engines: what is measured; the first is what ratios are to.
        left_out: of rivals that nobody named and that are not measured, why, and which.
        source: what the file was made from, for rivals: a checkpoint, a folder or a file; None for
            none.
        pythons: interpreter by the name of its environment; the harness's own where none is named.
        measures: what is measured beside the agreement, which always comes first.
        rounds: processes of each engine, in turns.
        sweep: look for each engine's best batch size and threads; otherwise all cores and its
            usual batches.
        checked: texts on which engines are compared before anything is timed.
        rates: of the open-loop load, in texts per second; None takes shares of each engine's own
            capacity.
        limit_ms: the p99 that a loaded engine may not exceed.
        work: folder that keeps converted models; None converts anew and keeps nothing.
        patience: time limits.
    """

    file: Path
    texts: BenchTexts
    engines: tuple[EngineKind, ...]
    left_out: tuple[str, ...] = ()
    source: Path | None = None
    pythons: Mapping[str, Path] = field(default_factory=dict)
    measures: tuple[Measure, ...] = MEASURES
    rounds: int = 7
    sweep: bool = True
    checked: int = 500
    rates: tuple[float, ...] | None = None
    limit_ms: float = 50.0
    work: Path | None = None
    patience: Patience = field(default_factory=Patience)
