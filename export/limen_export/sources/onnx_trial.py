"""An imported graph is run on a few texts: what its output is, and whether what is made of it gives
the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from limen.arrays import FloatArray
from limen.corpus import sentences
from limen.errors import ExportError, reason
from transformers import PreTrainedTokenizerFast

from limen_export.sources.onnx_logits import GivenGraph
from limen_export.sources.onnx_ml import in_own_operators, uses_ml_operators
from limen_export.sources.onnx_ports import LOGITS, Ports, behind_link, showing

_MOST_TOKENS = 32
_SUM_WITHIN = 1e-3
_SAME_WITHIN = 1e-5


@dataclass(frozen=True, eq=False)
class Trial:
    """A graph that was tried.

    Attributes:
        given: it, as it came, in a session, giving the logits (or, with link log, probabilities).
        shown: the graph of that session.
        ports: of it.
        outputs: width of the logits.
    """

    given: GivenGraph
    shown: onnx.ModelProto
    ports: Ports
    outputs: int


def tried(
    model: onnx.ModelProto, ports: Ports, tokenizer: PreTrainedTokenizerFast, name: str
) -> Trial:
    """Run a graph, and find the logits behind the output that was chosen.

    Args:
        model: as it came.
        ports: of it, the output itself taken for the logits.
        tokenizer: of its folder.
        name: of the source, for messages.

    Raises:
        ExportError: it does not run, its output is no row of numbers for each text, or the logits
            found in it do not give that output.
    """
    texts = (
        "a b c",
        "",
        *(one.text for lang in ("en", "ko") for one in sentences(lang, "test")[:3]),
    )
    chosen = showing(model, ports.output)
    found = _run(GivenGraph(chosen, name), texts, tokenizer, ports, name)
    if uses_ml_operators(chosen):
        chosen = in_own_operators(chosen, name)
    ports = behind_link(chosen, ports)
    shown = showing(chosen, ports.logits)
    given = GivenGraph(shown, name)
    again = _linked(_run(given, texts, tokenizer, ports, name), ports)
    if not np.abs(again - found).max() <= _SAME_WITHIN * max(1.0, float(np.abs(found).max())):
        raise ExportError(
            f"{name}: the logits behind output {ports.output} do not give it (a difference of "
            f"{float(np.abs(again - found).max()):.2g}); export the checkpoint that the graph was "
            "made from instead"
        )
    if ports.link is None and ports.output != LOGITS and _are_probabilities(found):
        ports = replace(ports, link="log")
    return Trial(given, shown, ports, found.shape[1])


def _run(
    graph: GivenGraph,
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    ports: Ports,
    name: str,
) -> FloatArray:
    rows = []
    for text in texts:
        inputs = dict(tokenizer(text, truncation=True, max_length=_MOST_TOKENS))
        if not inputs["input_ids"]:
            continue
        try:
            found = graph.run(inputs)
        except Exception as error:
            raise ExportError(
                f"{name}: the graph does not take what its tokenizer gives ({reason(error)})"
            ) from error
        if found.ndim != 2 or len(found) != 1 or not np.issubdtype(found.dtype, np.floating):
            raise ExportError(
                f"{name}: output {ports.output} is {found.dtype} of shape {found.shape} for a text "
                f"of {len(inputs['input_ids'])} tokens; expected (1, outputs): a graph with a "
                "classification head, exported with --task text-classification"
            )
        rows.append(found[0].astype(np.float32))
    return np.stack(rows)


def _linked(rows: FloatArray, ports: Ports) -> FloatArray:
    if ports.link == "softmax":
        shifted = np.exp(rows - rows.max(axis=1, keepdims=True))
        softmax: FloatArray = shifted / shifted.sum(axis=1, keepdims=True)
        return softmax
    return np.reciprocal(1 + np.exp(-rows)) if ports.link == "sigmoid" else rows


def _are_probabilities(rows: FloatArray) -> bool:
    """Rows of several numbers from 0 to 1 that sum to 1."""
    within = (rows >= 0).all() and (rows <= 1).all() and rows.shape[1] > 1
    return bool(within and (np.abs(rows.sum(axis=1) - 1) < _SUM_WITHIN).all())
