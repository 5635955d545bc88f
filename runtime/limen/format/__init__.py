"""The classifier file: its blocks, its checks, its bytes. docs/format.md is the specification."""

from limen.format.calibration_block import Calibration, Curve, Isotonic, Platt, Temperature
from limen.format.classifier_file import ClassifierFile, parse, read, stamp
from limen.format.decision_block import AbstainPolicy, DecisionBlock, Fallback
from limen.format.encoder_block import Aggregate, EncoderBlock, Windows
from limen.format.evidence_block import Evidence, FitRecord
from limen.format.fitted_block import FittedBlock
from limen.format.metadata import FORMAT, EncoderKind, Metadata, token_block
from limen.format.operating_point import OperatingPoint, Promise
from limen.format.record_blocks import ExecutionBlock, Golden, MadeFor, Precision, Provenance
from limen.format.rules import Link, Rule
from limen.format.rung import GateRecord, Judgement, Rung, RungQuality, Verdict
from limen.format.tfidf_block import TfidfBlock, Vectoriser, Weighting
from limen.format.writing import check_writable, write_whole

__all__ = [
    "FORMAT",
    "AbstainPolicy",
    "Aggregate",
    "Calibration",
    "ClassifierFile",
    "Curve",
    "DecisionBlock",
    "EncoderBlock",
    "EncoderKind",
    "Evidence",
    "ExecutionBlock",
    "Fallback",
    "FitRecord",
    "FittedBlock",
    "GateRecord",
    "Golden",
    "Isotonic",
    "Judgement",
    "Link",
    "MadeFor",
    "Metadata",
    "OperatingPoint",
    "Platt",
    "Precision",
    "Promise",
    "Provenance",
    "Rule",
    "Rung",
    "RungQuality",
    "Temperature",
    "TfidfBlock",
    "Vectoriser",
    "Verdict",
    "Weighting",
    "Windows",
    "check_writable",
    "parse",
    "read",
    "stamp",
    "token_block",
    "write_whole",
]
