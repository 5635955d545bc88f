"""Inputs that nothing reads go."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

from limen_export.graph.unused_inputs import drop_unused_inputs

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node = made.node
INPUTS = ("attention_mask", "input_ids", "token_type_ids")


def rows(*more, outputs=None):
    nodes, weights = made.embedding()
    outputs = {"logits": made.ROWS} if outputs is None else outputs
    return made.graph([*nodes, *more], weights, outputs=outputs, inputs=INPUTS)


def left(model):
    count, after = made.applied(drop_unused_inputs, model)
    return count, [port.name for port in after.graph.input]


def test_inputs_that_no_node_reads_are_dropped():
    assert left(rows(node("Relu", "x0", "logits"))) == (2, ["input_ids"])


def test_an_input_that_a_node_reads_stays_even_where_the_node_is_unread():
    """Whoever leaves dead nodes behind has to remove them first."""
    model = rows(node("Relu", "x0", "logits"), node("Neg", "attention_mask", "unread"))
    assert left(model) == (1, ["attention_mask", "input_ids"])


def test_an_input_that_is_an_output_stays():
    model = rows(node("Relu", "x0", "logits"))
    model.graph.output.append(model.graph.input[2])
    assert left(model) == (1, ["input_ids", "token_type_ids"])


def test_an_input_that_only_a_branch_reads_stays():
    branches = {
        name: made.helper.make_graph(
            [made.helper.make_node(operator, ["attention_mask"], [f"{name}_out"])],
            name,
            [],
            [made.helper.make_tensor_value_info(f"{name}_out", 7, None)],
        )
        for name, operator in (("then_branch", "Neg"), ("else_branch", "Abs"))
    }
    model = rows(
        node("Size", "input_ids", "size"),
        node("Greater", "size size", "never"),
        made.helper.make_node("If", ["never"], ["chosen"], **branches),
        node("Cast", "chosen", "numbers", to=1),
        node("Unsqueeze", "numbers last", "column"),
        node("Add", "x0 column", "logits"),
    )
    model.graph.initializer.append(made.numpy_helper.from_array(made.whole(2), "last"))
    assert left(model) == (1, ["attention_mask", "input_ids"])


def test_nothing_to_drop():
    nodes, weights = made.embedding()
    nodes.append(node("Relu", "x0", "logits"))
    assert left(made.graph(nodes, weights, outputs={"logits": made.ROWS})) == (0, ["input_ids"])
