"""Training and export one after the other: from labelled texts to a classifier file."""

import json
from dataclasses import dataclass
from pathlib import Path

from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.judging_a_file import EvaluationSettings, evaluate
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.wording import headline_row
from limen.format import read
from limen.format.json_block import Json
from limen.progress import Progress

from limen_export.pipeline import export
from limen_export.report import ExportReport
from limen_export.settings import ExportSettings, LabelledTexts, NamedTexts, PrecisionChoice
from limen_export.training.examples import Examples
from limen_export.training.judging import headline_metrics
from limen_export.training.run import mark_of, train
from limen_export.training.settings import TrainSettings
from limen_export.training.splitting import Split
from limen_export.training.unfinished import RECORD

_COMPARED = 1_000
"""Training texts that rungs are compared on, beside those of dev."""


@dataclass(frozen=True)
class BuildSettings:
    """What is built.

    Attributes:
        training: what is trained, and how.
        folder: where the training is kept; one of the same settings and texts is used again.
        precision: of the file.
        overwrite: replace another training in that folder.
    """

    training: TrainSettings
    folder: Path
    precision: PrecisionChoice = "auto"
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class Built:
    """A classifier file, and how it came to be.

    Attributes:
        trained: the training's report as text.
        record: the same for machines.
        exported: of the export.
        shown: the file's own decisions on the test texts, at its default point.
        said: the notices in `trained`; those of thresholds fitted on dev come again with the file,
            whose thresholds are fitted on dev too.
    """

    trained: str
    record: Json
    exported: ExportReport
    shown: Shown
    said: tuple[str, ...] = ()

    @property
    def judged(self) -> str:
        """One line on how good the file itself is."""
        rows = [
            headline_row(self.shown.quality, name) for name in headline_metrics(self.shown.judged)
        ]
        figures = ", ".join(f"{row.title} {row.value} ({row.interval})" for row in rows)
        return f"   the file on {counted(self.shown.quality.texts, 'test text')}: {figures}"

    def to_json(self) -> Json:
        """Return everything for machines."""
        return {
            "exported": self.exported.to_json(),
            "judged": self.shown.quality.to_json(),
            "trained": self.record,
        }


def build(data: Split, output: Path, settings: BuildSettings, told: Progress) -> Built:
    """Train, export with thresholds fitted on dev, and judge the file on test.

    A training in the folder that was made of the same texts with the same settings is taken as it
    is.

    Args:
        data: texts to learn from, to fit on, and to judge by.
        output: the classifier file.
        settings: what is trained and exported.
        told: is told what happens.

    Raises:
        LimenError: as `train` and `export`.
    """
    record, text, said = _trained(data, settings, told)
    try:
        exported, shown = _exported(data, output, settings, told)
    except KeyboardInterrupt as error:
        error.add_note(
            "running the same command again goes on from the finished training in "
            f"{settings.folder}"
        )
        raise
    return Built(text, record, exported, shown, said)


def _exported(
    data: Split, output: Path, settings: BuildSettings, told: Progress
) -> tuple[ExportReport, Shown]:
    """Export the training in the folder, and judge the file on test."""
    # Texts of the user's own kind, not the project's sentences, show whether a rung agrees.
    own = NamedTexts(data.train.name, data.train.texts[:_COMPARED])
    choice = ExportSettings(precision=settings.precision, labelled=_labelled(data.dev), texts=own)
    exported = export(str(settings.folder), output, choice, told)
    file = read(output)
    labels = file.metadata.decision.labels
    evaluation = evaluate(
        file, data.test.name, _rows(data.test, labels), EvaluationSettings(), told
    )
    return exported, evaluation.points[0]


def _trained(
    data: Split, settings: BuildSettings, told: Progress
) -> tuple[Json, str, tuple[str, ...]]:
    """Train, or find the training; return its record, its report and the notices in that."""
    folder = settings.folder
    mark = mark_of(settings.training, data)
    record = _record(folder)
    if record.get("fingerprint") == mark:
        told.step(f"{folder} holds this training already")
        return record, f"{folder}: trained before, with the same settings and texts", ()
    report = train(data, folder, settings.training, told, overwrite=settings.overwrite)
    return report.to_json(), report.to_text(), report.notices


def _record(folder: Path) -> dict[str, Json]:
    try:
        found: Json = json.loads((folder / RECORD).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / RECORD}: cannot be read; expected the record of a training; name another "
            "folder (--folder)"
        ) from error
    return found if isinstance(found, dict) else {}


def _labelled(part: Examples) -> LabelledTexts:
    names = [
        tuple(label for label, true in zip(part.labels, row, strict=True) if true)
        for row in part.truth
    ]
    return LabelledTexts(part.name, part.texts, tuple(names))


def _rows(part: Examples, labels: tuple[str, ...]) -> list[LabelledText]:
    columns = [part.labels.index(label) for label in labels]
    return [
        LabelledText(text, tuple(int(place) for place in row[columns].nonzero()[0]))
        for text, row in zip(part.texts, part.truth, strict=True)
    ]
