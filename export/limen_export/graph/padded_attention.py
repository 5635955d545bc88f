"""A graph that takes padded batches: attention that leaves padding out."""

import numpy as np
import onnx_ir as ir
from limen.arrays import FloatArray, IntArray
from limen.errors import ExportError, reason
from limen.padded_engine import padded

from limen_export.graph.int8_rows import vocabulary_size
from limen_export.graph.rewriting import add_node, nodes_of, weight
from limen_export.graph.running import open_graph

MASK = "attention_mask"
PADDED_PARITY = 1e-4
"""Largest difference of a logit in a padded batch to the text alone, absolute and as a share of the
largest logit."""

_KEY_PADDING_MASK = 4
"""Its place among the inputs of MultiHeadAttention
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention)."""
_LENGTHS = ((1, 2, 3, 5), (8, 3, 17, 40), (2, 64), (7, 128))


def padded_graph(model: ir.Model, longest: int, name: str) -> ir.Model:
    """Return a graph of `input_ids` and `attention_mask` that gives for each text of a padded batch
    what the given graph gives for the text alone.

    The mask holds ones for a text's tokens and, on the right of them, zeros. Attention is told how
    many tokens count, int32 (batch,): onnxruntime's fused kernels for CUDA take that, or no mask,
    while a mask of (batch, tokens) has them replaced by one operator after the other
    (onnxruntime/contrib_ops/cuda/bert/multihead_attention.cc, 2025).

    Whether the result is right is not concluded from the graph but seen: padded batches of random
    ids are run on the CPU, padding being random ids as well.

    Args:
        model: fp32, after all passes, `input_ids` to `logits`; it is left as it is.
        longest: the most tokens that it takes.
        name: of the source, for messages.

    Raises:
        ExportError: attention is not fused, or padding changes a logit.
    """
    copy = model.clone()
    attentions = list(nodes_of(copy.graph, "MultiHeadAttention"))
    if not attentions:
        raise ExportError(
            f"{name}: attention is not fused for this architecture, so its graph cannot be told "
            "which tokens are padding; export it for the CPU (without --device cuda)"
        )
    _add_mask(copy.graph, attentions)
    _require_parity(model, copy, longest, name)
    return copy


def _add_mask(graph: ir.Graph, attentions: list[ir.Node]) -> None:
    shape, kind = ir.Shape(["batch", "tokens"]), ir.TensorType(ir.DataType.INT64)
    mask = ir.Value(name=MASK, shape=shape, type=kind)
    graph.inputs.append(mask)
    first = next(iter(graph))
    axis = weight(graph, "mask_axis", np.array([1], np.int64))
    (counted,) = add_node(first, "ReduceSum", [mask, axis], {"keepdims": 0})
    (lengths,) = add_node(first, "Cast", [counted], {"to": ir.DataType.INT32.value})
    for node in attentions:
        node.resize_inputs(max(len(node.inputs), _KEY_PADDING_MASK + 1))
        node.replace_input_with(_KEY_PADDING_MASK, lengths)


def _require_parity(alone: ir.Model, together: ir.Model, longest: int, name: str) -> None:
    try:
        difference = padding_difference(alone, together, longest)
    except Exception as error:
        raise ExportError(
            f"{name}: onnxruntime refused the graph with a mask ({reason(error)}); export it for "
            "the CPU (without --device cuda)"
        ) from error
    if not difference <= PADDED_PARITY:
        raise ExportError(
            f"{name}: padding moves a logit by {difference:.2g} of the largest, allowed are "
            f"{PADDED_PARITY:g}: some attention is not fused, or the head reads every token, "
            "padding included; export it for the CPU (without --device cuda)"
        )


def padding_difference(alone: ir.Model, together: ir.Model, longest: int) -> float:
    """Return the largest difference of a logit between texts alone and in padded batches, as a
    share of the largest logit if that is above 1; not a number where a logit is none.
    """
    one, many = open_graph(alone), open_graph(together)
    generator = np.random.default_rng(7)
    vocabulary = vocabulary_size(alone) or 1
    expected: list[FloatArray] = []
    found: list[FloatArray] = []
    for lengths in _LENGTHS:
        rows = [
            generator.integers(0, vocabulary, min(length, longest), dtype=np.int64)
            for length in lengths
        ]
        given = padded(rows)
        _fill(given["input_ids"], given[MASK], generator, vocabulary)
        found.append(many.run(["logits"], given)[0])
        expected += [one.run(["logits"], {"input_ids": row[np.newaxis]})[0] for row in rows]
    exact = np.concatenate(expected)
    return float(np.abs(np.concatenate(found) - exact).max() / max(1.0, np.abs(exact).max()))


def _fill(ids: IntArray, mask: IntArray, generator: np.random.Generator, vocabulary: int) -> None:
    """Put random ids where there is padding: no answer may depend on them."""
    noise = generator.integers(0, vocabulary, ids.shape, dtype=np.int64)
    np.copyto(ids, noise, where=mask == 0)
