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
    ClassifierFile,
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
from limen.opening import open_model, open_on

from limen_export.comparison import require_parity
from limen_export.graph.half_precision import require_half_parity
from limen_export.ladder.judging import Judging
from limen_export.latency import Speed, measure
from limen_export.reference import Reference

VERIFIED_ON_CPU = "verified on the CPU, in padded batches; its speed on a GPU is unmeasured"
"""What the evidence says of rungs that are made for a GPU."""
_TIMED_TEXTS = 200


@dataclass(frozen=True, eq=False)
class Candidate:
    """A rung that was built and judged.

    Attributes:
        execution: of the rung: its precision, and what it is made for.
        in_float: matrices that a mixed rung leaves in float.
        draft: the stamped file, its evidence and golden texts still empty.
        model: the draft, opened.
        logits: float32 (texts, outputs), of the texts that it was judged on.
        figures: the gate's.
    """

    execution: ExecutionBlock
    in_float: tuple[str, ...]
    draft: bytes
    model: Model
    logits: FloatArray
    figures: GateFigures

    @property
    def precision(self) -> Precision:
        """The rung's precision."""
        return self.execution.precision


def candidate_of(
    graph: onnx.ModelProto,
    execution: ExecutionBlock,
    in_float: tuple[str, ...],
    reference: Reference,
    decision: DecisionBlock,
    judging: Judging,
) -> Candidate:
    """Stamp a graph, open it as a user would, run the texts and judge.

    Raises:
        EngineError: onnxruntime refuses the graph, or a logit is not finite.
        ExportError: the graph is too large for a file, or one in fp32 or fp16 does not give the
            source's logits.
    """
    empty = Evidence(judging.texts.name, len(judging.texts.texts), ())
    draft = stamp(
        serialised(graph, reference.name),
        metadata_of(reference, decision, execution, empty, Golden((), (), (), 0.0)),
    )
    opened = opened_here(parse(draft, f"{reference.name} ({execution.precision})"))
    logits = opened.logits(judging.texts.texts)
    must = judging.exact
    if execution.precision == "fp32":
        require_parity(judging.expected[must], logits[must], reference.link, reference.name)
    elif execution.precision == "fp16":
        require_half_parity(judging.expected[must], logits[must], reference.name)
    return Candidate(execution, in_float, draft, opened, logits, judging.judge(logits))


def opened_here(file: ClassifierFile) -> Model:
    """Open a file as a user would; one for a GPU on the CPU, in the padded batches that a GPU will
    be given. There onnxruntime computes fp16 operators in float32 and rounds what they give.
    """
    if file.metadata.execution.device == "cpu":
        return open_model(file)
    return open_on(file, "cpu", in_batches=True)


def rung_of(candidate: Candidate, matrices: int, texts: tuple[str, ...]) -> Rung:
    """Time a candidate in a process of its own, and write down what is known of it.

    Args:
        candidate: the rung.
        matrices: how many weight matrices the body has.
        texts: to time it on.
    """
    figures, kept = candidate.figures, candidate.in_float
    if candidate.execution.device == "cpu":
        speed: Speed | None = _timed(candidate, texts)
        detail = f"{len(kept)} of {matrices} matrices in float" if kept else ""
    else:
        speed, detail = None, VERIFIED_ON_CPU
    return Rung(
        precision=candidate.precision,
        size_bytes=len(candidate.draft),
        max_logit_difference=figures.max_logit_difference,
        texts_alike=figures.texts_alike,
        cells_alike=figures.cells_alike,
        p50_ms=None if speed is None else round(speed.latency.p50, 4),
        texts_per_second=None if speed is None else round(speed.texts_per_second, 1),
        kept_in_float=kept,
        detail=detail,
        judgement=figures.judgement,
    )


def _timed(candidate: Candidate, texts: tuple[str, ...]) -> Speed:
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        file = Path(folder) / f"{candidate.precision}.onnx"
        file.write_bytes(candidate.draft)
        return measure(file, texts[:_TIMED_TEXTS])


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
    execution: ExecutionBlock,
    evidence: Evidence,
    texts: Golden,
) -> Metadata:
    """Put together what a file carries, dated today."""
    today = datetime.now(UTC).date().isoformat()
    return Metadata(
        decision=decision,
        encoder=reference.encoder,
        execution=execution,
        evidence=evidence,
        golden=texts,
        provenance=Provenance(reference.name, reference.versions, today, reference.licence),
    )
