"""How many multiply-adds a classifier file's graph needs for a text, counted on the graph that
onnxruntime really runs.

The graph runs at four lengths under onnxruntime's profiler, which names the operator and the shapes
of every node (https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html).
Matrix products are summed; the rest (normalisation, softmax, tables) is not counted. The count of a
transformer is a polynomial of degree 2 in the length: three lengths give it, a fourth checks it.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from limen.engine import open_session, session_options
from limen.errors import EngineError, InputError, reason

from limen_bench.matrix_products import Node, Shape, count_products

Coefficients: TypeAlias = tuple[float, float, float]

_LENGTHS = (5, 11, 23)
_LONGEST_RUN = 512
"""A longer run would take seconds and gigabytes; BERT's own limit."""
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


@dataclass(frozen=True)
class MultiplyAdds:
    """Multiply-adds of one text: a + b tokens + c tokens^2.

    Attributes:
        weights: a, b, c of the products with a constant matrix, the ones that int8 makes faster.
        activations: a, b, c of the products of two activations, as in attention.
    """

    weights: Coefficients
    activations: Coefficients

    def of(self, tokens: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the multiply-adds, float64, in the shape of `tokens`.

        Args:
            tokens: lengths of texts, special tokens included.
        """
        return self.weights_of(tokens) + _polynomial(self.activations, tokens)

    def weights_of(self, tokens: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return those of the products with a constant matrix only; otherwise as `of`."""
        return _polynomial(self.weights, tokens)


def multiply_adds(file: Path, max_tokens: int) -> MultiplyAdds:
    """Count the multiply-adds of a classifier file.

    Args:
        file: a classifier file.
        max_tokens: longest input of the file, at least 4. The count is checked at this length, or
            at 512 tokens where it is longer.

    Raises:
        InputError: the file cannot be read.
        EngineError: onnxruntime refuses it, or its count is not known: it takes other inputs than
            token ids, holds an operator whose products this module cannot count, or its count is
            no polynomial of degree 2.
    """
    if max_tokens < 4:
        raise EngineError(f"{file.name}: max_tokens={max_tokens}; at least 4 are needed to count")
    lengths = _lengths(max_tokens)
    runs = _runs(file, lengths)
    if len(runs) != len(lengths) or not all(runs):
        raise EngineError(
            f"{file.name}: onnxruntime's profile is not as expected: {len(lengths)} runs wanted, "
            f"found {len(runs)} of {[len(nodes) for nodes in runs]} nodes"
        )
    counts = [count_products(nodes, file.name) for nodes in runs]
    return MultiplyAdds(
        _fitted(lengths, [count.weights for count in counts], file.name),
        _fitted(lengths, [count.activations for count in counts], file.name),
    )


def _lengths(max_tokens: int) -> tuple[int, ...]:
    if max_tokens < 2 * _LENGTHS[-1]:
        return (max_tokens // 4, max_tokens // 2, max_tokens * 3 // 4, max_tokens)
    return (*_LENGTHS, min(max_tokens, _LONGEST_RUN))


def _runs(file: Path, lengths: tuple[int, ...]) -> list[list[Node]]:
    """Run the graph at each length and return the nodes of each run."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error})") from error
    # A session that failed keeps its profile open, which Windows does not let go of.
    with tempfile.TemporaryDirectory(prefix="limen-", ignore_cleanup_errors=True) as folder:
        try:
            session = _profiled_session(data, Path(folder))
            names = [port.name for port in session.get_inputs()]
            known = {"input_ids"} <= set(names) <= _INPUTS
            for tokens in lengths if known else ():
                session.run(None, _feeds(names, tokens))
            profile = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
            runs = _split(profile)
        except Exception as error:
            raise EngineError(f"{file.name}: cannot be profiled ({reason(error)})") from error
    if not known:
        raise EngineError(
            f"{file.name}: the multiply-adds of a graph with inputs {', '.join(names)} are not "
            "known; they are counted for graphs of token ids"
        )
    return runs


def _profiled_session(data: bytes, folder: Path) -> Any:  # noqa: ANN401  (onnxruntime has no types)
    """Open a session as limen.engine does, so that the graph is optimised alike."""
    options = session_options()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    # Else a weight that was packed for its kernel is missing among the shapes.
    options.add_session_config_entry("session.disable_prepacking", "1")
    return open_session(data, options)


def _feeds(names: list[str], tokens: int) -> dict[str, npt.NDArray[np.int64]]:
    ids = np.arange(tokens, dtype=np.int64)[None] % 2  # every vocabulary has 0 and 1
    known = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    return {name: known[name] for name in names}


def _split(profile: list[dict[str, Any]]) -> list[list[Node]]:
    """Cut a profile into runs: the event `model_run` follows the nodes of its run."""
    runs: list[list[Node]] = []
    nodes: list[Node] = []
    for event in profile:
        if event["name"] == "model_run":
            runs.append(nodes)
            nodes = []
        elif event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            found = event["args"]
            nodes.append(
                Node(
                    found["op_name"],
                    tuple(_shapes(found["input_type_shape"])),
                    tuple(_shapes(found["output_type_shape"])),
                    int(found["parameter_size"]),
                )
            )
    return runs


def _shapes(listed: list[dict[str, list[int]]]) -> Iterator[Shape]:
    for typed in listed:
        yield from (tuple(shape) for shape in typed.values())


def _fitted(lengths: tuple[int, ...], counts: list[int], name: str) -> Coefficients:
    """Newton's divided differences through the first three; the fourth has to lie on the curve."""
    first, second, third, last = (Fraction(length) for length in lengths)
    slope = (counts[1] - counts[0]) / (second - first)
    square = ((counts[2] - counts[0]) / (third - first) - slope) / (third - second)
    linear = slope - square * (first + second)
    constant = counts[0] - linear * first - square * first**2
    if constant + linear * last + square * last**2 != counts[3]:
        raise EngineError(
            f"{name}: its multiply-adds are no polynomial of degree 2: at {lengths} tokens they "
            f"are {counts}"
        )
    return float(constant), float(linear), float(square)


def _polynomial(coefficients: Coefficients, tokens: npt.ArrayLike) -> npt.NDArray[np.float64]:
    constant, linear, square = coefficients
    length = np.asarray(tokens, dtype=np.float64)
    return np.asarray(constant + linear * length + square * length**2)
