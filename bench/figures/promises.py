"""How often operating points with a promise keep it, on real texts that did not certify them."""

from pathlib import Path

import limen
import numpy as np
import numpy.typing as npt
from limen.arrays import IntArray
from limen.decision import decide, score
from limen.evaluation.collecting import LabelledLogits, collect
from limen.evaluation.labelled_source import LabelledSource
from limen.evaluation.labelled_texts import read_labelled
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import DecisionBlock, read
from limen.format.point_names import parse_point_name

_RUNS = 200

Row = dict[str, object]


def measure_promises(file: Path, labelled: Path, name: str, points: tuple[str, ...]) -> list[Row]:
    """Make each point 200 times and judge it.

    `coverage@C` is made on random halves and judged on the other: the mean over them has the
    promise as its expectation. `precision@P:confC` is made on draws with replacement, as many as
    half of the texts, and judged on all texts, which then are the population: so the true precision
    is known.

    Args:
        file: a classifier file without calibration.
        labelled: .jsonl with `text` and `labels`.
        name: what the figures call it.
        points: names of points with a promise.
    """
    decision = read(file).metadata.decision
    data = collect(limen.load(file), read_labelled(LabelledSource(labelled), decision.labels))
    return [
        {"name": name, "point": point}
        | (_covered if point.startswith("coverage") else _kept)(data, decision, point)
        for point in points
    ]


def _covered(data: LabelledLogits, decision: DecisionBlock, point: str) -> Row:
    draw = np.random.default_rng(1)
    found = []
    for _ in range(_RUNS):
        order = draw.permutation(len(data))
        made, judged = order[: len(data) // 2], data.at(order[len(data) // 2 :])
        given = _given(_keyed(data, made, draw), judged, decision, point)
        if given is not None:
            true = judged.truth.sum(axis=1)
            hits = (judged.truth & given).sum(axis=1)
            found.append(float(np.where(true > 0, hits / np.maximum(true, 1), 1.0).mean()))
    return {"made": len(found), "mean": round(float(np.mean(found)), 4), "kept": None}


def _kept(data: LabelledLogits, decision: DecisionBlock, point: str) -> Row:
    parsed = parse_point_name(point)
    level = 0.0 if parsed is None or parsed.level is None else parsed.level
    draw = np.random.default_rng(3)
    made = kept = hits = decided = 0
    for _ in range(_RUNS):
        rows = draw.integers(0, len(data), len(data) // 2)
        given = _given(_keyed(data, rows, draw), data, decision, point)
        if given is None:
            continue
        right, all_of = (given & data.truth).sum(axis=0), given.sum(axis=0)
        if decision.one_label:
            right, all_of = right.sum(keepdims=True), all_of.sum(keepdims=True)
        made += int((all_of > 0).sum())
        kept += int(((all_of > 0) & (right >= level * all_of)).sum())
        hits, decided = hits + int(right.sum()), decided + int(all_of.sum())
    return {"made": made, "mean": round(hits / decided, 4), "kept": round(kept / made, 4)}


def _keyed(data: LabelledLogits, rows: IntArray, draw: np.random.Generator) -> LabelledLogits:
    """Some texts under random keys: another division into parts every time."""
    keys = draw.integers(0, 2**64, len(rows), dtype=np.uint64)
    return LabelledLogits(data.logits[rows], data.truth[rows], keys)


def _given(
    made: LabelledLogits, judged: LabelledLogits, decision: DecisionBlock, point: str
) -> npt.NDArray[np.bool_] | None:
    """Labels given at the point, or None where it could not be made."""
    block = fit_block(made, decision, TuneSettings(points=(point,), calibration="none"), "p").block
    if point not in {one.name for one in block.points}:
        return None
    fitted = decision.using(block)
    return decide(score(judged.logits, fitted), fitted, fitted.point(point)).chosen
