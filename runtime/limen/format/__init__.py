"""The classifier file: its blocks, its checks, its bytes. docs/format.md is the specification."""

from limen.format.classifier_file import ClassifierFile, parse, read, stamp
from limen.format.decision_block import DecisionBlock, Link, OperatingPoint, Rule
from limen.format.encoder_block import EncoderBlock
from limen.format.metadata import FORMAT, Metadata
from limen.format.record_blocks import Evidence, ExecutionBlock, Golden, Precision, Provenance, Rung
from limen.format.writing import check_writable, write_whole

__all__ = [
    "FORMAT",
    "ClassifierFile",
    "DecisionBlock",
    "EncoderBlock",
    "Evidence",
    "ExecutionBlock",
    "Golden",
    "Link",
    "Metadata",
    "OperatingPoint",
    "Precision",
    "Provenance",
    "Rule",
    "Rung",
    "check_writable",
    "parse",
    "read",
    "stamp",
    "write_whole",
]
