"""`limen inspect`: show what a classifier file carries, without opening a session."""

import argparse
import json
from pathlib import Path

from limen.commands.encoder_lines import encoder_json, encoder_line
from limen.commands.fit_lines import fit_lines
from limen.commands.rung_lines import rung_lines
from limen.counted import counted
from limen.format import (
    ClassifierFile,
    DecisionBlock,
    FitRecord,
    Metadata,
    OperatingPoint,
    read,
)
from limen.format.json_block import Json
from limen.format.record_blocks import Shape

_SHAPES: dict[Shape, str] = {
    "exact": "exact lengths",
    "joined": "exact lengths, or texts one behind another",
    "padded": "padded lengths",
}


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
    """Return the file's contents; tokenizer and tables are left out, their sizes told."""
    metadata = file.metadata
    return {
        "decision": metadata.decision.to_json(),
        "digest": file.digest,
        "encoder": encoder_json(metadata.encoder),
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
    versions = ", ".join(f"{name} {version}" for name, version in metadata.provenance.versions)
    lines = [
        f"{file.name}  {len(file.data) / 1e6:.1f} MB  {file.digest}",
        f"rule        {_rule(decision)}, link {decision.link}, {_calibration(decision)}",
        f"labels      {len(decision.labels)}: {', '.join(decision.labels)}",
        f"encoder     {encoder_line(metadata.encoder)}",
        f"execution   {metadata.execution.precision} for {metadata.execution.device}, "
        f"{_SHAPES[metadata.execution.shape]}",
        f"source      {metadata.provenance.source}, {metadata.provenance.date}, "
        f"licence {metadata.provenance.licence or 'not stated'}",
        f"made with   {versions}",
    ]
    for point in decision.points:
        lines.append(_point_line(point, decision))
    lines += _policy_lines(decision)
    if decision.replaced:
        kept = ", ".join(block.name for block in decision.replaced)
        lines.append(f"blocks      {decision.block_name} in use; kept: {kept}")
    return "\n".join([*lines, *_evidence_lines(metadata)])


def _rule(decision: DecisionBlock) -> str:
    if decision.rule == "one_vs_one":
        return f"one_vs_one by {decision.pairs}"
    return f"{decision.rule} with several labels" if decision.several else decision.rule


def _calibration(decision: DecisionBlock) -> str:
    calibration = decision.calibration
    if calibration is None:
        return "scores not calibrated"
    each = "one for all" if len(calibration) == 1 else "one for each output"
    return f"scores calibrated ({type(calibration).__name__.lower()}, {each})"


def _policy_lines(decision: DecisionBlock) -> list[str]:
    policy = decision.abstain
    if decision.one_label and policy.margin > 0:
        return [
            f"abstains    where the best label is less than {policy.margin:.4g} above the next, at "
            "points without a promise or sets"
        ]
    if not decision.one_label and policy.fallback == "top1":
        return [
            "fallback    the best label where none reaches its threshold, at points without a "
            "promise"
        ]
    return []


def _point_line(point: OperatingPoint, decision: DecisionBlock) -> str:
    if point.thresholds is None:
        surely = point.promise is not None or decision.abstain.margin == 0
        shown = f"the best label{', always' if surely else ''}"
    elif len(set(point.thresholds)) == 1:
        shown = f"{_threshold(point.thresholds[0])} for every label"
    else:
        shown = ", ".join(
            f"{label} {_threshold(value)}"
            for label, value in zip(decision.labels, point.thresholds, strict=True)
        )
    if point.sets:
        shown += "; gives every label that reaches it"
    if point.promise is not None:
        shown += f"; promised, certified on {counted(point.promise.texts, 'text')}"
    default = " (default)" if point.name == decision.default_point else ""
    return f"point       {point.name}{default}: {shown}"


def _threshold(value: float | None) -> str:
    return "never" if value is None else f"{value:.4g}"


def _evidence_lines(metadata: Metadata) -> list[str]:
    evidence = metadata.evidence
    lines = [
        f"evidence    compared with the source on {counted(evidence.texts, 'text')} "
        f"({evidence.texts_name})"
    ]
    own = metadata.execution.precision
    lines += [f"            {line}" for line in rung_lines(evidence, own)]
    fit = evidence.fit_of(metadata.decision.block_name)
    return lines if fit is None else [*lines, *_fit_lines(fit)]


def _fit_lines(fit: FitRecord) -> list[str]:
    first, *others = fit_lines(fit)
    return [f"fitted on   {first}", *(f"            {line}" for line in others)]
