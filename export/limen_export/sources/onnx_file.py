"""Reading an ONNX file that another tool wrote: one message with all its weights inside."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx
from limen.errors import ExportError, reason
from limen.format import limits
from limen.format.metadata import FORMAT_KEY
from limen.format.operators import ALLOWED
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, inliner

_LEAST_OPSET = 13
"""Since when Split, Squeeze and ReduceSum take as inputs what the passes give them
(https://github.com/onnx/onnx/blob/main/docs/Changelog.md)."""
_MADE_OPSET = 17
_HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def read_onnx(file: Path, name: str) -> onnx.ModelProto:
    """Read a graph; external data, if it has any, is folded in.

    Args:
        file: the .onnx file; external data is read from its own folder alone.
        name: of the source, for messages.

    Raises:
        ExportError: it is no ONNX file, a classifier file already, over the 2 GB of one file, in
            16 bits, or its external data is not as it says.
    """
    _check_size(file.stat().st_size, name)
    try:
        model = onnx.load(file, load_external_data=False)
    except Exception as error:
        raise ExportError(f"{name}: {file.name} is not an ONNX file ({reason(error)})") from error
    if not model.graph.node:
        raise ExportError(f"{name}: {file.name} is not an ONNX file, or its graph is empty")
    if any(entry.key == FORMAT_KEY for entry in model.metadata_props):
        raise ExportError(
            f"{name}: {file.name} is a classifier file already; load it with limen.load, or "
            "export the model that it was made from"
        )
    _fold_external_data(model, file, name)
    _refuse_half_precision(model, name)
    if model.functions:
        model = inliner.inline_local_functions(model)
    return _of_usable_opset(model, name)


def check_operators(model: onnx.ModelProto, name: str) -> None:
    """Refuse a graph with operators that a classifier file does not hold.

    Raises:
        ExportError: names them.
    """
    found = {(node.domain, node.op_type) for graph in _graphs(model.graph) for node in graph.node}
    outside = sorted(
        f"{domain or 'ai.onnx'}.{kind}"
        for domain, kind in found
        if kind not in ALLOWED.get(domain, ())
    )
    if outside:
        raise ExportError(
            f"{name}: operators outside the list of docs/format.md: {', '.join(outside[:10])}; "
            "export the checkpoint that the graph was made from instead"
        )


def _check_size(size: int, name: str) -> None:
    if size > limits.MAX_FILE_BYTES:
        raise ExportError(
            f"{name}: {size / 1e9:.1f} GB of graph and weights, and one file holds at most "
            f"{limits.MAX_FILE_BYTES / 1e9:.1f} GB (protobuf's limit); use a smaller model, or one "
            "that is quantised"
        )


def _refuse_half_precision(model: onnx.ModelProto, name: str) -> None:
    if any(tensor.data_type in _HALF for tensor in _tensors(model.graph)):
        raise ExportError(
            f"{name}: its weights are 16-bit numbers, which no CPU kernel takes; use the graph in "
            "fp32 (model.onnx), and --device cuda for a file in fp16"
        )


def _fold_external_data(model: onnx.ModelProto, file: Path, name: str) -> None:
    outside = [
        tensor for tensor in _tensors(model.graph) if tensor.data_location == TensorProto.EXTERNAL
    ]
    places = [(tensor, _place(tensor, file, name)) for tensor in outside]
    _check_size(file.stat().st_size + sum(length for _, (_, _, length) in places), name)
    for tensor, (path, offset, length) in places:
        with path.open("rb") as data:
            data.seek(offset)
            raw = data.read(length)
        if len(raw) != length:
            raise ExportError(
                f"{name}: {path.name} ends before weight {tensor.name}; fetch the folder again"
            )
        tensor.raw_data = raw
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _place(tensor: TensorProto, file: Path, name: str) -> tuple[Path, int, int]:
    """Return file, offset and length of a weight; nothing outside the graph's own folder."""
    stated = {entry.key: entry.value for entry in tensor.external_data}
    location = PurePosixPath(stated.get("location", ""))
    if not location.name or location.is_absolute() or ".." in location.parts:
        raise ExportError(
            f"{name}: weight {tensor.name} lies at {str(location)!r}; external data is read from "
            "the graph's own folder alone"
        )
    path = file.parent / location
    if not path.is_file():
        raise ExportError(
            f"{name}: external data {str(location)!r} is missing; fetch it into the graph's folder"
        )
    try:
        offset = int(stated.get("offset", "0"))
        length = int(stated.get("length", str(path.stat().st_size - offset)))
    except ValueError as error:
        raise ExportError(f"{name}: weight {tensor.name}: {reason(error)}") from error
    if offset < 0 or length < 0:
        raise ExportError(f"{name}: weight {tensor.name} at a negative offset; fetch it again")
    return path, offset, length


def _of_usable_opset(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    version = next((item.version for item in model.opset_import if item.domain == ""), 0)
    if version >= _LEAST_OPSET:
        return model
    try:
        made: onnx.ModelProto = onnx.version_converter.convert_version(model, _MADE_OPSET)
    except Exception as error:
        raise ExportError(
            f"{name}: its opset {version} cannot be made {_MADE_OPSET} ({reason(error)}); export "
            f"the graph again with opset {_LEAST_OPSET} or later"
        ) from error
    return made


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for inner in _inner_graphs(node):
            yield from _graphs(inner)


def _inner_graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    for each in _graphs(graph):
        yield from each.initializer
        for node in each.node:
            for attribute in node.attribute:
                if attribute.type == AttributeProto.TENSOR:
                    yield attribute.t
                yield from attribute.tensors
