"""Before anything is timed: do the engines compute the same, and how good are their decisions?"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from limen.agreement import beyond_parity, compare
from limen.arrays import FloatArray
from limen.decision import decide, scores_from_logits
from limen.errors import EngineError
from limen.evaluation.metrics import judge_multiclass, judge_multilabel
from limen.format import DecisionBlock

from limen_bench.engines.table import EngineKind
from limen_bench.measuring import Measuring, Request, SampleFiles, Setup, tasks
from limen_bench.tasks.task import Found

_BATCH = 16


def check_engines(
    measuring: Measuring, files: SampleFiles, decision: DecisionBlock, cores: int
) -> None:
    """Compare every engine's logits with the reference's, and judge decisions where labels are
    given.

    The reference is the first engine that computes in fp32 and has not dropped out, or else the
    first engine. An engine that claims fp32 and computes something else is dropped: its speed would
    mean nothing.
    """
    found: dict[str, FloatArray] = {}
    for kind in measuring.standing:
        measuring.told.step(f"{kind.name}: what it computes")
        logits = _logits(measuring, kind, files.checked, Setup(cores, _BATCH))
        if logits is not None:
            found[kind.name] = logits
    kinds = [kind for kind in measuring.standing if kind.name in found]
    if not kinds:
        return
    reference = next((kind for kind in kinds if kind.exact), kinds[0])
    for kind in kinds:
        _judge(measuring, kind, reference, found, decision)
    truth = measuring.settings.texts.truth
    if truth is not None:
        for kind in kinds:
            _quality(measuring, kind.name, found[kind.name], truth[list(files.places)], decision)


def _logits(measuring: Measuring, kind: EngineKind, texts: Path, setup: Setup) -> FloatArray | None:
    path = measuring.folder / f"{kind.name}.logits.npy"
    measuring.do(Request(kind, setup, tasks(("logits", {"path": str(path)})), texts))
    if kind.name in measuring.dropped:
        return None
    logits: FloatArray = np.load(path, allow_pickle=False)
    path.unlink()
    return logits


def _judge(
    measuring: Measuring,
    kind: EngineKind,
    reference: EngineKind,
    found: dict[str, FloatArray],
    decision: DecisionBlock,
) -> None:
    expected, logits = found[reference.name], found[kind.name]
    if logits.shape != expected.shape:
        reason = f"logits of shape {logits.shape}; {reference.name} gives {expected.shape}"
        measuring.drop(kind.name, "failed", reason)
        return
    try:
        agreement = compare(expected, logits, decision)
    except EngineError as error:
        measuring.drop(kind.name, "failed", str(error))
        return
    values: dict[str, Any] = {
        "texts": len(logits),
        "max_logit_difference": float(f"{agreement.max_logit_difference:.3g}"),
        "texts_alike": round(agreement.texts_alike, 6),
        "cells_alike": round(agreement.cells_alike, 6),
    }
    note = f"compared with {reference.name}"
    measuring.found(kind.name, Found("agreement", values, note=note))
    if kind.exact and reference.exact and (beyond_parity(expected, logits) > 0).any():
        reason = (
            f"claims fp32, but a logit differs from {reference.name} by "
            f"{agreement.max_logit_difference:.3g}; not timed"
        )
        measuring.drop(kind.name, "failed", reason)


def _quality(
    measuring: Measuring,
    engine: str,
    logits: FloatArray,
    truth: npt.NDArray[np.bool_],
    decision: DecisionBlock,
) -> None:
    if engine in measuring.dropped:
        return
    point = decision.point(decision.default_point)
    decided = decide(scores_from_logits(logits, decision), decision, point)
    if decision.rule == "multilabel":
        found = judge_multilabel(truth, decided)
        values = {
            "macro_f1": round(found.macro_f1, 4),
            "micro_f1": round(found.micro_f1, 4),
            "subset_accuracy": round(found.subset_accuracy, 4),
        }
    else:
        judged = judge_multiclass(truth, decided)
        values = {"accuracy": round(judged.accuracy, 4), "macro_f1": round(judged.macro_f1, 4)}
    note = f"{len(truth):,} labelled texts, operating point {point.name}"
    measuring.found(engine, Found("quality", values, note=note))
