"""How much each weight matrix, held in int8, moves the decisions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from limen.arrays import FloatArray
from limen.decision import scores_from_logits
from limen.format import DecisionBlock
from limen.progress import Progress

from limen_export.graph.int8_matrices import matrix_products
from limen_export.graph.rewriting import constant
from limen_export.ladder.rung_graphs import RungGraphs

Run = Callable[[onnx.ModelProto], FloatArray]


@dataclass(frozen=True)
class Sensitivity:
    """What keeping one matrix in float gains.

    Attributes:
        matrix: its name.
        gain: by how much the mean absolute difference of scores to the source falls.
        cost: multiply-adds of one token that then run in float.
    """

    matrix: str
    gain: float
    cost: int


def by_gain(
    graphs: RungGraphs, run: Run, expected: FloatArray, decision: DecisionBlock, told: Progress
) -> tuple[Sensitivity, ...]:
    """Keep each matrix in float in turn, all others in int8, and order them by what that gains for
    what it costs, the best first.

    Decisions flip where a score lies near a threshold, in proportion to how far scores move; the
    mean difference of scores tells matrices apart on a few hundred texts, where counted flips are a
    handful.

    Args:
        graphs: of the model.
        run: from a graph to float32 (texts, outputs) on some texts.
        expected: the source's logits of these texts.
        decision: the link that makes scores.
        told: is told how many matrices are done.
    """
    exact = scores_from_logits(expected, decision)

    def distance(in_float: frozenset[str]) -> float:
        scores = scores_from_logits(run(graphs.build("int8-mixed", in_float)), decision)
        return float(np.abs(scores - exact).mean())

    costs = _costs(graphs)
    everything = distance(frozenset())
    found = []
    for place, name in enumerate(graphs.matrices):
        told.step(f"sensitivity of matrix {place + 1} of {len(graphs.matrices)}")
        found.append(Sensitivity(name, everything - distance(frozenset({name})), costs[name]))
    return tuple(sorted(found, key=lambda one: -one.gain / one.cost))


def _costs(graphs: RungGraphs) -> dict[str, int]:
    """Count the multiply-adds of one token, of all layers that share a matrix."""
    costs: dict[str, int] = {}
    for name, node in matrix_products(graphs.fp32.graph):
        matrix = constant(node.inputs[1])
        costs[name] = costs.get(name, 0) + (0 if matrix is None else matrix.size)
    return costs
