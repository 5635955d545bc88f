"""What each loss and each sampler does to a linear head on real data: the tables of
docs/training-imbalance.md.

`python bench/figures/training_losses.py` measures all, about ten minutes on one core, or one part
with `--only`; each part replaces its own figures. It wants real data that is not part of the
project (CONTRIBUTING.md), and uses one thread.
"""

import argparse
import json
import sys
from dataclasses import replace
from datetime import date
from time import perf_counter
from typing import Any

import numpy as np
import torch
from documents import replace_block
from label_samplers import measure_samplers
from limen.arrays import FloatArray
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.intervals import Metric, judge_with_intervals, paired_difference
from limen.evaluation.judged import Judged
from limen.evaluation.judged_point import judged_at
from limen.evaluation.parts import folds
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import DecisionBlock, OperatingPoint, Rule
from limen_export.training.examples import Examples
from limen_export.training.imbalance_report import pairs_imbalance, rest_imbalance
from limen_export.training.loss_settings import LossSettings
from limen_export.training.scale_report import scale_report
from make_figures import FIGURES, ROOT, WORK, real_data
from training_heads import Variant, trained
from training_losses_tables import training_losses_markdown
from training_subjects import SUBJECTS, Subject

FOUND = FIGURES / "training_losses.json"
DOCUMENT = ROOT / "docs" / "training-imbalance.md"


LOSSES = (
    Variant("plain"),
    Variant("weighted", LossSettings(weighted=True)),
    Variant("focal", LossSettings("focal")),
    Variant("focal, weighted", LossSettings("focal", weighted=True)),
    Variant("class-balanced focal", LossSettings("class_balanced_focal")),
    Variant("smoothing 0.1", LossSettings(smoothing=0.1)),
)
SAMPLED = tuple(Variant(name, sampler=name) for name in ("over", "under", "smote"))
MULTILABEL = tuple(
    replace(variant, rule="multilabel")
    for variant in (
        *LOSSES[:2],
        Variant("weighted, cap 10", LossSettings(weighted=True, pos_weight_cap=10.0)),
        *LOSSES[2:],
        Variant("cooccurrence", sampler="cooccurrence"),
    )
)
RULES: tuple[Rule, ...] = ("one_vs_rest", "one_vs_one")


def main() -> int:
    """Measure what is asked for, and write the tables from all that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=(*SUBJECTS, "samplers"), help="measure one part")
    parser.add_argument("--documents", action="store_true", help="measure nothing, write tables")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}
    if not arguments.documents:
        real = real_data()
        for name in [arguments.only] if arguments.only else (*SUBJECTS, "samplers"):
            if name == "samplers":
                found[name] = measure_samplers(real)
            else:
                found[name] = measure_subject(SUBJECTS[name](real, WORK))
        found["date"] = date.today().isoformat()
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    replace_block(DOCUMENT, training_losses_markdown(FOUND), "training_losses")
    return 0


def measure_subject(subject: Subject) -> dict[str, Any]:
    """Train a head in every way and compare each with the plain one of its rule."""
    if subject.train.task == "multilabel":
        runs = {"multilabel": MULTILABEL}
    else:
        runs = {"multiclass": (*LOSSES, *SAMPLED)}
        runs |= {rule: tuple(replace(one, rule=rule) for one in LOSSES[:5]) for rule in RULES}
    support = subject.train.support
    return {
        "told": subject.told,
        "texts": [len(subject.train), *_halves(subject.held_out)],
        "labels": len(subject.train.labels),
        "support": [int(support.min()), int(np.median(support)), int(support.max())],
        "imbalance": _imbalance(subject.train),
        "rules": {rule: _compared(subject, variants) for rule, variants in runs.items()},
    }


def _halves(examples: Examples) -> list[int]:
    counts = np.bincount(folds(examples.keys, 2, "halves"), minlength=2)
    return [int(count) for count in counts]


def _imbalance(train: Examples) -> list[str]:
    lines = rest_imbalance(train).lines()[:2]
    return [*lines, *(pairs_imbalance(train).lines()[:2] if train.task == "multiclass" else ())]


def _compared(subject: Subject, variants: tuple[Variant, ...]) -> list[dict[str, Any]]:
    rows, plain = [], None
    for variant in variants:
        start = perf_counter()
        logits, texts = trained(subject, variant)
        seconds = perf_counter() - start
        judged, scales = _judged(subject, variant, logits)
        plain = plain or judged
        rows.append(
            {
                "name": variant.name,
                "seconds": round(seconds, 1),
                "texts": texts,
                "points": {name: _figures(one) for name, one in judged.items()},
                "differences": {
                    name: _differences(plain[name], one) for name, one in judged.items()
                },
                "scales": scales,
            }
        )
        print(f"{subject.name}, {variant.rule}, {variant.name}: {seconds:.1f} s", flush=True)
    return rows


def _judged(
    subject: Subject, variant: Variant, logits: FloatArray
) -> tuple[dict[str, Judged], dict[str, Any] | None]:
    """Decisions on one half of the held-out texts: as trained, and by calibration and thresholds
    that were fitted on the other half.
    """
    held_out = subject.held_out
    half = folds(held_out.keys, 2, "halves")
    data = LabelledLogits(logits, held_out.truth, held_out.keys)
    exclusive = variant.rule != "multilabel"
    thresholds = None if exclusive else (0.5,) * len(held_out.labels)
    point = OperatingPoint("argmax" if exclusive else "half", thresholds)
    link = "softmax" if variant.rule == "multiclass" else "sigmoid"
    decision = DecisionBlock(variant.rule, held_out.labels, link, (point,), point.name)
    tuned = fit_block(data.at(half == 0), decision, TuneSettings(points=("f1",)), "tuned")
    fitted = decision.using(tuned.block)
    judge = data.at(half == 1)
    judged = {
        point.name: _at(judge, decision, point),
        "f1": _at(judge, fitted, fitted.point("f1")),
    }
    scales = None
    if variant.rule in ("multilabel", "one_vs_rest"):
        scores = judged["f1"].scores
        assert scores is not None  # noqa: S101  (for the type checker)
        report = scale_report(judge.logits, scores, judge.truth, held_out.labels)
        scales = {key: value for key, value in report.to_json().items() if key != "parts"}
        scales["calibration"] = tuned.calibration
    return judged, scales


def _at(data: LabelledLogits, decision: DecisionBlock, point: OperatingPoint) -> Judged:
    return judged_at(data.logits, data.truth, decision, point)


def _metrics(judged: Judged) -> tuple[Metric, ...]:
    if judged.exclusive:
        return ("macro_f1", "accuracy", "brier")
    return ("macro_f1", "micro_f1", "subset_accuracy", "brier")


def _figures(judged: Judged) -> dict[str, list[float]]:
    found = {one.metric: one for one in judge_with_intervals(judged).intervals}
    return {
        name: [round(number, 4) for number in (one.value, one.low, one.high)]
        for name in _metrics(judged)
        for one in (found[name],)
    }


def _differences(plain: Judged, judged: Judged) -> dict[str, list[float]]:
    found = {}
    for name in _metrics(judged):
        difference = paired_difference(plain, judged, name)
        numbers = (difference.value, difference.low, difference.high)
        found[name] = [round(number, 4) for number in numbers]
    return found


if __name__ == "__main__":
    sys.exit(main())
