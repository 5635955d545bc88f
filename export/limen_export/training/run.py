"""From labelled texts to a folder that `limen export` takes, with an honest report beside it."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from limen.decision import scores_from_logits
from limen.errors import LimenError, OutputError, reason
from limen.progress import Progress

from limen_export.training.backbones import find_backbone
from limen_export.training.checkpoints import last_whole
from limen_export.training.examples import Examples
from limen_export.training.imbalance_report import pairs_imbalance, rest_imbalance
from limen_export.training.judging import Judgement, check_parts, compared, judge_trained
from limen_export.training.reading_back import read_back
from limen_export.training.recipes import TfidfRecipe, rule_of
from limen_export.training.report import BinaryParts, Trained, TrainingReport
from limen_export.training.scale_report import scale_report
from limen_export.training.settings import TrainSettings, usual_settings
from limen_export.training.splitting import Split
from limen_export.training.trained import fit
from limen_export.training.training_page import training_page
from limen_export.training.unfinished import (
    RECORD,
    Unfinished,
    begin,
    check_target,
    fingerprint,
)
from limen_export.versions import installed_versions

BASELINE = "tfidf"
PAGE = "report.html"
DEV, TEST = "dev.jsonl", "test.jsonl"
_LIBRARIES = (
    *("limen", "numpy", "scikit-learn", "imbalanced-learn", "torch", "transformers"),
    *("tokenizers", "accelerate", "skops"),
)


def train(
    data: Split, output: Path, settings: TrainSettings, told: Progress, *, overwrite: bool = False
) -> TrainingReport:
    """Train, fit thresholds on dev, judge on test beside the baseline, and write it all down.

    The folder holds what `limen export` takes, `training.json` (settings and figures),
    `report.html`, and the texts of dev and test, so that `limen export --data` fits on dev and
    `limen evaluate` judges on test. It appears when all of it is there. A run that was interrupted
    goes on from its last checkpoint when it is started again with the same settings and texts.

    Args:
        data: texts to learn from, to fit on, and to judge by.
        output: the folder; must not be there.
        settings: what is trained, and how.
        told: is told what happens.
        overwrite: replace a folder that an earlier training wrote.

    Raises:
        InputError: settings that do not fit the data, too few texts, or the folder is there.
        ExportError: there is no such backbone, or what was trained cannot be exported.
        OutputError: no room, or the folder cannot be written; checkpoints stay.
    """
    check_target(output, overwrite=overwrite)
    rule_of(settings.recipe, data.train.task, len(data.train.labels))
    check_parts(data)
    mark = mark_of(settings, data)
    work = begin(output, mark)
    try:
        report = _grown(work, mark, output, settings, data, told)
    except KeyboardInterrupt as error:
        if last_whole(work.checkpoints) is not None:
            error.add_note("running the same command again goes on from the last checkpoint")
        work.drop_if_nothing_is_lost()
        raise
    except LimenError:
        work.drop_if_nothing_is_lost()
        raise
    work.finish(output)
    return report


def mark_of(settings: TrainSettings, data: Split) -> str:
    """Return what two trainings with the same result share.

    Raises:
        MissingExtraError, ExportError: there is no such backbone.
    """
    recipe = settings.recipe
    backbone = None
    if not isinstance(recipe, TfidfRecipe):
        backbone = find_backbone(recipe.backbone).path
    return fingerprint(settings, (data.train, data.dev, data.test), backbone)


def _grown(
    work: Unfinished,
    mark: str,
    output: Path,
    settings: TrainSettings,
    data: Split,
    told: Progress,
) -> TrainingReport:
    """Train in the unfinished folder until its result is whole."""
    if work.goes_on:
        told.step("an interrupted run of this training is there: going on with it")
        note = "an interrupted run was gone on with: the time is that of its last part"
        data = replace(data, notices=(*data.notices, note))
    try:
        main = _carried_out(settings, data, work, told)
        usual = replace(usual_settings(BASELINE), seed=settings.seed, bootstrap=settings.bootstrap)
        baseline = None if _same(settings, usual, data) else _baseline(usual, data, told)
        report = _report(output, mark, settings, data, main, baseline)
        _write(report, data, work.result)
    except LimenError:
        raise
    except OSError as error:
        raise OutputError(
            f"{work.folder}: cannot be written ({reason(error)}); make room and run the same "
            "command again"
        ) from error
    return report


def _carried_out(settings: TrainSettings, data: Split, work: Unfinished, told: Progress) -> Trained:
    begun = monotonic()
    fitted = fit(settings, data.train, data.dev, work, told)
    seconds = monotonic() - begun
    told.step(f"reading {settings.name} back as limen export does, and judging")
    judged = judge_trained(
        read_back(work.result), settings.name, data.dev, data.test, settings.bootstrap
    )
    return Trained(judged, fitted, seconds)


def _same(settings: TrainSettings, usual: TrainSettings, data: Split) -> bool:
    """Whether a training is the baseline by another name: where a text can have several labels, the
    baseline has a classifier for each of them as well.
    """
    recipe = settings.recipe
    if isinstance(recipe, TfidfRecipe) and data.train.task == "multilabel":
        recipe = replace(recipe, parts=None)
    return replace(settings, name=BASELINE, recipe=recipe) == usual


def _baseline(usual: TrainSettings, data: Split, told: Progress) -> Trained:
    with TemporaryDirectory() as folder:
        work = Unfinished(Path(folder))
        work.result.mkdir()
        return _carried_out(usual, data, work, told)


def _report(
    output: Path,
    mark: str,
    settings: TrainSettings,
    data: Split,
    main: Trained,
    baseline: Trained | None,
) -> TrainingReport:
    judged, bootstrap = main.judgement, settings.bootstrap
    against = (
        () if baseline is None else compared(baseline.judgement.tuned, judged.tuned, bootstrap)
    )
    return TrainingReport(
        folder=output,
        mark=mark,
        settings=settings,
        data_name=data.train.name,
        task=data.train.task,
        sizes=(len(data.train), len(data.dev), len(data.test)),
        trained=main,
        baseline=baseline,
        tuned_less_plain=compared(judged.plain, judged.tuned, bootstrap),
        less_baseline=against,
        parts=_binary_parts(data.train, judged),
        versions=installed_versions(_LIBRARIES),
        notices=(*data.notices, *main.fitted.notices, *judged.notices),
    )


def _binary_parts(train: Examples, judged: Judgement) -> BinaryParts | None:
    rule = judged.decision.rule
    if rule == "one_vs_one":
        return BinaryParts(pairs_imbalance(train), None)
    if rule == "multiclass":
        return None
    # On texts that the calibration has not seen: on its own every slope would be 1.
    test, decision = judged.test, judged.decision
    scores = scores_from_logits(test.logits, decision)
    scales = scale_report(test.logits, scores, test.truth, decision.labels)
    return BinaryParts(rest_imbalance(train), scales)


def _write(report: TrainingReport, data: Split, folder: Path) -> None:
    for name, part in ((DEV, data.dev), (TEST, data.test)):
        (folder / name).write_text(_json_lines(part), "utf-8")
    (folder / PAGE).write_text(training_page(report), "utf-8")
    record = json.dumps(report.to_json(), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / RECORD).write_text(record + "\n", "utf-8")


def _json_lines(part: Examples) -> str:
    lines = []
    for text, row in zip(part.texts, part.truth, strict=True):
        names = [label for label, true in zip(part.labels, row, strict=True) if true]
        lines.append(json.dumps({"text": text, "labels": names}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)
