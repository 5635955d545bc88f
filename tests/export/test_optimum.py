"""limen beside Optimum: `make test-legacy` has both in one environment; elsewhere Optimum's own
interpreter, if `make rivals` made one, serves `--via optimum`.
"""

import json
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from limen.errors import ExportError, InputError
from limen.format import read
from limen.opening import load, open_model
from limen_export import ExportSettings, export
from limen_export.sources import onnx_folder, optimum
from limen_export.sources.recognising import SourceWishes

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ("the day was good", "", "very bad day!", "오늘 정말 행복", "good " * 200, "not so so")
FAMILIES = ("bert", "roberta", "distilbert", "mpnet", "deberta-v2")


@pytest.fixture
def for_older_transformers():
    """Return folder -> it, its tokenizer named as versions before 5 know it."""

    def named(folder):
        file = folder / "tokenizer_config.json"
        config = json.loads(file.read_text("utf-8"))
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        file.write_text(json.dumps(config), encoding="utf-8")
        return folder

    return named


@pytest.fixture
def python():
    """The interpreter that has Optimum."""
    if find_spec("optimum") is not None:
        return sys.executable
    other = ROOT / ".venv-optimum/bin/python"
    return str(other) if other.exists() else pytest.skip("no .venv-optimum: make rivals")


@pytest.fixture(scope="module")
def optimum_runtime():
    return pytest.importorskip("optimum.onnxruntime", reason="make test-legacy has Optimum")


@pytest.fixture(scope="module")
def exported(optimum_runtime, checkpoint, tmp_path_factory):
    """Return family -> (Optimum's model, the folder that it wrote)."""
    from transformers import AutoTokenizer

    def export_one(family):
        folder = tmp_path_factory.mktemp("optimum") / family
        source = str(checkpoint(family))
        kind = optimum_runtime.ORTModelForSequenceClassification
        kind.from_pretrained(source, export=True).save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        return kind.from_pretrained(folder), folder

    return export_one


def logits_of(model, folder, longest):
    """Run Optimum's model as its documentation does, one text a call."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    given = {"truncation": True, "max_length": longest, "return_tensors": "np"}
    rows = [model(**tokenizer(text, **given)).logits[0] for text in TEXTS]
    return np.stack(rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_own_export_and_imported_graph_give_what_optimum_gives(
    family, exported, reference, stamped, families
):
    model, folder = exported(family)
    expected = logits_of(model, folder, families[family].longest)
    own = reference(family)
    assert np.abs(open_model(stamped(own, own.graph)).logits(TEXTS) - expected).max() < 1e-4
    found = onnx_folder.read(str(folder), SourceWishes())
    assert (found.labels, found.rule, found.link) == (own.labels, own.rule, own.link)
    assert found.encoder.max_tokens == own.encoder.max_tokens
    assert np.abs(found.logits(TEXTS) - expected).max() < 1e-4
    assert np.abs(open_model(stamped(found, found.graph)).logits(TEXTS) - expected).max() < 1e-4


@pytest.mark.filterwarnings("ignore")
def test_int8_of_optimum_is_taken_as_it_is(
    exported, optimum_runtime, tmp_path, texts, easy, untimed, families
):
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    _, folder = exported("bert")
    settings = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    quantizer = optimum_runtime.ORTQuantizer.from_pretrained(folder)
    quantizer.quantize(save_dir=tmp_path / "int8", quantization_config=settings)
    output = tmp_path / "made.onnx"
    report = export(str(tmp_path / "int8"), output, ExportSettings(texts=texts, gate=easy))
    assert [rung.precision for rung in report.evidence.rungs] == ["int8"]
    kind = optimum_runtime.ORTModelForSequenceClassification
    model = kind.from_pretrained(tmp_path / "int8", file_name="model_quantized.onnx")
    expected = logits_of(model, tmp_path / "int8", families["bert"].longest)
    # Two ways of optimising one quantised graph round some activations to the other side.
    assert np.sqrt(np.square(load(output).logits(TEXTS) - expected).mean()) < 0.1


def test_via_optimum(python, for_older_transformers, make_checkpoint, tmp_path, untimed, texts):
    folder = for_older_transformers(make_checkpoint(tmp_path / "mine", "bert"))
    settings = ExportSettings(source="optimum", python=python, precision="fp32", texts=texts)
    report = export(str(folder), tmp_path / "made.onnx", settings)
    provenance = read(report.path).metadata.provenance
    assert provenance.source == "mine"
    assert dict(provenance.versions).keys() >= {"limen", "optimum-onnx", "transformers"}
    from limen_export.sources.checkpoint import read_checkpoint

    expected = read_checkpoint(str(folder), None, None).logits(TEXTS)
    assert np.abs(load(report.path).logits(TEXTS) - expected).max() < 1e-4


def test_optimum_that_is_not_there(checkpoint, monkeypatch):
    monkeypatch.setattr(optimum, "_VERSIONS", "raise SystemExit(1)")
    with pytest.raises(ExportError, match="pip install optimum-onnx"):
        optimum.read(str(checkpoint("bert")), SourceWishes())
    with pytest.raises(InputError, match="expected a Python"):
        optimum.read(str(checkpoint("bert")), SourceWishes(python="/no/python"))


def test_optimum_that_fails(python, tmp_path):
    with pytest.raises(ExportError, match="Optimum cannot export it"):
        optimum.read(str(tmp_path), SourceWishes(python=python))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--via", "else"], "expected optimum"),
        (["--via", "optimum", "--source", "onnx"], "give one of them"),
    ],
)
def test_via_on_the_command_line(words, says, checkpoint, tmp_path, capsys):
    from limen.command_line import main

    command = ["export", str(checkpoint("bert")), "-o", str(tmp_path / "made.onnx"), *words]
    with pytest.raises(SystemExit) if "else" in words else nullcontext():
        assert main(command) == 2
    assert says in capsys.readouterr().err
