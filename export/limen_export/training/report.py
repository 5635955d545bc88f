"""What a training found out, for a person and for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from limen.counted import counted
from limen.evaluation.intervals import Difference
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.wording import headline_row
from limen.format.json_block import Json

from limen_export.training.imbalance_report import PairsImbalance, RestImbalance
from limen_export.training.judging import Judgement, headline_metrics
from limen_export.training.scale_report import ScaleReport
from limen_export.training.settings import TrainSettings
from limen_export.training.trained import Fitted


@dataclass(frozen=True, eq=False)
class Trained:
    """A recipe that was carried out.

    Attributes:
        judgement: how good it is.
        fitted: what carrying it out left beside the folder.
        seconds: that training took.
    """

    judgement: Judgement
    fitted: Fitted
    seconds: float


@dataclass(frozen=True)
class BinaryParts:
    """What is known to be weak about binary classifiers under a rule.

    Attributes:
        imbalance: what each part sees.
        scales: how far their scores are from each other, on test; None for pairs.
    """

    imbalance: RestImbalance | PairsImbalance
    scales: ScaleReport | None


@dataclass(frozen=True, eq=False)
class TrainingReport:
    """The outcome of a training.

    Attributes:
        folder: what `limen export` takes.
        mark: what two trainings with the same result share.
        settings: what was asked for.
        data_name: what the texts are called.
        task: multiclass or multilabel.
        sizes: texts of train, dev and test.
        trained: the recipe.
        baseline: the baseline beside it; None where the recipe is the baseline.
        tuned_less_plain: what thresholds and calibration are worth.
        less_baseline: what the recipe is worth beside the baseline, both tuned.
        parts: of binary classifiers under a rule; None for others.
        versions: (library, version) of what took part.
        notices: what the user should know.
    """

    folder: Path
    mark: str
    settings: TrainSettings
    data_name: str
    task: str
    sizes: tuple[int, int, int]
    trained: Trained
    baseline: Trained | None
    tuned_less_plain: tuple[Difference, ...]
    less_baseline: tuple[Difference, ...]
    parts: BinaryParts | None
    versions: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence on whether the recipe is worth its cost beside the baseline."""
        if self.baseline is None:
            return "this is the baseline itself"
        told = [_compared(one) for one in self.less_baseline]
        better = any(one.low > 0 for one in self.less_baseline)
        advice = "" if better else "; nothing shows that it is worth more than the baseline"
        return (
            f"{self.settings.name} beside the baseline {self.baseline.judgement.name}: "
            f"{', '.join(told)}{advice}"
        )

    def to_json(self) -> Json:
        """Return the report for machines."""
        train, dev, test = self.sizes
        return {
            "baseline": None if self.baseline is None else _figures(self.baseline),
            "curve": [point.to_json() for point in self.trained.fitted.curve],
            "data": {
                "dev": dev,
                "labels": list(self.trained.judgement.plain.judged.labels),
                "name": self.data_name,
                "task": self.task,
                "test": test,
                "train": train,
            },
            "fingerprint": self.mark,
            "folder": self.folder.name,
            "less_baseline": [_difference(one) for one in self.less_baseline],
            "notices": list(self.notices),
            "parts": None
            if self.parts is None
            else {
                "imbalance": self.parts.imbalance.to_json(),
                "scales": None if self.parts.scales is None else self.parts.scales.to_json(),
            },
            "settings": self.settings.to_json(),
            "trained": _figures(self.trained),
            "tuned_less_plain": [_difference(one) for one in self.tuned_less_plain],
            "verdict": self.verdict,
            "versions": dict(self.versions),
        }

    def to_text(self) -> str:
        """Return the report for a person."""
        train, dev, test = self.sizes
        lines = [f"note: {notice}" for notice in self.notices]
        lines.append(
            f"{self.data_name}: {self.task}, "
            f"{counted(len(self.trained.judgement.plain.judged.labels), 'label')}; "
            f"{counted(train, 'text')} to train, {dev:,} dev, {test:,} test"
        )
        lines += table_lines(self)
        if self.parts is not None:
            lines += [f"   {line}" for line in self.parts.imbalance.lines()]
            lines += [
                f"   {line}" for line in (self.parts.scales.lines() if self.parts.scales else ())
            ]
        lines += [f"   {self.verdict}", f"wrote {self.folder}"]
        return "\n".join(lines)


@dataclass(frozen=True)
class ReportRow:
    """One line of the table on test.

    Attributes:
        name: of the classifier.
        decided: how it decides.
        cells: a figure with its interval for each headline metric.
        seconds: that training took.
    """

    name: str
    decided: str
    cells: tuple[str, ...]
    seconds: float


def report_rows(report: TrainingReport) -> Iterator[ReportRow]:
    """Yield the lines of the table on test: baseline first, plain before tuned."""
    for one in (report.baseline, report.trained):
        if one is None:
            continue
        found = one.judgement
        for decided, shown in (
            (f"{found.plain.judged.point}, nothing fitted", found.plain),
            (f"{found.tuned.judged.point}, fitted on dev", found.tuned),
        ):
            yield ReportRow(found.name, decided, _cells(shown), one.seconds)


def table_lines(report: TrainingReport) -> list[str]:
    """Return the table on test as lines of text."""
    rows = list(report_rows(report))
    metrics = headline_metrics(report.trained.judgement.plain.judged)
    header = ("on test", "decided by", *(_title(metric) for metric in metrics), "trained in")
    cells = [header]
    cells += [(row.name, row.decided, *row.cells, f"{row.seconds:,.0f} s") for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    return [
        "   "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _cells(shown: Shown) -> tuple[str, ...]:
    rows = [headline_row(shown.quality, metric) for metric in headline_metrics(shown.judged)]
    return tuple(f"{row.value} ({row.interval.replace(' to ', '-')})" for row in rows)


def _compared(found: Difference) -> str:
    word = "not shown to differ"
    if found.low > 0:
        word = "better"
    elif found.high < 0:
        word = "worse"
    ends = f"{found.low:+.3f} to {found.high:+.3f}"
    return f"{_title(found.metric)} {word} ({found.value:+.3f}, {ends})"


def _title(metric: str) -> str:
    return {"macro_f1": "macro-F1", "micro_f1": "micro-F1"}.get(metric, metric)


def _figures(trained: Trained) -> Json:
    found = trained.judgement
    return {
        "calibration": found.calibration,
        "name": found.name,
        "plain": found.plain.quality.to_json(),
        "points": [shown.quality.to_json() for shown in found.points],
        "seconds": round(trained.seconds, 3),
        "thresholds": {label.label: label.threshold for label in found.tuned.quality.labels},
    }


def _difference(found: Difference) -> Json:
    return {**asdict(found), "metric": str(found.metric)}
