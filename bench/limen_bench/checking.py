"""Before anything is timed: do the engines compute the same, and how good are their decisions?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from limen.agreement import beyond_parity, compare
from limen.arrays import FloatArray
from limen.decision import decide, score
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import judge
from limen.format import DecisionBlock

from limen_bench.engines.engine_kind import EngineKind
from limen_bench.measuring import Measuring, Request, SampleFiles, Setup, tasks
from limen_bench.tasks.task import Found

_BATCH = 16


@dataclass(frozen=True)
class _Computed:
    """What an engine computed.

    Attributes:
        kind: the engine.
        logits: float32 (texts, outputs), in batches; finite, as wide as the file's own.
        batch_difference: largest difference of a logit between a text alone and in a batch.
    """

    kind: EngineKind
    logits: FloatArray
    batch_difference: float


def check_engines(
    measuring: Measuring, files: SampleFiles, decision: DecisionBlock, cores: int
) -> None:
    """Compare every engine's logits with the reference's, and judge decisions where labels are
    given.

    The reference is the first engine that computes in fp32 and has not dropped out, or else the
    first engine. An engine whose logits are no logits, or that claims fp32 and computes something
    else, is dropped: its speed would mean nothing.
    """
    found: list[_Computed] = []
    for kind in measuring.standing:
        measuring.told.step(f"{kind.name}: what it computes")
        computed = _compute(measuring, kind, files.checked, Setup(cores, _BATCH))
        if computed is not None and _usable(measuring, computed, decision):
            found.append(computed)
    if not found:
        return
    reference = next((computed for computed in found if computed.kind.exact), found[0])
    for computed in found:
        _judge(measuring, computed, reference, decision)
    truth = measuring.settings.texts.truth
    if truth is not None:
        for computed in found:
            if computed.kind.name not in measuring.dropped:
                _quality(measuring, computed, truth[list(files.places)], decision)


def _compute(measuring: Measuring, kind: EngineKind, texts: Path, setup: Setup) -> _Computed | None:
    path = measuring.folder / f"{kind.name}.logits.npy"
    wanted = tasks(("logits", {"path": str(path)}))
    heard = measuring.do(Request(kind, setup, wanted, texts))
    if kind.name in measuring.dropped:
        return None
    logits: FloatArray = np.load(path, allow_pickle=False)
    path.unlink()
    (values,) = [message["values"] for message in heard if message.get("measure") == "logits"]
    return _Computed(kind, logits, values["batch_logit_difference"] or 0.0)


def _usable(measuring: Measuring, computed: _Computed, decision: DecisionBlock) -> bool:
    """Drop an engine whose logits cannot be decided about."""
    logits, name = computed.logits, computed.kind.name
    if logits.ndim != 2 or logits.shape[1] != decision.outputs:
        wide = f"logits of shape {logits.shape}; the file decides by {decision.outputs} outputs"
        measuring.drop(name, "failed", wide)
    elif not np.isfinite(logits).all():
        row = int(np.argmax(~np.isfinite(logits).all(axis=1)))
        measuring.drop(name, "failed", f"a logit of text {row} is not finite; not timed")
    return name not in measuring.dropped


def _judge(
    measuring: Measuring, computed: _Computed, reference: _Computed, decision: DecisionBlock
) -> None:
    expected, logits, kind = reference.logits, computed.logits, computed.kind
    agreement = compare(expected, logits, decision)
    values: dict[str, Any] = {
        "texts": len(logits),
        "max_logit_difference": float(f"{agreement.max_logit_difference:.3g}"),
        "batch_logit_difference": computed.batch_difference,
        "texts_alike": round(agreement.texts_alike, 6),
        "cells_alike": round(agreement.cells_alike, 6),
    }
    note = f"compared with {reference.kind.name}"
    measuring.found(kind.name, Found("agreement", values, note=note))
    both_exact = kind.exact and reference.kind.exact
    if both_exact and (beyond_parity(expected, logits) > 0).any():
        reason = (
            f"claims fp32, but a logit differs from {reference.kind.name} by "
            f"{agreement.max_logit_difference:.3g}; not timed"
        )
        measuring.drop(kind.name, "failed", reason)


def _quality(
    measuring: Measuring,
    computed: _Computed,
    truth: npt.NDArray[np.bool_],
    decision: DecisionBlock,
) -> None:
    point = decision.point(decision.default_point)
    decided = decide(score(computed.logits, decision), decision, point).chosen
    note = f"{len(truth):,} labelled texts, operating point {point.name}"
    names: tuple[str, ...] = ("macro_f1", "micro_f1", "subset_accuracy")
    if decision.one_label:
        names = ("accuracy", "macro_f1")
        single = truth.sum(axis=1) == 1
        note = f"{int(single.sum()):,} texts with exactly one label, operating point {point.name}"
        if not single.any():
            measuring.found(computed.kind.name, Found("quality", {}, note=note))
            return
        truth, decided = truth[single], decided[single]
    judged = Judged(decision.labels, truth, decided, exclusive=decision.one_label, sets=point.sets)
    quality = judge(judged)
    values: dict[str, float | int | None] = {
        name: None if (value := quality.figure(name)) is None else round(value, 4) for name in names
    }
    measuring.found(computed.kind.name, Found("quality", values, note=note))
