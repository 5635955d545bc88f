"""Large weights taken out of a graph: logits stay the same, and odd tensors stay inside."""

import limen
import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.engine import Engine, open_session, session_options
from limen.format.weights import LEAST_BYTES, split_graph
from limen.format.wire import encode_bytes as block
from limen.format.wire import encode_varint as number

KINDS = {1: np.float32, 2: np.uint8, 3: np.int8, 10: np.float16}
ROWS = LEAST_BYTES // 4


def tensor(values, kind, name=b"w", *, dims=None, packed=True, raw=None):
    """A TensorProto: dims 1, data_type 2, name 8, raw_data 9."""
    shape = values.shape if dims is None else dims
    sizes = [number(1, size) for size in shape]
    if packed:
        sizes = [block(1, b"".join(size[1:] for size in sizes))]
    data = values.tobytes() if raw is None else raw
    return b"".join([*sizes, number(2, kind), block(8, name), block(9, data)])


def port(name, kind, *sizes):
    """A ValueInfoProto with a tensor type."""
    shape = b"".join(
        block(1, block(2, size) if isinstance(size, bytes) else number(1, size)) for size in sizes
    )
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, shape)))


def node(operator, inputs, output, *attributes):
    names = b"".join(block(1, name) for name in inputs)
    return names + block(2, output) + block(4, operator) + b"".join(attributes)


def lookup(table, kind, weight=None):
    """A ModelProto: row `input_ids` of a table, as float32 logits."""
    cast = block(5, block(1, b"to") + number(3, 1) + number(20, 2))
    graph = b"".join(
        [
            block(1, node(b"Gather", [b"w", b"input_ids"], b"row")),
            block(1, node(b"Cast", [b"row"], b"logits", cast)),
            block(2, b"g"),
            block(5, tensor(table, kind) if weight is None else weight),
            block(11, port(b"input_ids", 7, b"n")),
            block(12, port(b"logits", 1, b"n", table.shape[1])),
        ]
    )
    return number(1, 8) + block(7, graph) + block(8, block(1, b"") + number(2, 17))


def looked_up(model, weights=()):
    options = session_options("none")
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(one) for one in weights.values()]
        options.add_external_initializers(list(weights), values)
    session = open_session(model, options)
    return session.run(["logits"], {"input_ids": np.arange(0, ROWS, 777)})[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift", range(4))
def test_a_session_computes_the_same_wherever_the_weight_begins(kind, shift):
    table = np.random.default_rng(shift).integers(-100, 100, (ROWS, 4)).astype(KINDS[kind])
    # A record (producer_version) before the graph moves every byte after it.
    model = block(3, b"p" * shift) + lookup(table, kind)
    split = split_graph(model)
    assert list(split.weights) == ["w"]
    assert len(split.graph) < 1_000
    assert np.array_equal(split.weights["w"], table)
    assert split.weights["w"].flags.aligned
    expected = table[np.arange(0, ROWS, 777)].astype(np.float32)
    assert np.array_equal(looked_up(split.graph, split.weights), expected)
    assert np.array_equal(looked_up(model), expected)


def test_what_is_not_a_large_weight_is_kept_to_the_byte(golden_folder):
    """The golden classifiers are smaller than any weight worth taking out. Tables of an encoder are
    left out whatever their size.
    """
    for file in golden_folder.glob("*.onnx"):
        data = file.read_bytes()
        if b"limen.0.terms" in data:
            assert b"limen.0.terms" not in split_graph(data).graph
            continue
        split = split_graph(data)
        assert (split.graph, split.weights) == (data, {})


BIG = np.ones((ROWS, 4), np.float32)
ODD = {
    "no name": tensor(BIG, 1, b""),
    "too few bytes for its shape": tensor(BIG, 1, dims=(ROWS, 5)),
    "a negative size": tensor(BIG, 1, dims=(2**64 - 1, ROWS * 4)),
    "an unknown element type": tensor(BIG, 16),
    "strings": tensor(BIG, 8),
    "64-bit integers": tensor(np.ones((ROWS, 4), np.int64), 7),
    "bytes stored twice": tensor(BIG, 1) + block(9, BIG.tobytes()),
    "no bytes": b"".join([number(1, ROWS), number(1, 4), number(2, 1), block(8, b"w")]),
    "small": tensor(np.ones((4, 4), np.float32), 1),
}


@pytest.mark.parametrize("weight", ODD.values(), ids=ODD)
def test_odd_tensors_stay_inside(weight):
    model = number(1, 8) + block(7, block(5, weight))
    split = split_graph(model)
    assert (split.graph, split.weights) == (model, {})


def test_weights_of_one_name_stay_inside():
    model = number(1, 8) + block(7, block(5, tensor(BIG, 1)) + block(5, tensor(BIG * 2, 1)))
    assert split_graph(model).weights == {}


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.booleans()), max_size=5))
def test_every_large_weight_is_taken_once(parts):
    tensors = [
        tensor(np.full((LEAST_BYTES, 1), place, KINDS[kind]), kind, b"%d" % place, packed=packed)
        for place, (kind, packed) in enumerate(parts)
    ]
    split = split_graph(number(1, 8) + block(7, b"".join(block(5, one) for one in tensors)))
    assert list(split.weights) == [str(place) for place in range(len(parts))]
    for place, (kind, _) in enumerate(parts):
        weight = split.weights[str(place)]
        assert weight.dtype == KINDS[kind]
        assert weight.shape == (LEAST_BYTES, 1)
        assert set(np.unique(weight)) == {place}


def test_onnxruntime_keeps_nothing_of_what_it_is_handed():
    """It promises a copy; an engine outlives the bytes of its file, and would read freed memory."""
    table = np.random.default_rng(1).integers(-100, 100, (ROWS, 4)).astype(np.int8)
    split = split_graph(lookup(table, 3))
    given = {name: weight.copy() for name, weight in split.weights.items()}
    options = session_options("none")
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(one) for one in given.values()]
    options.add_external_initializers(list(given), values)
    session = open_session(split.graph, options)
    given["w"][:] = 0
    row = session.run(["logits"], {"input_ids": np.array([5])})[0]
    assert np.array_equal(row, table[5:6].astype(np.float32))


def test_a_broken_tensor_is_an_error_of_the_engine():
    model = lookup(BIG, 1, tensor(BIG, 1, dims=(ROWS, 5)))
    with pytest.raises(limen.EngineError, match="refused the graph"):
        Engine(model, "broken", 4, optimisation="none")
