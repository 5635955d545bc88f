"""`limen inspect`: show what a classifier file carries, without opening a session."""

import argparse
import json
from pathlib import Path

from limen.format import ClassifierFile, Metadata, OperatingPoint, Rung, read
from limen.format.json_block import Json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a classifier file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the file's contents."""
    file = read(arguments.file)
    print(
        json.dumps(as_json(file), ensure_ascii=False, indent=2) if arguments.json else as_text(file)
    )
    return 0


def as_json(file: ClassifierFile) -> Json:
    """Return the file's contents; the tokenizer itself is left out, its size told."""
    metadata = file.metadata
    return {
        "decision": metadata.decision.to_json(),
        "digest": file.digest,
        "encoder": {
            "kind": "tokens",
            "long_text": "truncate",
            "max_tokens": metadata.encoder.max_tokens,
            "special_tokens_in_text": metadata.encoder.special_tokens_in_text,
            "tokenizer_bytes": len(metadata.encoder.tokenizer_json.encode("utf-8")),
            "truncation_side": metadata.encoder.truncation_side,
        },
        "evidence": metadata.evidence.to_json(),
        "execution": metadata.execution.to_json(),
        "golden_texts": len(metadata.golden.texts),
        "graph": {"nodes": file.graph.nodes, "operators": [*sorted(file.graph.operators)]},
        "name": file.name,
        "provenance": metadata.provenance.to_json(),
        "size_bytes": len(file.data),
    }


def as_text(file: ClassifierFile) -> str:
    """Return the file's contents for a person."""
    metadata = file.metadata
    decision = metadata.decision
    encoder = metadata.encoder
    versions = ", ".join(f"{name} {version}" for name, version in metadata.provenance.versions)
    lines = [
        f"{file.name}  {len(file.data) / 1e6:.1f} MB  {file.digest}",
        f"rule        {decision.rule}, link {decision.link}, scores not calibrated",
        f"labels      {len(decision.labels)}: {', '.join(decision.labels)}",
        f"encoder     tokens, at most {encoder.max_tokens:,}; longer texts are truncated on the "
        f"{encoder.truncation_side}",
        f"execution   {metadata.execution.precision} for {metadata.execution.device}, "
        f"{metadata.execution.shape} lengths",
        f"source      {metadata.provenance.source}, {metadata.provenance.date}, "
        f"licence {metadata.provenance.licence or 'not stated'}",
        f"made with   {versions}",
    ]
    for point in decision.points:
        lines.append(
            _point_line(point, decision.labels, default=point.name == decision.default_point)
        )
    return "\n".join([*lines, *_evidence_lines(metadata)])


def _point_line(point: OperatingPoint, labels: tuple[str, ...], *, default: bool) -> str:
    if point.thresholds is None:
        shown = "the best label, always"
    elif len(set(point.thresholds)) == 1:
        shown = f"{point.thresholds[0]:g} for every label"
    else:
        shown = ", ".join(
            f"{label} {value:.3f}" for label, value in zip(labels, point.thresholds, strict=True)
        )
    return f"point       {point.name}{' (default)' if default else ''}: {shown}"


def _evidence_lines(metadata: Metadata) -> list[str]:
    evidence = metadata.evidence
    lines = [
        f"evidence    compared with the source on {evidence.texts:,} texts ({evidence.texts_name})"
    ]
    if evidence.fitted_on is not None:
        lines.append(f"            thresholds fitted on {evidence.fitted_on}")
    return [*lines, *(_rung_line(rung) for rung in evidence.rungs)]


def _rung_line(rung: Rung) -> str:
    timed = "" if rung.p50_ms is None else f", p50 {rung.p50_ms:.2f} ms"
    return (
        f"            {rung.precision}: {rung.size_bytes / 1e6:.1f} MB, largest logit difference "
        f"{rung.max_logit_difference:.2g}, same labels on {rung.texts_alike:.2%} of texts{timed}"
    )
