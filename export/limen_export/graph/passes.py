"""The passes in their order, each checked after it ran."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
from limen.arrays import FloatArray
from limen.errors import ExportError, reason

from limen_export.graph.constants import fold_constants
from limen_export.graph.eager_attention import fuse_eager_attention
from limen_export.graph.equal_weights import share_equal_weights
from limen_export.graph.first_token import keep_first_token
from limen_export.graph.idle_masks import drop_idle_masks
from limen_export.graph.int8_rows import vocabulary_size
from limen_export.graph.matrix_names import name_matrices
from limen_export.graph.position_rows import add_rows_once, fold_positions, fold_token_types
from limen_export.graph.projections import merge_projections
from limen_export.graph.reshapes import drop_needless_reshapes
from limen_export.graph.rewriting import Pass, nodes_of
from limen_export.graph.running import open_graph
from limen_export.graph.unused_inputs import drop_unused_inputs

PASSES: tuple[Pass, ...] = (
    share_equal_weights,
    name_matrices,
    fold_constants,
    drop_idle_masks,
    fuse_eager_attention,
    drop_needless_reshapes,
    keep_first_token,
    merge_projections,
    fold_positions,
    fold_token_types,
    add_rows_once,
    drop_unused_inputs,
)
EXACT = 1e-5
"""Largest difference that a pass may make, absolute and as a share of the largest logit: sums of
float32 in another order."""
_SHAPES = ((1, 1), (1, 2), (3, 7), (2, 64), (1, 512))


@dataclass(frozen=True)
class PassResult:
    """What a pass did.

    Attributes:
        name: of the pass.
        nodes: how many nodes it replaced.
        difference: largest difference of a logit to the graph before it.
        kept: False where the difference was too large (or the graph no longer ran) and the graph
            before the pass was kept.
    """

    name: str
    nodes: int
    difference: float
    kept: bool


@dataclass(frozen=True)
class RewrittenGraph:
    """A traced graph after all passes.

    Attributes:
        model: the graph.
        results: what each pass did, in their order.
        fused_attentions: attentions that run as one operator; None where there is none
            (or where nobody looked).
    """

    model: ir.Model
    results: tuple[PassResult, ...]
    fused_attentions: int | None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Say which passes were left out, and why."""
        return tuple(
            f"graph pass {result.name} is left out: "
            + (
                f"it moved a logit by {result.difference:.2g}"
                if np.isfinite(result.difference)
                else "the graph that it made does not run, or gives no finite logits"
            )
            for result in self.results
            if not result.kept
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know: passes that were left out, attention that is not fused."""
        if self.fused_attentions != 0:
            return self.left_out
        return (
            *self.left_out,
            "attention is not fused for this architecture: the graph is correct, but not the "
            "fastest",
        )


def rewrite(
    traced: onnx.ModelProto, longest: int, passes: tuple[Pass, ...] = PASSES
) -> RewrittenGraph:
    """Apply the passes in turn; after each, run the graph before and after it on random ids of
    several batch sizes and lengths, and keep the graph before it where they differ.

    Args:
        traced: fp32, `input_ids` to `logits`; it is left as it is.
        longest: the most tokens that the model takes.
        passes: to apply.

    Raises:
        ExportError: onnxruntime does not run the traced graph.
    """
    model = ir.from_proto(traced)
    ids = tuple(_random_ids(vocabulary_size(model) or 1, longest))
    try:
        before = _logits(model, ids)
    except Exception as error:
        raise ExportError(f"onnxruntime refused the traced graph ({reason(error)})") from error
    results = []
    for apply in passes:
        rewritten = apply(model)
        if not rewritten.nodes:
            results.append(PassResult(apply.__name__, 0, 0.0, kept=True))
            continue
        difference, after = _compared(before, rewritten.graph, ids)
        kept = difference <= EXACT * max(1.0, max(float(np.abs(rows).max()) for rows in before))
        results.append(PassResult(apply.__name__, rewritten.nodes, difference, kept=kept))
        if kept:
            model, before = rewritten.graph, after
    return RewrittenGraph(model, tuple(results), _fused_attentions(model))


def _fused_attentions(model: ir.Model) -> int | None:
    """Count them; None for a graph that computes no attention at all."""
    fused = sum(1 for _ in nodes_of(model.graph, "MultiHeadAttention"))
    return None if not fused and not any(nodes_of(model.graph, "Softmax")) else fused


def _compared(
    before: tuple[FloatArray, ...], model: ir.Model, ids: tuple[np.ndarray, ...]
) -> tuple[float, tuple[FloatArray, ...]]:
    try:
        after = _logits(model, ids)
    except Exception:
        return float("inf"), before
    pairs = list(zip(before, after, strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return float("inf"), before
    differences = [float(np.abs(one - other).max()) for one, other in pairs]
    return (max(differences) if np.isfinite(differences).all() else float("inf")), after


def _logits(model: ir.Model, ids: tuple[np.ndarray, ...]) -> tuple[FloatArray, ...]:
    session = open_graph(model)
    others = [port.name for port in session.get_inputs() if port.name != "input_ids"]
    return tuple(
        session.run(
            ["logits"], {"input_ids": rows, **{name: np.ones_like(rows) for name in others}}
        )[0]
        for rows in ids
    )


def _random_ids(vocabulary: int, longest: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(11)
    for batch, length in _SHAPES:
        yield generator.integers(0, vocabulary, (batch, min(length, longest)), dtype=np.int64)
