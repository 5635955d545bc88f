"""Padded batches give what each text gives alone, or the graph is refused."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
import transformers
from limen.errors import ExportError
from limen.padded_engine import padded
from limen_export.graph.padded_attention import MASK, padded_graph, padding_difference
from limen_export.graph.passes import rewrite
from limen_export.graph.rewriting import nodes_of
from limen_export.graph.running import open_graph

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
# transformers 4.57 computes the attention of these two step by step, and that is not fused.
NEWER = ("electra", "mpnet") if transformers.__version__.startswith("5.") else ()
PADDED = ("bert", "roberta", "xlm-roberta", "distilbert", "albert", *NEWER)


@pytest.fixture
def rewritten(reference):
    def make(family):
        source = reference(family)
        return rewrite(source.graph, source.encoder.max_tokens).model, source.encoder.max_tokens

    return make


@pytest.mark.parametrize("family", PADDED)
def test_a_padded_batch_gives_what_each_text_gives_alone(rewritten, family):
    alone, longest = rewritten(family)
    padding = padded_graph(alone, longest, family)
    assert [value.name for value in padding.graph.inputs] == ["input_ids", MASK]
    one, many = open_graph(alone), open_graph(padding)
    rows = [np.arange(6, 6 + length) % 40 for length in (1, 9, 30, 4)]
    together = many.run(["logits"], padded(rows))[0]
    for row, text in zip(together, rows, strict=True):
        (expected,) = one.run(["logits"], {"input_ids": text[np.newaxis]})[0]
        np.testing.assert_allclose(row, expected, atol=1e-4, rtol=1e-4)


def test_the_graph_that_came_in_stays_as_it_was(rewritten):
    alone, longest = rewritten("bert")
    before = ir.to_proto(alone).SerializeToString()
    padded_graph(alone, longest, "bert")
    assert ir.to_proto(alone).SerializeToString() == before


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("deberta-v2", "attention is not fused"),
        # Its middle layer sees a window of each text, which stays as torch wrote it.
        ("modernbert", "padding moves a logit"),
    ],
)
def test_what_cannot_leave_padding_out_is_refused(rewritten, family, message):
    alone, longest = rewritten(family)
    with pytest.raises(ExportError, match=rf"^{family}: {message}.*export it for the CPU"):
        padded_graph(alone, longest, family)


def mean_head(given):
    nodes = [
        made.node("ReduceMean", f"{given} tokens_axis", "mean", keepdims=0),
        made.node("Gemm", "mean head head.bias", "logits"),
    ]
    weights = {"tokens_axis": made.whole(1), "head": made.noise(made.WIDTH, made.LABELS)}
    return nodes, weights | {"head.bias": made.noise(made.LABELS)}


def test_a_head_that_pools_every_token_is_refused():
    assert padded_graph(ir.from_proto(made.encoder()), 64, "first")
    with pytest.raises(ExportError, match="or the head reads every token"):
        padded_graph(ir.from_proto(made.encoder(mean_head("x2"))), 64, "pooled")


def test_an_attention_that_forgot_its_mask_is_found(rewritten):
    alone, longest = rewritten("bert")
    padding = padded_graph(alone, longest, "bert")
    assert padding_difference(alone, padding, longest) <= 1e-4
    last = list(nodes_of(padding.graph, "MultiHeadAttention"))[-1]
    last.replace_input_with(4, None)
    assert padding_difference(alone, padding, longest) > 1e-3
