"""What a graph takes and gives, beside what encoder and decision need."""

from limen.errors import FormatError, InputError
from limen.format.graph import GraphSummary
from limen.format.metadata import Metadata
from limen.format.rules import check_outputs
from limen.format.tfidf_block import TfidfBlock

_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_PADDED_INPUTS = frozenset({"input_ids", "attention_mask"})
_FEATURE_INPUTS = {
    "indices": "int64",
    "rows": "int64",
    "texts": "int64",
    "values": "float32",
}


def check_ports(graph: GraphSummary, metadata: Metadata) -> None:
    """Check that inputs are what the encoder gives, and that the logits fit the decision.

    Raises:
        FormatError: an input or output is missing, unknown, or of another type or rank.
    """
    _check_inputs(graph, metadata)
    if len(graph.outputs) != 1 or graph.outputs[0].name != "logits":
        raise FormatError(
            f"graph outputs {[port.name for port in graph.outputs]}, expected logits alone"
        )
    output = graph.outputs[0]
    if output.element_type != "float32" or len(output.shape) != 2:
        raise FormatError(
            f"logits: {output.element_type} of rank {len(output.shape)}, expected float32 of 2"
        )
    decision, width = metadata.decision, output.shape[1]
    if not isinstance(width, int):
        raise FormatError(f"logits have no fixed width, expected {decision.outputs:,}")
    try:
        check_outputs(decision.rule, decision.link, len(decision.labels), width)
    except InputError as error:
        raise FormatError(f"logits: {error}") from error


def _check_inputs(graph: GraphSummary, metadata: Metadata) -> None:
    if isinstance(metadata.encoder, TfidfBlock):
        _check_features(graph, metadata)
        return
    names = {port.name for port in graph.inputs}
    if "input_ids" not in names or names - _KNOWN_INPUTS or len(names) != len(graph.inputs):
        raise FormatError(f"graph inputs {sorted(names)}, expected input_ids and no unknown one")
    if metadata.execution.shape == "padded" and names != _PADDED_INPUTS:
        raise FormatError(
            f"graph inputs {sorted(names)}, expected {sorted(_PADDED_INPUTS)} of a padded file"
        )
    for port in graph.inputs:
        if port.element_type != "int64" or len(port.shape) != 2:
            raise FormatError(
                f"graph input {port.name}: {port.element_type} of rank {len(port.shape)}, expected "
                f"int64 of 2"
            )


def _check_features(graph: GraphSummary, metadata: Metadata) -> None:
    execution = metadata.execution
    if execution.device != "cpu":
        raise FormatError(f"an encoder of kind tfidf for device {execution.device}, expected cpu")
    if execution.shape != "exact":
        raise FormatError(f"an encoder of kind tfidf of shape {execution.shape}, expected exact")
    found = {port.name: (port.element_type, len(port.shape)) for port in graph.inputs}
    if len(found) != len(graph.inputs) or found.keys() != _FEATURE_INPUTS.keys():
        raise FormatError(
            f"graph inputs {sorted(found)}, expected {sorted(_FEATURE_INPUTS)} for features"
        )
    for name, element in _FEATURE_INPUTS.items():
        if found[name] != (element, 1):
            raise FormatError(
                f"graph input {name}: {found[name][0]} of rank {found[name][1]}, expected "
                f"{element} of 1"
            )
