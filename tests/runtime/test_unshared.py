"""Weights that several nodes read: a copy for each, so that signed ones can be made unsigned."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
from limen.engine import Engine, open_session, session_options
from limen.format.unshared import unshared
from limen.format.wire import encode_bytes as block
from limen.format.wire import encode_varint as number

FORGE = SimpleNamespace(**run_path(str(Path(__file__).with_name("test_split_weights.py"))))
WIDTH = 8
IDS = {"input_ids": np.array([[1, 4, 2]])}


def layers(shared):
    """A ModelProto: rows of a table, twice through a quantised product with one weight or two."""
    random = np.random.default_rng(3)
    table = random.normal(size=(6, WIDTH)).astype(np.float32)
    weight = random.integers(-127, 128, (WIDTH, WIDTH)).astype(np.int8)
    scale = np.array([0.01], dtype=np.float32)
    product = (b"DynamicQuantizeMatMul", block(7, b"com.microsoft"))
    graph = b"".join(
        [
            block(1, FORGE.node(b"Gather", [b"t", b"input_ids"], b"x")),
            block(1, FORGE.node(product[0], [b"x", b"w", b"s"], b"y", product[1])),
            block(1, FORGE.node(product[0], [b"y", shared, b"s"], b"logits", product[1])),
            block(2, b"g"),
            block(5, FORGE.tensor(table, 1, b"t")),
            block(5, FORGE.tensor(weight, 3, b"w")),
            block(5, FORGE.tensor(weight, 3, b"v")),
            block(5, FORGE.tensor(scale, 1, b"s")),
            block(11, FORGE.port(b"input_ids", 7, b"n", b"m")),
            block(12, FORGE.port(b"logits", 1, b"n", b"m", WIDTH)),
        ]
    )
    domains = (block(1, b"") + number(2, 17), block(1, b"com.microsoft") + number(2, 1))
    return number(1, 8) + block(7, graph) + b"".join(block(8, domain) for domain in domains)


def logits(model, optimisation="none"):
    session = open_session(model, session_options(optimisation))
    return session.run(["logits"], IDS)[0]


def test_a_copy_for_each_reader_computes_the_same():
    model = layers(b"w")
    assert unshared(model) != model
    assert logits(unshared(model)).tobytes() == logits(model).tobytes()
    assert logits(unshared(model)).tobytes() == logits(layers(b"v")).tobytes()


def test_a_graph_that_shares_none_stays_as_it_is():
    assert unshared(layers(b"v")) == layers(b"v")


def test_signed_weights_that_are_shared_can_be_made_unsigned():
    """Onnxruntime 1.31 would refuse them, 1.22 would not."""
    opened = Engine(layers(b"w"), "layers", WIDTH, optimisation="unsigned_weights")
    found = opened._session.run(["logits"], IDS)[0]
    np.testing.assert_allclose(found, logits(layers(b"w")), rtol=0, atol=1e-4)
