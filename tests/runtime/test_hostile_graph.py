"""Files whose digest is right and whose graph is not one that the runtime may open."""

import limen
import numpy as np
import pytest
from limen.errors import EngineError, FormatError
from limen.format import parse
from limen.format.wire import encode_bytes as block

NEXT_STEP = r"(export|upgrade|fetch|inline|load and save)"
OUTSIDE = block(8, b"w") + block(13, block(1, b"location") + block(2, b"weights.bin")) + b"\x70\x01"
"""A TensorProto whose data is in another file (external_data = 13, data_location = 14)."""


def named(operator, *more):
    """A NodeProto: logits from logits, by an operator, with further fields."""
    ports = block(1, b"product") + block(2, b"product2")
    return ports + block(4, operator) + b"".join(more)


def attribute(number, payload):
    """An attribute that holds: tensor 5, graph 6, tensors 10, graphs 11, sparse ones 22 and 23."""
    return block(5, block(1, b"value") + block(number, payload))


def with_node(forge, node):
    return forge.with_graph(lambda graph: graph + block(1, node))


def with_port(forge, number, name, element_type, dimensions, index=0):
    """Give an input (11) or output (12) another name, type and shape."""
    shape = b"".join(block(1, part) for part in dimensions)
    tensor = forge.varint(1 << 3) + forge.varint(element_type) + block(2, shape)
    port = block(1, name) + block(2, block(1, tensor))
    return forge.with_part(number, index, lambda _: port)


ANY, FOUR, FIVE = block(2, b"batch"), b"\x08\x04", b"\x08\x05"
SUBGRAPH = block(1, named(b"Identity")) + block(2, b"branch")

EXTERNAL = {
    "initializer": lambda forge: forge.with_graph(lambda graph: graph + block(5, OUTSIDE)),
    "node attribute": lambda forge: with_node(forge, named(b"Constant", attribute(5, OUTSIDE))),
    "attribute's tensors": lambda forge: with_node(forge, named(b"Add", attribute(10, OUTSIDE))),
    "subgraph": lambda forge: with_node(forge, named(b"If", attribute(6, block(5, OUTSIDE)))),
    "subgraphs": lambda forge: with_node(forge, named(b"If", attribute(11, block(5, OUTSIDE)))),
    "subgraph's subgraph": lambda forge: with_node(
        forge, named(b"If", attribute(6, block(1, named(b"If", attribute(6, block(5, OUTSIDE))))))
    ),
    "sparse initializer": lambda forge: forge.with_graph(
        lambda graph: graph + block(15, block(1, OUTSIDE))
    ),
    "sparse indices": lambda forge: forge.with_graph(
        lambda graph: graph + block(15, block(2, OUTSIDE))
    ),
    "sparse attribute": lambda forge: with_node(
        forge, named(b"Constant", attribute(22, block(1, OUTSIDE)))
    ),
    "sparse attributes": lambda forge: with_node(
        forge, named(b"Constant", attribute(23, block(1, OUTSIDE)))
    ),
    "function": lambda forge: forge.added(
        block(25, block(1, b"f") + block(7, named(b"Constant", attribute(5, OUTSIDE))))
    ),
    "function's attribute": lambda forge: forge.added(
        block(25, block(1, b"f") + block(11, block(1, b"value") + block(5, OUTSIDE)))
    ),
    "training": lambda forge: forge.added(block(20, block(1, block(5, OUTSIDE)))),
}
OTHER = {
    "functions": (lambda forge: forge.added(block(25, block(1, b"f"))), "model-local functions"),
    "training": (lambda forge: forge.added(block(20, block(1, SUBGRAPH))), "training information"),
    "If": (lambda forge: with_node(forge, named(b"If", attribute(6, SUBGRAPH))), r"ai\.onnx\.If"),
    "Loop": (lambda forge: with_node(forge, named(b"Loop")), r"ai\.onnx\.Loop"),
    "a graph in a node that is allowed": (
        lambda forge: with_node(forge, named(b"Add", attribute(6, SUBGRAPH))),
        "control flow",
    ),
    "graphs too deep": (
        lambda forge: with_node(forge, nested(20)),
        "nested deeper than 8",
    ),
    "unknown operator": (lambda forge: with_node(forge, named(b"Steal")), r"ai\.onnx\.Steal"),
    "no operator": (lambda forge: with_node(forge, named(b"")), "operators outside the list"),
    "unknown domain": (
        lambda forge: with_node(forge, named(b"Add", block(7, b"evil"))),
        r"evil\.Add",
    ),
    "operator of another domain": (
        lambda forge: with_node(forge, named(b"Trilu", block(7, b"com.microsoft"))),
        r"com\.microsoft\.Trilu",
    ),
    "operator hidden by a wrong wire type": (
        lambda forge: with_node(forge, named(b"Steal", b"\x25Relu")),
        ".",
    ),
    "domain hidden by a wrong wire type": (
        lambda forge: with_node(forge, named(b"Add", block(7, b"evil"), b"\x38\x00")),
        ".",
    ),
    "node hidden by a tag of 33 bits": (
        lambda forge: forge.with_graph(
            lambda graph: graph + forge.varint(2**32 | 1 << 3 | 2) + block(1, named(b"Steal"))[1:]
        ),
        ".",
    ),
    "two graphs merged": (lambda forge: forge.added(block(7, SUBGRAPH)), "2 graphs found"),
    "no graph": (
        lambda forge: forge.sealed(forge.replaced(forge.data, 7, None)),
        "0 graphs found",
    ),
    "too many nodes": (
        lambda forge: forge.with_graph(lambda graph: graph + block(1, b"") * 200_001),
        "more than 200,000 nodes",
    ),
    "wrong input name": (
        lambda forge: with_port(forge, 11, b"tokens", 7, [ANY, ANY]),
        r"graph inputs \['tokens'\], expected input_ids",
    ),
    "unknown further input": (
        lambda forge: forge.with_graph(lambda graph: graph + block(11, block(1, b"secret"))),
        "secret",
    ),
    "input twice": (
        lambda forge: forge.with_graph(lambda graph: graph + block(11, forge.first(graph, 11))),
        "graph inputs",
    ),
    "wrong input type": (
        lambda forge: with_port(forge, 11, b"input_ids", 6, [ANY, ANY]),
        "input_ids: int32 of rank 2, expected int64 of 2",
    ),
    "wrong input rank": (
        lambda forge: with_port(forge, 11, b"input_ids", 7, [ANY]),
        "input_ids: int64 of rank 1, expected int64 of 2",
    ),
    "wrong output name": (
        lambda forge: with_port(forge, 12, b"probabilities", 1, [ANY, FOUR]),
        r"graph outputs \['probabilities'\], expected logits",
    ),
    "two outputs": (
        lambda forge: forge.with_graph(lambda graph: graph + block(12, block(1, b"hidden"))),
        r"graph outputs \['logits', 'hidden'\]",
    ),
    "wrong output type": (
        lambda forge: with_port(forge, 12, b"logits", 11, [ANY, FOUR]),
        "logits: float64 of rank 2, expected float32",
    ),
    "wrong output rank": (
        lambda forge: with_port(forge, 12, b"logits", 1, [ANY, ANY, FOUR]),
        "logits: float32 of rank 3",
    ),
    "wrong output width": (
        lambda forge: with_port(forge, 12, b"logits", 1, [ANY, FIVE]),
        "logits: multilabel over 4 labels needs 4 outputs, the graph has 5",
    ),
    "unknown output width": (
        lambda forge: with_port(forge, 12, b"logits", 1, [ANY, b""]),
        "logits have no fixed width, expected 4",
    ),
}


def nested(levels):
    graph = block(1, named(b"Add"))
    for _ in range(levels):
        graph = block(1, named(b"If", attribute(6, graph)))
    return named(b"If", attribute(6, graph))


CASES = {f"external data: {key}": (make, "external data") for key, make in EXTERNAL.items()}
CASES |= OTHER


@pytest.mark.parametrize("case", CASES)
def test_refused_by_name(forge, case):
    make, message = CASES[case]
    with pytest.raises(FormatError, match=rf"^hostile\.onnx: .*{message}"):
        parse(make(forge), "hostile.onnx")


@pytest.mark.parametrize("case", CASES)
def test_message_says_what_to_do(forge, case):
    with pytest.raises(FormatError, match=NEXT_STEP):
        parse(CASES[case][0](forge), "hostile.onnx")


def test_a_width_that_the_graph_does_not_keep_is_refused(forge, tmp_path):
    """The output declares four logits and the weights give one: never spread over four labels."""
    column = np.ones((6, 1), dtype=np.float32)
    lying = forge
    for name, value in (("matrix", column), ("bias", column[0])):
        parts = [forge.first(p[2], 8) for p in forge.records(graph_of(forge)) if p[0] == 5]
        lying = type(forge)(lying.with_part(5, parts.index(name.encode()), tensor(name, value)))
    golden = {"texts": [], "ids": [], "logits": []}
    (tmp_path / "lying.onnx").write_bytes(lying.with_block("limen.golden", **golden))
    with pytest.raises((EngineError, FormatError)):
        limen.load(tmp_path / "lying.onnx")(" a text")


def graph_of(forge):
    return forge.first(forge.data, 7)


def tensor(name, value):
    """Make a float32 TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9."""
    dimensions = b"".join(b"\x08" + bytes([size]) for size in value.shape)
    return lambda _: dimensions + b"\x10\x01" + block(8, name.encode()) + block(9, value.tobytes())
