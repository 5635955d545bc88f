"""The committed golden files are what their generator writes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from limen.format import Golden, read

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NOTHING = Golden((), (), (), 0.0)


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    command = [sys.executable, str(GOLDEN / "make_golden.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_same_files(rebuilt):
    names = {path.name for path in GOLDEN.iterdir() if path.suffix in (".onnx", ".json")}
    assert {path.name for path in rebuilt.iterdir()} == names


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.onnx")), ids=lambda path: path.stem)
def test_same_classifier(path, rebuilt):
    """Logits may differ in the last digit on another CPU; all else is the same."""
    old, new = read(path), read(rebuilt / path.name)
    assert new.graph == old.graph
    before, after = old.metadata.golden, new.metadata.golden
    assert (after.texts, after.ids, after.tolerance) == (before.texts, before.ids, before.tolerance)
    np.testing.assert_allclose(after.logits, before.logits, rtol=0, atol=1e-6)
    assert _properties(new) == _properties(old)
    for name, table in old.metadata.tables.items():
        np.testing.assert_array_equal(new.metadata.tables[name], table)


def _properties(file):
    return replace(file.metadata, golden=NOTHING).to_properties()


def test_same_cases(rebuilt):
    old, new = (
        json.loads((folder / "cases.json").read_text("utf-8")) for folder in (GOLDEN, rebuilt)
    )
    assert new == old
