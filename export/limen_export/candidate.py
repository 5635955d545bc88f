"""One precision of a graph: built, stamped without evidence, and opened through the runtime."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnx
from limen.agreement import compare
from limen.arrays import FloatArray
from limen.decision import scores_from_logits
from limen.errors import ExportError, LimenError
from limen.format import (
    DecisionBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Metadata,
    Precision,
    Provenance,
    Rung,
    parse,
    stamp,
)
from limen.model import Model, open_model
from limen.progress import Progress

from limen_export.comparison import require_parity
from limen_export.graph.quantize import to_int8
from limen_export.latency import measure
from limen_export.reference import Reference
from limen_export.settings import NamedTexts

_TIMED_TEXTS = 200
_BUILDS: tuple[Precision, ...] = ("fp32", "int8")


@dataclass(frozen=True)
class Candidate:
    """A graph of one precision.

    Attributes:
        precision: `fp32` or `int8`.
        draft: the stamped file, its evidence and golden texts still empty.
        model: the draft, opened.
        logits: float32 (texts, outputs), of the texts it is compared on.
    """

    precision: Precision
    draft: bytes
    model: Model
    logits: FloatArray


def build_candidates(
    reference: Reference,
    decision: DecisionBlock,
    wanted: Precision,
    texts: NamedTexts,
    expected: FloatArray,
    told: Progress,
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Build every precision, fp32 first, which must give the source's logits (`expected`).

    A precision other than fp32 that nobody asked for may fail: it is left out, with a notice.

    Returns:
        The candidates, and the notices.

    Raises:
        LimenError: fp32 does not agree with the source, or the wanted precision cannot be built or
            gives logits that are not finite.
    """
    built, notices = [], []
    for precision in _BUILDS:
        told.step(f"building {precision} and running it on {len(texts.texts):,} texts")
        try:
            candidate = _build(reference, decision, precision, texts)
            if precision == "fp32":
                require_parity(expected, candidate.logits, reference.name)
            else:
                scores_from_logits(candidate.logits, decision)
        except LimenError as error:
            if precision in ("fp32", wanted):
                raise
            notices.append(f"{precision} is left out: {error}")
        else:
            built.append(candidate)
    return tuple(built), tuple(notices)


def rung_of(
    candidate: Candidate, expected: FloatArray, decision: DecisionBlock, texts: NamedTexts
) -> Rung:
    """Compare a candidate with the source's logits, and time it in a process of its own."""
    agreement = compare(expected, candidate.logits, decision)
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        file = Path(folder) / f"{candidate.precision}.onnx"
        file.write_bytes(candidate.draft)
        latency = measure(file, texts.texts[:_TIMED_TEXTS])
    return Rung(
        precision=candidate.precision,
        size_bytes=len(candidate.draft),
        max_logit_difference=agreement.max_logit_difference,
        texts_alike=agreement.texts_alike,
        cells_alike=agreement.cells_alike,
        p50_ms=round(latency.p50, 4),
    )


def _build(
    reference: Reference, decision: DecisionBlock, precision: Precision, texts: NamedTexts
) -> Candidate:
    model = reference.graph if precision == "fp32" else to_int8(reference.graph)
    graph = _serialised(model, reference.name)
    empty = Evidence(texts.name, len(texts.texts), ())
    draft = stamp(
        graph, metadata_of(reference, decision, precision, empty, Golden((), (), (), 0.0))
    )
    opened = open_model(parse(draft, f"{reference.name} ({precision})"))
    return Candidate(precision, draft, opened, opened.logits(texts.texts))


def _serialised(model: onnx.ModelProto, name: str) -> bytes:
    try:
        data: bytes = model.SerializeToString()
        return data
    except Exception as error:
        raise ExportError(
            f"{name}: the model is over protobuf's limit of 2 GiB; choose a smaller one"
        ) from error


def metadata_of(
    reference: Reference,
    decision: DecisionBlock,
    precision: Precision,
    evidence: Evidence,
    texts: Golden,
) -> Metadata:
    """Put together what a file of this precision carries, dated today."""
    today = datetime.now(UTC).date().isoformat()
    return Metadata(
        decision=decision,
        encoder=reference.encoder,
        execution=ExecutionBlock(precision),
        evidence=evidence,
        golden=texts,
        provenance=Provenance(reference.name, reference.versions, today, reference.licence),
    )
