"""The list of operators in docs/format.md is the list that the runtime allows."""

import re
from pathlib import Path

from limen.format.operators import MICROSOFT_OPERATORS, ONNX_OPERATORS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "format.md"


def listed(section, start):
    text = section[section.index(start) + len(start) :]
    return set(re.split(r",\s+", text[: text.index(".")].strip()))


def test_documented_operators_are_those_allowed():
    section = DOCUMENT.read_text(encoding="utf-8").split("## Operators")[1]
    assert listed(section, "Of ONNX's own domain:") == ONNX_OPERATORS
    assert listed(section, "which every build of onnxruntime knows:") == MICROSOFT_OPERATORS
