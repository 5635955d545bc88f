"""Source to reference to graph to precisions to thresholds to stamp to verify: the whole path of an
export.
"""

import tempfile
from pathlib import Path

import numpy as np
from limen.corpus import sentences
from limen.encoder import TokenEncoder
from limen.errors import ExportError, InputError, LimenError, OutputError
from limen.evaluation.collecting import LabelledLogits, check_truth
from limen.evaluation.fit_records import record_of
from limen.evaluation.parts import text_key
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import (
    DecisionBlock,
    Evidence,
    FitRecord,
    OperatingPoint,
    check_writable,
    parse,
    stamp,
    write_whole,
)
from limen.model import Model, open_model
from limen.progress import Progress, progress

from limen_export.candidate import Candidate, build_candidates, metadata_of, rung_of
from limen_export.comparison import LEAST_CELLS_ALIKE
from limen_export.given_thresholds import in_label_order
from limen_export.golden import golden
from limen_export.reference import Reference
from limen_export.report import ExportReport
from limen_export.settings import ExportSettings, LabelledTexts, NamedTexts
from limen_export.sources.checkpoint import read_checkpoint
from limen_export.transformers_quiet import quiet_transformers


def export(
    checkpoint: str, output: Path, settings: ExportSettings, told: Progress | None = None
) -> ExportReport:
    """Turn a checkpoint into a classifier file.

    The file appears under its name only after it was re-opened and compared with the source; on any
    failure nothing is written and an older file stays.

    Args:
        checkpoint: a folder that `save_pretrained` wrote, or a hub name.
        output: where the file goes.
        settings: precision, thresholds, texts and overrides.
        told: is told each step; None writes to standard error if that is a terminal.

    Raises:
        ExportError: the checkpoint cannot become a classifier file, or the result does not agree
            with it.
        InputError: thresholds or texts that cannot be used.
        OutputError: `output` cannot be written.
    """
    check_writable(output)
    try:
        return _export(checkpoint, output, settings, progress() if told is None else told)
    except LimenError:
        raise
    except OSError as error:
        # The output itself is guarded where it is written; this is the folder for temporary files.
        raise OutputError(f"{tempfile.gettempdir()}: {error.strerror or error}") from error


def _export(
    checkpoint: str, output: Path, settings: ExportSettings, told: Progress
) -> ExportReport:
    texts = settings.texts or _corpus_texts()
    if not texts.texts:
        raise InputError(f"{texts.name}: no text to compare on")
    told.step(f"reading {checkpoint} and tracing its graph")
    with quiet_transformers():
        reference = read_checkpoint(checkpoint, settings.rule, settings.max_tokens)
    decision = _decision(reference, settings)
    encoder = TokenEncoder(reference.encoder)
    for index, text in enumerate(texts.texts):
        encoder.encode(text, index)
    told.step(f"running the source on {len(texts.texts):,} texts")
    expected = reference.logits(texts.texts)
    candidates, left_out = build_candidates(
        reference, decision, settings.precision, texts, expected, told
    )
    chosen = next(
        candidate for candidate in candidates if candidate.precision == settings.precision
    )
    fits: tuple[FitRecord, ...] = ()
    if settings.fit_on is not None:
        told.step(f"fitting on {len(settings.fit_on.texts):,} labelled texts")
        decision, record = _fitted(decision, chosen.model, settings.fit_on)
        fits = (record,)
    told.step("timing one text at a time, each precision in its own process")
    rungs = tuple(rung_of(candidate, expected, decision, texts) for candidate in candidates)
    evidence = Evidence(texts.name, len(texts.texts), rungs, fits)
    told.step("stamping, re-opening and verifying")
    data = _stamped(reference, decision, chosen, evidence)
    digest = _verify(data, output.name, chosen, texts)
    write_whole(output, data)
    return ExportReport(
        output, len(data), digest, chosen.precision, evidence, (*reference.notices, *left_out)
    )


def _corpus_texts() -> NamedTexts:
    texts = tuple(
        sentence.text for language in ("en", "ko") for sentence in sentences(language, "test")
    )
    return NamedTexts("limen emotion corpus, test split, English and Korean", texts)


def _decision(reference: Reference, settings: ExportSettings) -> DecisionBlock:
    if settings.thresholds is not None and settings.fit_on is not None:
        raise InputError(
            "thresholds are given and labelled texts to fit them on as well; give one of them"
        )
    multiclass = reference.rule == "multiclass"
    points = [OperatingPoint("argmax", None) if multiclass else _half(reference.labels)]
    if settings.thresholds is not None:
        points.append(
            OperatingPoint("custom", in_label_order(settings.thresholds, reference.labels))
        )
    try:
        return DecisionBlock(
            reference.rule, reference.labels, reference.link, tuple(points), points[-1].name
        )
    except InputError as error:
        raise ExportError(f"{reference.name}: {error}") from error


def _half(labels: tuple[str, ...]) -> OperatingPoint:
    return OperatingPoint("half", (0.5,) * len(labels))


def _fitted(
    decision: DecisionBlock, model: Model, labelled: LabelledTexts
) -> tuple[DecisionBlock, FitRecord]:
    """Fit on the logits that the finished graph gives through the runtime itself."""
    position = {label: index for index, label in enumerate(decision.labels)}
    truth = np.zeros((len(labelled.texts), len(decision.labels)), dtype=np.bool_)
    for row, labels in enumerate(labelled.labels):
        for label in labels:
            if label not in position:
                raise InputError(
                    f"{labelled.name}: text {row} has label {label!r}, which the model does not "
                    f"have"
                )
            truth[row, position[label]] = True
    keys = np.array([text_key(text) for text in labelled.texts], dtype=np.uint64)
    data = LabelledLogits(model.logits(labelled.texts), truth, keys)
    check_truth(truth, decision.labels, exclusive=decision.one_label)
    settings = TuneSettings()
    tuned = fit_block(data, decision, settings, decision.block_name)
    return decision.using(tuned.block), record_of(tuned, data, decision, settings, labelled.name)


def _stamped(
    reference: Reference, decision: DecisionBlock, chosen: Candidate, evidence: Evidence
) -> bytes:
    rung = next(rung for rung in evidence.rungs if rung.precision == chosen.precision)
    if rung.cells_alike < LEAST_CELLS_ALIKE:
        raise ExportError(
            f"{reference.name}: {chosen.precision} decides only {rung.cells_alike:.1%} of (text, "
            f"label) pairs like the source, "
            f"expected at least {LEAST_CELLS_ALIKE:.0%}; use --precision fp32"
        )
    texts = golden(reference, chosen.model, chosen.precision)
    return stamp(chosen.draft, metadata_of(reference, decision, chosen.precision, evidence, texts))


def _verify(data: bytes, name: str, chosen: Candidate, texts: NamedTexts) -> str:
    """Open the finished bytes as a user would and compare them with what was measured, bit for
    bit.
    """
    file = parse(data, name)
    if not np.array_equal(open_model(file).logits(texts.texts), chosen.logits):
        raise ExportError(
            f"{name}: the stamped file gives other logits than the graph that was measured"
        )
    return file.digest
