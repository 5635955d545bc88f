"""Which attention sees every token, and what is traced for it."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from limen_export.graph.fused_attention import calls_without_mask, fused_attention
from limen_export.graph.trace import trace
from torch import nn
from torch.nn import functional

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
WIDTH, HEADS = 16, 2
LONGEST = 140
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")


def open_mask(tokens):
    return torch.ones(1, 1, tokens, tokens, dtype=torch.bool)


def window(tokens, size):
    places = torch.arange(tokens)
    return ((places[:, None] - places[None]).abs() <= size)[None, None]


def added(mask):
    return torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)


PLAIN = {
    "no mask": lambda tokens: {},
    "open mask": lambda tokens: {"attn_mask": open_mask(tokens)},
    "mask of zeros": lambda tokens: {"attn_mask": added(open_mask(tokens))},
    "window as wide as the longest text": lambda tokens: {"attn_mask": window(tokens, LONGEST)},
    "scale": lambda tokens: {"scale": 0.3},
}
MASKED = {
    "window": lambda tokens: {"attn_mask": window(tokens, 8)},
    "window of nearly the longest text": lambda tokens: {"attn_mask": window(tokens, LONGEST - 2)},
    "window, added": lambda tokens: {"attn_mask": added(window(tokens, 8))},
    "biases of distances": lambda tokens: {"attn_mask": torch.ones(1, HEADS, tokens, tokens)},
    "causal": lambda tokens: {"is_causal": True},
    "causal mask": lambda tokens: {"attn_mask": torch.tril(open_mask(tokens))},
    "dropout": lambda tokens: {"dropout_p": 0.1},
}


class Layers(nn.Module):
    """A classifier of a few attentions, each called in its own way."""

    def __init__(self, *ways, width_of_values=WIDTH):
        super().__init__()
        torch.manual_seed(3)
        self.rows = nn.Embedding(made.VOCABULARY, WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, width_of_values)
        self.out = nn.Linear(width_of_values, WIDTH)
        self.head = nn.Linear(WIDTH, 3)
        self.ways = ways

    def attention(self, query, key, value, way):
        return functional.scaled_dot_product_attention(query, key, value, **way(query.shape[2]))

    def forward(self, input_ids):
        rows = self.rows(input_ids)
        batch, tokens = input_ids.shape
        for way in self.ways:
            parts = (
                part(rows).view(batch, tokens, HEADS, -1).transpose(1, 2)
                for part in (self.query, self.key, self.value)
            )
            mixed = self.attention(*parts, way).transpose(1, 2).reshape(batch, tokens, -1)
            rows = rows + self.out(mixed)
        return SimpleNamespace(logits=self.head(rows[:, 0]))


class Eager(Layers):
    """Attention written out, as in DeBERTa."""

    def attention(self, query, key, value, way):
        return torch.softmax(query @ key.transpose(-1, -2), dim=-1) @ value


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_attention_that_hides_nothing(kind):
    assert calls_without_mask(Layers(PLAIN[kind]), LONGEST) == (True,)


@pytest.mark.parametrize("kind", sorted(MASKED))
def test_attention_that_hides_or_weighs_tokens(kind):
    """Also where short texts would not show it."""
    assert calls_without_mask(Layers(MASKED[kind]), LONGEST) == (False,)


def test_each_attention_is_asked_for_itself():
    model = Layers(PLAIN["no mask"], MASKED["window"], PLAIN["open mask"], MASKED["causal"])
    assert calls_without_mask(model, LONGEST) == (True, False, True, False)


def test_a_short_model_is_asked_at_its_own_lengths():
    """A window that no text of this model exceeds hides nothing."""
    assert calls_without_mask(Layers(MASKED["window"]), 9) == (True,)
    assert calls_without_mask(Layers(MASKED["window"]), 10) == (False,)
    assert calls_without_mask(Layers(PLAIN["no mask"]), 1) == (True,)


def test_attention_in_a_way_of_its_own_is_not_found():
    assert calls_without_mask(Eager(PLAIN["no mask"]), LONGEST) == ()


def test_attentions_that_come_and_go_with_the_length_are_not_told_apart():
    class Changing(Layers):
        def forward(self, input_ids):
            self.ways = (PLAIN["no mask"],) * (1 + (input_ids.shape[1] > 5))
            return super().forward(input_ids)

    assert calls_without_mask(Changing(), LONGEST) == ()


def test_values_may_be_wider_than_keys():
    model = Layers(PLAIN["no mask"], width_of_values=2 * WIDTH)
    assert calls_without_mask(model, LONGEST) == (True,)


def test_torch_s_function_is_put_back_whatever_happens():
    before = functional.scaled_dot_product_attention
    with fused_attention((True,)):
        assert functional.scaled_dot_product_attention is not before
    assert functional.scaled_dot_product_attention is before

    class Broken(Layers):
        def forward(self, input_ids):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        calls_without_mask(Broken(), LONGEST)
    assert functional.scaled_dot_product_attention is before


def operators_and_difference(model):
    model = model.eval()
    graph = trace(model, LONGEST)
    opened = made.session(graph)
    worst = 0.0
    for shape in ((1, 1), (3, 7), (2, 33), (1, LONGEST)):
        ids = made.random_ids(*shape)
        with torch.inference_mode():
            expected = model(torch.from_numpy(ids)).logits.numpy()
        found = opened.run(None, {"input_ids": ids})[0]
        worst = max(worst, np.abs(expected - found).max() / max(1.0, np.abs(expected).max()))
    return made.operators(graph), worst


def test_only_attention_without_a_mask_is_fused():
    ways = (PLAIN["scale"], MASKED["window"], PLAIN["open mask"])
    found, difference = operators_and_difference(Layers(*ways))
    assert (found["MultiHeadAttention"], found["Softmax"]) == (2, 1)
    assert difference < 1e-5


def test_what_the_operator_cannot_do_is_traced_as_it_is():
    model = Layers(PLAIN["no mask"], width_of_values=2 * WIDTH)
    found, difference = operators_and_difference(model)
    assert found["MultiHeadAttention"] == 0
    assert difference < 1e-5
