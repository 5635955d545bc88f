"""The matrix that int8 spoils is found first."""

from itertools import pairwise

import numpy as np
import pytest
from limen.engine import Engine
from limen.format import DecisionBlock, OperatingPoint
from limen.progress import Silent
from limen.token_encoder import TokenEncoder
from limen_export.graph.int8_matrices import matrix_products
from limen_export.graph.passes import rewrite
from limen_export.graph.rewriting import constant
from limen_export.ladder.climb import prepare_graphs
from limen_export.ladder.judging import texts_to_compare
from limen_export.ladder.sensitivity import by_gain

TEXTS = texts_to_compare(None, None).texts[:40]


@pytest.fixture(scope="module")
def measured(languages):
    """The graphs of the checkpoint with a spoilt matrix, and its sensitivities."""
    source = languages("matrix")
    graphs = prepare_graphs(rewrite(source.graph, source.encoder.max_tokens).model, source, TEXTS)
    half = OperatingPoint("half", (0.5,) * 3)
    decision = DecisionBlock("multilabel", source.labels, "sigmoid", (half,), "half")
    encoder = TokenEncoder(source.encoder)
    feeds = [encoder.encode(text).feeds for text in TEXTS]

    def run(graph):
        engine = Engine(graph.SerializeToString(), "test", 3, optimisation="none")
        return np.stack([engine.logits(feed) for feed in feeds])

    return graphs, by_gain(graphs, run, source.logits(TEXTS), decision, Silent())


def test_the_outlying_matrix_comes_first(measured):
    graphs, order = measured
    largest = {
        name: float(np.abs(constant(node.inputs[1])).max())
        for name, node in matrix_products(graphs.fp32.graph)
    }
    assert order[0].matrix == max(largest, key=largest.get)
    assert all(one.gain < order[0].gain / 5 for one in order[1:])


def test_every_matrix_is_measured_and_costed(measured):
    graphs, order = measured
    assert {one.matrix for one in order} == set(graphs.matrices)
    values = {
        name: constant(node.inputs[1]).size for name, node in matrix_products(graphs.fp32.graph)
    }
    assert {one.matrix: one.cost for one in order} == values
    for better, worse in pairwise(order):
        assert better.gain / better.cost >= worse.gain / worse.cost
