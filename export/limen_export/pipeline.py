"""Source to reference to graph to precisions to thresholds to stamp to verify: the whole path of an
export.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from limen.devices import PROVIDERS
from limen.encoder import open_encoder
from limen.engine import available_providers
from limen.errors import ExportError, InputError, LimenError, OutputError
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.fit_records import record_of
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
from limen.format.record_blocks import DEVICE_PRECISIONS
from limen.opening import open_model
from limen.progress import Progress, progress

from limen_export.encoder_kinds import check_kind, first_graph
from limen_export.given_thresholds import in_label_order
from limen_export.golden import check_golden, golden
from limen_export.ladder.candidate import Candidate, metadata_of, opened_here, rung_of
from limen_export.ladder.climb import Climb, Ladder
from limen_export.ladder.judging import Judging, judging_on, texts_to_compare, true_labels
from limen_export.reference import Reference
from limen_export.replaced_file import lost_fits
from limen_export.report import ExportReport
from limen_export.rung_choice import why_chosen
from limen_export.settings import ExportSettings, LabelledTexts, NamedTexts, ReadLabelled
from limen_export.sources import composed, given_module, sklearn_pipeline
from limen_export.sources.composing import Composition
from limen_export.sources.given_module import GivenModule
from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.transformers_quiet import quiet_transformers
from limen_export.vocabulary import keep_vocabulary


def export(
    source: object,
    output: Path,
    settings: ExportSettings,
    told: Progress | None = None,
) -> ExportReport:
    """Turn a trained classifier into a classifier file.

    The file appears under its name only after it was re-opened and compared with the source; on any
    failure nothing is written and an older file stays.

    Args:
        source: a folder that `save_pretrained` wrote, a hub name, another kind of
            `sources.recognising.READERS`, a module in memory, parts put together, or a fitted
            scikit-learn pipeline.
        output: where the file goes.
        settings: precision, thresholds, texts and overrides.
        told: is told each step; None writes to standard error if that is a terminal.

    Raises:
        ExportError: the source cannot become a classifier file, or the result does not agree
            with it.
        InputError: thresholds or texts that cannot be used.
        OutputError: `output` cannot be written.
    """
    check_writable(output)
    if settings.golden is not None:
        check_golden(settings.golden.texts)
    _check_precision(settings)
    try:
        return _export(source, output, settings, progress() if told is None else told)
    except LimenError:
        raise
    except OSError as error:
        # The output itself is guarded where it is written; this is the folder for temporary files.
        raise OutputError(f"{tempfile.gettempdir()}: {error.strerror or error}") from error


def _export(
    source: object,
    output: Path,
    settings: ExportSettings,
    told: Progress,
) -> ExportReport:
    wishes = SourceWishes(
        rule=settings.rule,
        max_tokens=settings.max_tokens,
        windows=settings.windows,
        labels=settings.labels,
        head=settings.head,
        trust=settings.trust,
        output=settings.output,
        python=settings.python,
    )
    what, read = _reader(source, settings.source)
    told.step(f"reading {what}, and making its graph")
    with quiet_transformers():
        reference = read(wishes)
    return replace(_exported(reference, output, settings, told), source=what)


def _reader(source: object, forced: str | None) -> tuple[str, Callable[[SourceWishes], Reference]]:
    if isinstance(source, GivenModule):
        return f"module {type(source.module).__name__}", partial(given_module.reference, source)
    if isinstance(source, Composition):
        what = f"{len(source.parts)} parts under {source.rule}"
        return what, partial(composed.reference, source)
    if isinstance(source, str):
        found = recognise(source, forced)
        return found.what, partial(found.reader.read, source)
    estimator = sklearn_pipeline.recognise(source)
    if estimator is None:
        raise InputError(
            f"a {type(source).__name__}; expected a path, a hub name, a torch module, or a fitted "
            "scikit-learn pipeline"
        )
    return estimator, partial(sklearn_pipeline.read, source)


def _exported(
    reference: Reference, output: Path, settings: ExportSettings, told: Progress
) -> ExportReport:
    check_kind(reference, settings)
    decision = _decision(reference, settings)
    labelled = _labelled(settings.labelled, reference)
    whole, kept = reference.encoder, settings.keep_vocabulary
    texts = texts_to_compare(settings.texts or kept, labelled, filled=kept is None)
    _check_encoding(reference, texts)
    if settings.golden is not None:
        _check_encoding(reference, settings.golden)
    if kept is not None:
        told.step("trimming the vocabulary")
        reference, _ = keep_vocabulary(reference, kept)
    told.step("rewriting the graph")
    fp32, graph_notices = first_graph(reference, settings.device)
    told.step(f"running the source on {len(texts.texts):,} texts")
    judging = judging_on(texts, labelled, reference, decision, settings.gate, whole)
    ladder = Ladder(fp32, reference, decision, judging, told, settings.device)
    climbed = ladder.climb(settings.precision)
    chosen = climbed.tried[climbed.chosen]
    fits: tuple[FitRecord, ...] = ()
    if labelled is not None:
        told.step(f"fitting on {len(labelled.texts):,} labelled texts")
        decision, record = _fitted(decision, chosen, labelled)
        fits = (record,)
    if settings.device == "cpu":
        told.step("timing every rung in a process of its own")
    evidence = _evidence(climbed, judging, fits, named=settings.precision != "auto")
    told.step("stamping, re-opening and verifying")
    data = _stamped(reference, decision, chosen, evidence, settings.golden)
    digest = _verify(data, output.name, chosen, judging.texts)
    notices = (*reference.notices, *graph_notices, *climbed.notices, *lost_fits(output))
    write_whole(output, data)
    return ExportReport(output, len(data), digest, chosen.precision, evidence, notices)


def _check_precision(settings: ExportSettings) -> None:
    own = DEVICE_PRECISIONS[settings.device]
    if settings.precision not in ("auto", *own):
        raise InputError(
            f"precision {settings.precision} for device {settings.device}; expected auto, "
            f"{', '.join(own)}"
        )


def _labelled(
    given: LabelledTexts | ReadLabelled | None, reference: Reference
) -> LabelledTexts | None:
    return given(reference.labels) if callable(given) else given


def _check_encoding(reference: Reference, texts: NamedTexts) -> None:
    """A text that cannot be encoded is found before anything runs for minutes."""
    encoder = open_encoder(reference.encoder)
    for index, text in enumerate(texts.texts):
        encoder.encode(text, index)


def _evidence(
    climbed: Climb, judging: Judging, fits: tuple[FitRecord, ...], *, named: bool
) -> Evidence:
    texts = judging.texts.texts
    rungs = tuple(rung_of(tried, climbed.matrices, texts) for tried in climbed.tried)
    return Evidence(
        texts_name=judging.texts.name,
        texts=len(texts),
        rungs=rungs,
        fits=fits,
        chosen=climbed.chosen,
        why=why_chosen(rungs, climbed.chosen, named=named),
        gate=judging.gate.record,
    )


def _decision(reference: Reference, settings: ExportSettings) -> DecisionBlock:
    if settings.thresholds is not None and settings.labelled is not None:
        raise InputError(
            "thresholds are given and labelled texts to fit them on as well; give one of them"
        )
    one_label = reference.rule != "multilabel"
    points = [OperatingPoint("argmax", None) if one_label else _half(reference.labels)]
    thresholds = settings.thresholds or reference.thresholds
    if thresholds is not None:
        points.append(OperatingPoint("custom", in_label_order(thresholds, reference.labels)))
    try:
        return DecisionBlock(
            reference.rule, reference.labels, reference.link, tuple(points), points[-1].name
        )
    except InputError as error:
        raise ExportError(f"{reference.name}: {error}") from error


def _half(labels: tuple[str, ...]) -> OperatingPoint:
    return OperatingPoint("half", (0.5,) * len(labels))


def _fitted(
    decision: DecisionBlock, chosen: Candidate, labelled: LabelledTexts
) -> tuple[DecisionBlock, FitRecord]:
    """Fit on the logits that the finished graph gave through the runtime itself."""
    known = true_labels(labelled, decision)
    data = LabelledLogits(chosen.logits[: len(labelled.texts)], known.truth, known.keys)
    settings = TuneSettings()
    tuned = fit_block(data, decision, settings, decision.block_name)
    return decision.using(tuned.block), record_of(tuned, data, decision, settings, labelled.name)


def _stamped(
    reference: Reference,
    decision: DecisionBlock,
    chosen: Candidate,
    evidence: Evidence,
    texts: NamedTexts | None,
) -> bytes:
    own = None if texts is None else texts.texts
    tested = golden(reference, chosen.model, chosen.precision, chosen.draft, own)
    return stamp(chosen.draft, metadata_of(reference, decision, chosen.execution, evidence, tested))


def _verify(data: bytes, name: str, chosen: Candidate, texts: NamedTexts) -> str:
    """Open the finished bytes as a user would and compare them with what was measured, bit for
    bit.
    """
    file = parse(data, name)
    if not np.array_equal(opened_here(file).logits(texts.texts), chosen.logits):
        raise ExportError(
            f"{name}: the stamped file gives other logits than the graph that was measured"
        )
    device = chosen.execution.device
    if device != "cpu" and PROVIDERS[device] in available_providers():
        # The golden texts run again where the file will.
        open_model(file, device=device).close()
    return file.digest
