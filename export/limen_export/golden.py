"""The golden texts of a file, with what this very graph makes of them, and how far another machine
may be from it.
"""

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
import onnx
from limen.arrays import Feeds, FloatArray
from limen.corpus import Language, sentences
from limen.encoder import Encoded, Encoder, open_encoder
from limen.engine import Engine
from limen.errors import ExportError, InputError
from limen.format import Golden, Precision, limits
from limen.model import Model
from limen.processor import read_processor
from limen.self_test import Deviation, deviation_of
from onnx import helper

from limen_export.reference import Reference

LEAST_TEXTS, MOST_TEXTS = 4, 8
_LONGEST_TOKENS = 64
_AIMS_TOKENS: dict[Language, tuple[int, ...]] = {
    "en": (1, 8, 16, _LONGEST_TOKENS),
    "ko": (1, 8, 16, 32),
}
"""Mostly short: saturation shows in these as well, and they are run whenever the file is loaded."""

_MOST_JOINED = 3
_FP32_TOLERANCE = 1e-4
_FP32_RELATIVE = 1e-5
_FP16_TOLERANCE, _FP16_RELATIVE = 0.02, 2e-3
_NOISE = 1e-6
"""About ten units in the last place of a float32: more than two processors' kernels differ by in
one layer (docs/self_test.md)."""

_QUANTISING = ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "QuantizeLinear")
_DRAWS = 5
_NOISE_FACTOR = 2.0


def golden_texts(encoder: Encoder, max_tokens: int | None) -> tuple[str, ...]:
    """Choose eight of the project's test sentences, half of them Korean, from the shortest to about
    64 tokens or features (neighbouring sentences joined), none over `max_tokens` if that is
    possible.
    """
    most = min(_LONGEST_TOKENS, max_tokens or _LONGEST_TOKENS)
    chosen: list[str] = []
    for language, aims in _AIMS_TOKENS.items():
        parts = [sentence.text for sentence in sentences(language, "test")]
        counted = sorted((_tokens(encoder, text), text) for text in _joined(parts))
        fitting = [pair for pair in counted if pair[0] <= most]
        if len(fitting) < len(aims):
            fitting = counted[: len(aims)]
        for aim in aims:
            left = (pair for pair in fitting if pair[1] not in chosen)
            chosen.append(min(left, key=lambda pair: (abs(pair[0] - aim), pair))[1])
    return tuple(chosen)


def golden(
    reference: Reference,
    model: Model,
    precision: Precision,
    draft: bytes,
    texts: tuple[str, ...] | None = None,
) -> Golden:
    """Run the golden texts, and find the tolerance.

    In fp32 it is 1e-4, or 1e-5 of the largest logit; in fp16 0.02, or 0.2 % of the largest logit:
    a GPU rounds sums that the CPU keeps in float32. In int8 an activation that another processor
    rounds the other way moves more than that: the graph is run with every quantised activation off
    by 1e-6 of itself at random, and twice what that does to the middle text is allowed.

    Args:
        reference: the source.
        model: the file about to be written.
        precision: its precision.
        draft: bytes of the graph that `model` runs, stamped or not.
        texts: 4 to 8 of the user's own; None takes the project's sentences.

    Raises:
        InputError: texts that cannot be golden texts.
        ExportError: logits that are not finite, or this processor itself computes int8 wrongly.
    """
    encoder = open_encoder(reference.encoder)
    if texts is None:
        texts = golden_texts(encoder, reference.encoder.max_tokens)
    else:
        check_golden(texts)
    encoded = [encoder.encode(text, index) for index, text in enumerate(texts)]
    logits = model.logits(texts)
    if not np.isfinite(logits).all():
        raise ExportError(f"{reference.name}: a golden text gives a logit that is not finite")
    tolerance = max(_FP32_TOLERANCE, _FP32_RELATIVE * float(np.abs(logits).max()))
    if precision == "fp16":
        relative = _FP16_RELATIVE * float(np.abs(logits).max())
        return _golden(texts, encoded, logits, max(_FP16_TOLERANCE, relative))
    if precision != "fp32":
        exact, noise = _exact_and_noise(draft, [one.feeds for one in encoded], logits.shape[1])
        tolerance = max(tolerance, _NOISE_FACTOR * noise)
        _require_exact(_deviation(exact, logits), tolerance, reference.name)
    return _golden(texts, encoded, logits, tolerance)


def _golden(
    texts: tuple[str, ...], encoded: Sequence[Encoded], logits: FloatArray, tolerance: float
) -> Golden:
    return Golden(
        texts=texts,
        ids=tuple(tuple(one.ids) for one in encoded),
        logits=tuple(tuple(float(value) for value in row) for row in logits),
        tolerance=tolerance,
    )


def with_noise(graph: onnx.ModelProto, phase: float, size: float = _NOISE) -> onnx.ModelProto:
    """Return a graph in which every activation x that is quantised is x + size x sin(10007 x +
    phase) instead: as good as random, whatever its shape.
    """
    noisy = onnx.ModelProto()
    noisy.CopyFrom(graph)
    body = noisy.graph
    constants = {tensor.name for tensor in body.initializer}
    for name, value in (("pace", 10_007.0), ("phase", phase), ("size", size)):
        body.initializer.append(
            onnx.numpy_helper.from_array(np.array(value, np.float32), f"noise_{name}")
        )
    nodes: list[onnx.NodeProto] = []
    made: dict[str, str] = {}
    for node in body.node:
        if node.op_type in _QUANTISING and node.input[0] not in constants:
            if node.input[0] not in made:
                made[node.input[0]] = f"noisy_{len(made)}"
                nodes.extend(_noise_nodes(node.input[0], made[node.input[0]]))
            node.input[0] = made[node.input[0]]
        nodes.append(node)
    ordered = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del body.node[:]
    body.node.extend(ordered)
    return noisy


def _noise_nodes(source: str, target: str) -> Iterator[onnx.NodeProto]:
    steps = (
        ("Mul", source, "noise_pace"),
        ("Add", f"{target}_0", "noise_phase"),
        ("Sin", f"{target}_1"),
        ("Mul", f"{target}_2", "noise_size"),
        ("Mul", f"{target}_3", source),
    )
    for index, (operator, *inputs) in enumerate(steps):
        yield helper.make_node(operator, inputs, [f"{target}_{index}"])
    yield helper.make_node("Add", [source, f"{target}_4"], [target])


def _exact_and_noise(
    draft: bytes, feeds: Sequence[Feeds], outputs: int
) -> tuple[FloatArray, float]:
    """Return the logits without saturation, and the median of the typical deviations that draws of
    noise make.
    """

    def run(data: bytes) -> FloatArray:
        engine = Engine(data, "golden texts", outputs, optimisation="unsigned_weights")
        return np.stack([engine.logits(feed) for feed in feeds])

    exact, graph = run(draft), onnx.load_from_string(draft)
    draws = (run(with_noise(graph, float(draw)).SerializeToString()) for draw in range(_DRAWS))
    return exact, median(_deviation(noisy, exact).typical for noisy in draws)


def _deviation(found: FloatArray, expected: FloatArray) -> Deviation:
    return deviation_of([float(value) for value in np.abs(found - expected).max(axis=1)])


def _require_exact(found: Deviation, tolerance: float, name: str) -> None:
    if not found.within(tolerance):
        raise ExportError(
            f"{name}: int8 products saturate on this processor ({read_processor().name}): golden "
            f"logits are off by {found.typical:.4g}, allowed are {tolerance:.4g}; export on a "
            "processor with VNNI, or use --precision fp32"
        )


def check_golden(texts: tuple[str, ...]) -> None:
    """Refuse texts that cannot be golden texts.

    Raises:
        InputError: fewer than 4, more than 8, or one that is too long.
    """
    if not LEAST_TEXTS <= len(texts) <= MOST_TEXTS:
        raise InputError(
            f"{len(texts)} golden texts; they are run whenever the file is loaded: give "
            f"{LEAST_TEXTS} to {MOST_TEXTS}, from short to long"
        )
    for index, text in enumerate(texts):
        if len(text) > limits.MAX_GOLDEN_CHARACTERS:
            raise InputError(
                f"golden text {index} has {len(text):,} characters, allowed are "
                f"{limits.MAX_GOLDEN_CHARACTERS:,}; shorten it"
            )


def _joined(parts: Sequence[str]) -> Iterator[str]:
    for count in range(1, _MOST_JOINED + 1):
        for start in range(len(parts) - count + 1):
            yield " ".join(parts[start : start + count])


def _tokens(encoder: Encoder, text: str) -> int:
    return encoder.encode(text).tokens
