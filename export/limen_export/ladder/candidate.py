"""One rung: its graph stamped without evidence, opened through the runtime, and judged."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnx
from limen.arrays import FloatArray
from limen.errors import ExportError
from limen.evaluation.gating import GateFigures
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
from limen.model import Model
from limen.opening import open_model

from limen_export.comparison import require_parity
from limen_export.ladder.judging import Judging
from limen_export.latency import measure
from limen_export.reference import Reference

_TIMED_TEXTS = 200


@dataclass(frozen=True, eq=False)
class Candidate:
    """A rung that was built and judged.

    Attributes:
        precision: of the rung.
        in_float: matrices that a mixed rung leaves in float.
        draft: the stamped file, its evidence and golden texts still empty.
        model: the draft, opened.
        logits: float32 (texts, outputs), of the texts that it was judged on.
        figures: the gate's.
    """

    precision: Precision
    in_float: tuple[str, ...]
    draft: bytes
    model: Model
    logits: FloatArray
    figures: GateFigures


def candidate_of(
    graph: onnx.ModelProto,
    precision: Precision,
    in_float: tuple[str, ...],
    reference: Reference,
    decision: DecisionBlock,
    judging: Judging,
) -> Candidate:
    """Stamp a graph, open it as a user would, run the texts and judge.

    Raises:
        EngineError: onnxruntime refuses the graph, or a logit is not finite.
        ExportError: the graph is too large for a file, or one in fp32 does not give the source's
            logits.
    """
    empty = Evidence(judging.texts.name, len(judging.texts.texts), ())
    draft = stamp(
        serialised(graph, reference.name),
        metadata_of(reference, decision, precision, empty, Golden((), (), (), 0.0)),
    )
    opened = open_model(parse(draft, f"{reference.name} ({precision})"))
    logits = opened.logits(judging.texts.texts)
    if precision == "fp32":
        must = judging.exact
        require_parity(judging.expected[must], logits[must], reference.name)
    return Candidate(precision, in_float, draft, opened, logits, judging.judge(logits))


def rung_of(candidate: Candidate, matrices: int, texts: tuple[str, ...]) -> Rung:
    """Time a candidate in a process of its own, and write down what is known of it.

    Args:
        candidate: the rung.
        matrices: how many weight matrices the body has.
        texts: to time it on.
    """
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        file = Path(folder) / f"{candidate.precision}.onnx"
        file.write_bytes(candidate.draft)
        speed = measure(file, texts[:_TIMED_TEXTS])
    figures, kept = candidate.figures, candidate.in_float
    return Rung(
        precision=candidate.precision,
        size_bytes=len(candidate.draft),
        max_logit_difference=figures.max_logit_difference,
        texts_alike=figures.texts_alike,
        cells_alike=figures.cells_alike,
        p50_ms=round(speed.latency.p50, 4),
        texts_per_second=round(speed.texts_per_second, 1),
        kept_in_float=kept,
        detail=f"{len(kept)} of {matrices} matrices in float" if kept else "",
        judgement=figures.judgement,
    )


def serialised(model: onnx.ModelProto, name: str) -> bytes:
    """Return the bytes of a graph; ExportError for one over protobuf's limit."""
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
        execution=ExecutionBlock(precision, optimised=True),
        evidence=evidence,
        golden=texts,
        provenance=Provenance(reference.name, reference.versions, today, reference.licence),
    )
