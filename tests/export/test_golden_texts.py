"""The golden texts of an export: how they are chosen, and what their tolerance lets pass."""

from dataclasses import dataclass, replace
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen_export.golden as golden_module
import numpy as np
import onnx
import pytest
from limen.engine import Engine
from limen.errors import ExportError, InputError
from limen.format import EncoderBlock, stamp
from limen.opening import open_model
from limen.self_test import deviation_of
from limen.token_encoder import TokenEncoder
from limen_export.golden import golden, golden_texts, with_noise
from limen_export.graph.passes import rewrite
from limen_export.ladder.climb import prepare_graphs
from limen_export.ladder.judging import texts_to_compare
from limen_export.sources.checkpoint import read_checkpoint
from limen_export.transformers_quiet import quiet_transformers

RUNTIME = Path(__file__).parents[1] / "runtime"
GOLDEN = RUNTIME.parent / "golden"
files, kernel = (
    SimpleNamespace(**run_path(str(RUNTIME / f"{name}.py")))
    for name in ("int8_files", "saturating_kernel")
)
pairs = SimpleNamespace(**run_path(str(Path(__file__).with_name("pair_sums.py"))))


@dataclass(frozen=True)
class Source:
    """What golden() needs of a Reference."""

    encoder: EncoderBlock
    name: str = "tiny"


@dataclass(frozen=True)
class Opened:
    """What golden() needs of a Model."""

    encoder: TokenEncoder
    engine: Engine

    def logits(self, texts):
        return np.stack([self.engine.logits(self.encoder.encode(text).feeds) for text in texts])


def opened(graph, precision="int8"):
    """Source, model and draft of a small int8 graph."""
    file = files.int8_file(GOLDEN, graph.SerializeToString(), 1e9, precision=precision)
    draft = stamp(file.data, file.metadata)
    return Source(file.metadata.encoder), open_model(file), draft


@pytest.fixture(scope="module")
def tiny():
    return opened(files.int8_graph(3))


@pytest.mark.parametrize("longest", [4, 16, 64, 512])
def test_eight_texts_from_short_to_long(tiny, longest):
    source, _, _ = tiny
    encoder = TokenEncoder(source.encoder)
    texts = golden_texts(encoder, longest)
    assert len(set(texts)) == len(texts) == 8
    assert texts == golden_texts(encoder, longest)
    counts = [encoder.encode(text).feeds["input_ids"].shape[1] for text in texts]
    assert max(counts) <= 64


def test_what_the_block_says(tiny):
    source, model, draft = tiny
    found = golden(source, model, "int8", draft, files.TEXTS)
    assert found.texts == files.TEXTS
    np.testing.assert_array_equal(np.float32(found.logits), model.logits(files.TEXTS))
    encoder = TokenEncoder(source.encoder)
    for text, ids in zip(found.texts, found.ids, strict=True):
        assert encoder.encode(text).feeds["input_ids"].tolist() == [list(ids)]
    assert golden(source, model, "fp32", draft).tolerance == pytest.approx(1e-4, rel=1)


@pytest.mark.parametrize("count", [0, 3, 9])
def test_other_numbers_of_texts_are_refused(tiny, count):
    source, model, draft = tiny
    with pytest.raises(InputError, match=f"^{count} golden texts.*give 4 to 8"):
        golden(source, model, "int8", draft, ("a",) * count)


def test_a_text_over_the_cap_is_refused_by_its_number(tiny):
    source, model, draft = tiny
    with pytest.raises(InputError, match=r"^golden text 2 has 10,001 characters.*shorten"):
        golden(source, model, "int8", draft, ("a", "b", "x" * 10_001, "c"))


def test_logits_that_are_not_finite_are_refused(tiny):
    source, _, draft = tiny
    broken = files.int8_graph(3)
    head = broken.graph.initializer[-1]
    head.CopyFrom(
        onnx.numpy_helper.from_array(np.full((files.WIDTH, 3), np.nan, np.float32), head.name)
    )
    file = files.int8_file(GOLDEN, files.int8_graph(3).SerializeToString(), 1e9)
    model = open_model(replace(file, data=broken.SerializeToString()), verify=False)
    with pytest.raises(ExportError, match="not finite"):
        golden(source, model, "int8", draft, files.TEXTS)


def test_noise_is_small_and_everywhere(tiny):
    _, _, draft = tiny
    graph = onnx.load_from_string(draft)
    noisy = with_noise(graph, 0.5)
    onnx.checker.check_model(noisy)
    quantised = [n for n in noisy.graph.node if n.op_type == "DynamicQuantizeLinear"]
    assert len(quantised) == 2
    assert all(node.input[0].startswith("noisy_") for node in quantised)
    assert [n.op_type for n in graph.graph.node].count("Sin") == 0


def test_one_constant_that_is_quantised_gets_no_noise():
    helper = onnx.helper
    weights = onnx.numpy_helper.from_array(np.ones(3, np.float32), "weights")
    node = helper.make_node("QuantizeLinear", ["weights", "scale"], ["out"])
    body = helper.make_graph([node], "g", [], [], [weights])
    assert [n.op_type for n in with_noise(helper.make_model(body), 0.0).graph.node] == [
        "QuantizeLinear"
    ]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_tolerance_found_lies_between_noise_and_saturation(seed):
    graph = files.int8_graph(3, seed)
    source, model, draft = opened(graph)
    found = golden(source, model, "int8", draft)
    encoder = TokenEncoder(source.encoder)
    feeds = [encoder.encode(text).feeds for text in found.texts]
    judge_on_both_kernels(found, graph, feeds)


def judge_on_both_kernels(found, graph, feeds):
    """Other arithmetic of floats passes, saturating products do not; both run in numpy."""
    expected = np.array(found.logits)

    def deviation(product):
        logits = kernel.reference_logits(graph, feeds, product)
        return deviation_of([float(one) for one in np.abs(logits - expected).max(1)])

    assert deviation(kernel.exact_product).within(found.tolerance)
    assert deviation(kernel.saturating_product).typical > 2 * found.tolerance


def test_an_exporting_machine_that_saturates_is_refused(tiny, monkeypatch):
    source, model, draft = tiny
    true = golden_module._exact_and_noise

    def elsewhere(*arguments):
        exact, noise = true(*arguments)
        return exact + 1, noise

    monkeypatch.setattr(golden_module, "_exact_and_noise", elsewhere)
    with pytest.raises(ExportError, match=r"saturate on this processor.*--precision fp32"):
        golden(source, model, "int8", draft, files.TEXTS)


def shipped_graph(source):
    """The int8 graph of an export without texts of the user's."""
    rewritten = rewrite(source.graph, source.encoder.max_tokens).model
    return prepare_graphs(rewritten, source, texts_to_compare(None, None).texts).build("int8")


@pytest.mark.parametrize("name", ["3i4k-ko-bert", "goemotions-minilm"])
def test_trained_weights(shared, name):
    with quiet_transformers():
        source = read_checkpoint(str(shared / "models" / name), None, None)
    graph = shipped_graph(source)
    encoder = TokenEncoder(source.encoder)
    outputs = graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    engine = Engine(graph.SerializeToString(), name, outputs, optimisation="none")
    model = Opened(encoder, engine)
    found = golden(source, model, "int8", graph.SerializeToString())
    feeds = [encoder.encode(text).feeds for text in found.texts]
    expected = np.array(found.logits)

    def deviation(changed):
        engine = Engine(changed.SerializeToString(), name, outputs)
        logits = np.stack([engine.logits(feed) for feed in feeds])
        return deviation_of([float(one) for one in np.abs(logits - expected).max(1)])

    assert deviation(pairs.with_pair_sums(graph, saturating=False)).within(found.tolerance)
    assert not deviation(pairs.with_pair_sums(graph, saturating=True)).within(found.tolerance)
    for phase in (20.5, 21.5, 22.5):
        assert deviation(with_noise(graph, phase, size=1e-7)).within(found.tolerance)
