"""What an export can do with each kind of encoder; everything after the Reference asks here, and
knows no source.
"""

import onnx_ir as ir
from limen.errors import InputError
from limen.format import EncoderBlock, MadeFor, Precision

from limen_export.graph.padded_attention import padded_graph
from limen_export.graph.passes import rewrite
from limen_export.reference import Reference
from limen_export.settings import ExportSettings

_TOKEN_LADDERS: dict[MadeFor, tuple[Precision, ...]] = {
    "cpu": ("int8", "int8-float-rows", "int8-mixed"),
    "cuda": ("fp16",),
}
_FEATURE_PRECISIONS = ("auto", "fp32", "int8")


def check_kind(reference: Reference, settings: ExportSettings) -> None:
    """Refuse settings that do not apply to the kind of encoder.

    Raises:
        InputError: as above; the message says which.
    """
    if isinstance(reference.encoder, EncoderBlock):
        return
    if settings.keep_vocabulary is not None:
        raise InputError(
            f"{reference.name}: it counts words or characters, and has no tokenizer whose "
            "vocabulary could be trimmed; leave --keep-vocabulary out"
        )
    if settings.device != "cpu":
        raise InputError(
            f"{reference.name}: it adds up a few rows of a table for each text, which a GPU does "
            "no faster; leave --device out"
        )
    if settings.precision not in _FEATURE_PRECISIONS:
        raise InputError(
            f"{reference.name}: precision {settings.precision} is of graphs with matrix products; "
            f"expected {', '.join(_FEATURE_PRECISIONS)}"
        )


def first_graph(reference: Reference, device: MadeFor) -> tuple[ir.Model, tuple[str, ...]]:
    """Return the fp32 graph after all passes that its kind has, and what the user should know.

    Raises:
        ExportError: onnxruntime refuses the source's graph, or it cannot be given a mask.
    """
    longest = reference.encoder.max_tokens
    if longest is None:
        return ir.from_proto(reference.graph), ()
    rewritten = rewrite(reference.graph, longest)
    model = rewritten.model
    if device != "cpu":
        model = padded_graph(model, longest, reference.name)
    return model, rewritten.notices


def rungs(reference: Reference, device: MadeFor) -> tuple[Precision, ...]:
    """Return the precisions that an export tries before fp32, from the fastest on. Rows of features
    in 8 bits make a file smaller, but no faster: they are for those who ask.
    """
    return _TOKEN_LADDERS[device] if isinstance(reference.encoder, EncoderBlock) else ()
