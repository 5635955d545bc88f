"""Attention that a model writes out itself becomes one operator, and computes the same."""

import math
from functools import cache
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
import torch
from limen_export.graph.constants import fold_constants
from limen_export.graph.eager_attention import fuse_eager_attention
from limen_export.graph.idle_masks import drop_idle_masks
from limen_export.graph.running import open_graph
from limen_export.graph.trace import trace
from torch import nn

HIDDEN, HEADS, WORDS = 24, 3, 40


class Eager(nn.Module):
    """One layer of attention, written step by step, with the variations of the tests."""

    def __init__(self, *, bias=False, masked=None, heads_last=False, read_scores=False):
        super().__init__()
        torch.manual_seed(3)
        self.rows = nn.Embedding(WORDS, HIDDEN)
        self.query, self.key, self.value = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.out = nn.Linear(HIDDEN, 4)
        self.bias = nn.Parameter(torch.randn(HEADS, 1, 1)) if bias else None
        self.masked, self.heads_last, self.read_scores = masked, heads_last, read_scores

    def split(self, rows):
        batch, tokens, _ = rows.shape
        return rows.view(batch, tokens, HEADS, HIDDEN // HEADS).transpose(1, 2)

    def forward(self, input_ids):
        rows = self.rows(input_ids)
        query, key, value = (self.split(part(rows)) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / math.sqrt(HIDDEN // HEADS)
        places = torch.arange(input_ids.shape[1])
        if self.bias is not None:
            apart = (places[None, :] - places[:, None]).abs().float()
            scores = scores + (apart * self.bias)[None]
        if self.masked is not None:
            shown = (places >= self.masked)[None, None, None, :]
            scores = scores + torch.where(shown, 0.0, -1e9)
        mixed = scores.softmax(-1) @ value
        if not self.heads_last:
            mixed = mixed.transpose(1, 2)
        mixed = mixed.reshape(*input_ids.shape, HIDDEN)
        logits = self.out(mixed.mean(1))
        if self.read_scores:
            logits = logits + scores.mean((1, 2, 3))[:, None]
        return SimpleNamespace(logits=logits)


@cache
def traced(**variation):
    return ir.from_proto(trace(Eager(**variation).eval(), 32))


def logits(model, ids):
    return open_graph(model).run(["logits"], {"input_ids": ids})[0]


def operators(model):
    return [node.op_type for node in model.graph]


def assert_same(before, after):
    generator = np.random.default_rng(1)
    for shape in ((1, 1), (1, 2), (3, 7), (2, 30)):
        ids = generator.integers(0, WORDS, shape)
        np.testing.assert_allclose(logits(before, ids), logits(after, ids), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_attention_becomes_one_operator(bias):
    before = traced(bias=bias)
    after = fuse_eager_attention(before)
    assert after.nodes == 1
    assert operators(after.graph).count("MultiHeadAttention") == 1
    assert "Softmax" not in operators(after.graph)
    assert "Transpose" not in operators(after.graph) or bias
    assert_same(before, after.graph)


def test_the_graph_that_came_in_is_left_alone():
    before = traced()
    names = operators(before)
    fuse_eager_attention(before)
    assert operators(before) == names


@pytest.mark.parametrize(
    "variation", [{"heads_last": True}, {"read_scores": True}], ids=lambda each: next(iter(each))
)
def test_what_is_no_such_attention_is_left_alone(variation):
    """Heads that are not put back in their place, and scores that something else reads."""
    after = fuse_eager_attention(traced(**variation))
    assert after.nodes == 0
    assert "Softmax" in operators(after.graph)


def test_a_mask_that_hides_nothing_goes():
    before = traced(masked=0)
    after = drop_idle_masks(before)
    assert after.nodes == 1
    assert "Where" not in operators(after.graph)
    assert_same(before, after.graph)
    assert fuse_eager_attention(after.graph).nodes == 1


def test_a_mask_that_hides_a_token_stays():
    before = traced(masked=1)
    after = drop_idle_masks(before)
    assert after.nodes == 0
    assert_same(before, after.graph)
    ids = np.random.default_rng(2).integers(0, WORDS, (1, 9))
    assert np.abs(logits(before, ids) - logits(traced(), ids)).max() > 1e-3


def test_a_bias_that_the_operator_does_not_take_leaves_the_attention_alone():
    """A mask of one row for all tokens; the operator wants a number for each pair."""
    assert fuse_eager_attention(traced(masked=1)).nodes == 0


class Table(nn.Module):
    """A product of two weights that no text moves, beside one that it does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.rows, self.table = nn.Embedding(WORDS, HIDDEN), nn.Embedding(6, HIDDEN)
        self.norm, self.product = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(6, 4)

    def forward(self, input_ids):
        places = self.product(self.norm(self.table.weight))
        return SimpleNamespace(logits=self.out(self.rows(input_ids).mean(1) @ places.T))


def test_what_depends_on_weights_alone_is_computed_once():
    before = ir.from_proto(trace(Table().eval(), 32))
    after = fold_constants(before)
    assert "LayerNormalization" in operators(before)
    assert "LayerNormalization" not in operators(after.graph)
    assert after.nodes == len(operators(before)) - len(operators(after.graph)) > 0
    assert_same(before, after.graph)
    assert fold_constants(after.graph).nodes == 0


def test_large_results_are_not_stored(monkeypatch):
    monkeypatch.setattr("limen_export.graph.constants._MOST_BYTES", 100)
    before = ir.from_proto(trace(Table().eval(), 32))
    after = fold_constants(before)
    assert "LayerNormalization" in operators(after.graph)
    assert_same(before, after.graph)
