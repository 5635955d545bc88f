"""What calibration and thresholds are worth on real texts that they were not fitted on, and what
deciding costs beside computing.
"""

import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import limen
import numpy as np
from limen.arrays import IntArray
from limen.decision import decide, score
from limen.evaluation.calibration_error import classwise_errors, reliability
from limen.evaluation.collecting import LabelledLogits, collect
from limen.evaluation.intervals import judge_with_intervals, paired_difference
from limen.evaluation.judged import Judged
from limen.evaluation.judged_point import judged_at
from limen.evaluation.labelled_source import LabelledSource
from limen.evaluation.labelled_texts import read_labelled
from limen.evaluation.parts import folds
from limen.evaluation.thresholds import Grid
from limen.evaluation.tuning import Tuned, TuneSettings, fit_block
from limen.format import DecisionBlock, OperatingPoint, read
from limen.prediction import predictions

_GRID = Grid(0.1, 0.9, 0.05)
_SPLITS = 12
_COSTED_TEXTS, _COSTED_LABELS, _CHUNK = 100_000, 44, 1_024
_RUNS = 5
_RESAMPLES = 500

Row = dict[str, object]


def measure_deciding(file: Path, labelled: Path, name: str) -> dict[str, object]:
    """Fit on one half of the labelled texts and judge on the other, both ways round, then on random
    halves.

    Args:
        file: a classifier file without calibration.
        labelled: .jsonl with `text` and `labels`.
        name: what the figures call it.
    """
    decision = read(file).metadata.decision
    rows = read_labelled(LabelledSource(labelled), decision.labels)
    data = collect(limen.load(file), rows)
    half = folds(data.keys, 2, "halves")
    fixed = [
        _judged(data.at(half == fitted), data.at(half != fitted), decision) for fitted in (0, 1)
    ]
    return {"name": name, "texts": len(data), "halves": fixed, "random": _random(data, decision)}


def measure_cost() -> dict[str, object]:
    """Time logits to Predictions, in the chunks that `Model.stream` uses, in one thread."""
    draw = np.random.default_rng(0)
    labels = tuple(f"label {place}" for place in range(_COSTED_LABELS))
    point = OperatingPoint("f1", tuple(draw.uniform(0.2, 0.6, _COSTED_LABELS).tolist()))
    decision = DecisionBlock("multilabel", labels, "sigmoid", (point,), "f1")
    logits = draw.normal(-2.3, 2.5, (_COSTED_TEXTS, _COSTED_LABELS)).astype(np.float32)
    seconds = []
    for _ in range(_RUNS):
        start = perf_counter()
        kept = []
        for first in range(0, _COSTED_TEXTS, _CHUNK):
            scored = score(logits[first : first + _CHUNK], decision)
            decided = decide(scored, decision, point)
            cut = [False] * len(scored.scores)
            kept.append(predictions(labels, scored.scores, decided, cut))
        seconds.append(perf_counter() - start)
    return {"texts": _COSTED_TEXTS, "labels": _COSTED_LABELS, "seconds": sorted(seconds)}


def measure_rate(file: Path, labelled: Path) -> float:
    """Return how many texts a second the graph computes in bulk, on all cores."""
    model = limen.load(file)
    with labelled.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    model.logits(texts[:200])
    start = perf_counter()
    model.logits(texts)
    return len(texts) / (perf_counter() - start)


def _judged(fit: LabelledLogits, judge: LabelledLogits, decision: DecisionBlock) -> Row:
    points = ("argmax", "f1", "half") if decision.one_label else ("f1", "micro_f1", "half")
    tuned = fit_block(fit, decision, TuneSettings(points=points), "fitted")
    grid = fit_block(fit, decision, TuneSettings(points=("f1",), grid=_GRID), "grid")
    plain = OperatingPoint("half", (0.5,) * len(decision.labels))
    found = {
        "0.5, not calibrated": _at(judge, decision, plain),
        "f1 on a grid": _at(judge, *_point(decision, grid, "f1")),
    }
    for name in points:
        found[name] = _at(judge, *_point(decision, tuned, name))
    rows: Row = {"fitted on": len(fit), "judged on": len(judge), "calibration": tuned.calibration}
    rows["points"] = {name: _figures(one) for name, one in found.items()}
    raw, fitted = found["0.5, not calibrated"], found["f1"]
    rows["differences"] = {
        "f1 less 0.5, not calibrated": _difference(raw, fitted, "macro_f1"),
        "f1 less f1 on a grid": _difference(found["f1 on a grid"], fitted, "macro_f1"),
        "Brier score, calibrated less not": _difference(raw, fitted, "brier"),
        "calibration error, calibrated less not": _error_difference(raw, fitted),
    }
    rows["calibration error"] = {"before": _error(raw), "after": _error(fitted)}
    rows["notices"] = list(tuned.notices)
    return rows


def _point(
    decision: DecisionBlock, tuned: Tuned, name: str
) -> tuple[DecisionBlock, OperatingPoint]:
    fitted = decision.using(tuned.block)
    return fitted, fitted.point(name)


def _at(data: LabelledLogits, decision: DecisionBlock, point: OperatingPoint) -> Judged:
    return judged_at(data.logits, data.truth, decision, point)


def _figures(judged: Judged) -> dict[str, list[float]]:
    quality = judge_with_intervals(judged)
    wanted = ("macro_f1", "micro_f1", "accuracy" if judged.exclusive else "subset_accuracy")
    found = {interval.metric: interval for interval in quality.intervals}
    return {
        name: [
            round(number, 4) for number in (found[name].value, found[name].low, found[name].high)
        ]
        for name in wanted
    }


def _difference(first: Judged, second: Judged, metric: str) -> list[float]:
    if metric == "macro_f1":
        found = paired_difference(first, second, "macro_f1")
    else:
        found = paired_difference(first, second, "brier")
    return [round(number, 5) for number in (found.value, found.low, found.high)]


def _error(judged: Judged) -> float:
    """Top-label calibration error of a rule that gives one label, else the mean of the labels'."""
    if judged.scores is None:
        return float("nan")
    if judged.exclusive:
        return round(reliability(judged.scores, judged.truth, exclusive=True).error, 5)
    return round(float(classwise_errors(judged.scores, judged.truth).mean()), 5)


def _error_difference(first: Judged, second: Judged) -> list[float]:
    """Calibration error of the second less the first, with its 95 % interval: texts are drawn with
    replacement, and both are judged on the same draws.
    """
    draw = np.random.default_rng(0)
    texts = len(first.truth)
    drawn = []
    for _ in range(_RESAMPLES):
        rows = draw.integers(0, texts, texts)
        drawn.append(_error(_rows(second, rows)) - _error(_rows(first, rows)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return [round(number, 5) for number in (_error(second) - _error(first), low, high)]


def _rows(judged: Judged, rows: IntArray) -> Judged:
    scores = None if judged.scores is None else judged.scores[rows]
    return replace(judged, truth=judged.truth[rows], chosen=judged.chosen[rows], scores=scores)


def _random(data: LabelledLogits, decision: DecisionBlock) -> dict[str, list[float]]:
    """Macro-F1 of each way over random halves: mean, and standard deviation of the difference to
    `f1`, over the halves.
    """
    draw = np.random.default_rng(1)
    found: dict[str, list[float]] = {}
    for _ in range(_SPLITS):
        order = draw.permutation(len(data))
        middle = len(data) // 2
        one = _judged(data.at(order[:middle]), data.at(order[middle:]), decision)
        points = one["points"]
        if isinstance(points, dict):
            for name, figures in points.items():
                found.setdefault(name, []).append(figures["macro_f1"][0])
    best = np.array(found["f1"])
    return {
        name: [round(float(np.mean(values)), 4), round(float(np.std(best - values, ddof=1)), 4)]
        for name, values in found.items()
    }
