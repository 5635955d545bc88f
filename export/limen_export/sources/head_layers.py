"""A head's layers from its weights: one linear layer, or several with a named activation between
them.
"""

from collections.abc import Callable, Mapping
from itertools import permutations

import torch
from limen.errors import ExportError
from torch import nn

from limen_export.sources.head_wishes import ACTIVATIONS, Activation
from limen_export.sources.weights_file import natural_order

_MODULES: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}
_MOST_LAYERS = 6
_SHOWN = 6


def head_layers(
    tensors: Mapping[str, torch.Tensor], width: int, activation: Activation | None, name: str
) -> nn.Sequential:
    """Build the head that weights describe.

    Args:
        tensors: `PATH.weight`, (out, in), and `PATH.bias`, (out,), of each linear layer, in the
            order of the layers as far as it is known.
        width: of the rows that the head reads.
        activation: between layers; needed where there are several.
        name: of the source, for messages.

    Raises:
        ExportError: no layers, layers of another kind, layers that do not follow each other from
            `width`, or several without a named activation.
    """
    layers = _in_order(_linear_layers(tensors, name), width, name)
    if len(layers) > 1 and activation is None:
        raise ExportError(
            f"{name}: a head of {len(layers)} layers, and nothing says what stands between them; "
            f"pass --head-activation, one of {', '.join(ACTIVATIONS)}"
        )
    modules: list[nn.Module] = []
    for layer in layers:
        modules += [_MODULES[activation or "none"](), layer] if modules else [layer]
    return nn.Sequential(*modules).eval()


def activation_module(named: str) -> nn.Module | None:
    """Return a fresh module for a name; None for one that is not known."""
    made = _MODULES.get(named)
    return None if made is None else made()


def linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    """Return a linear layer of these weights, (out, in) and (out,); no bias where there is none."""
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer


def listed(tensors: Mapping[str, torch.Tensor]) -> str:
    """Name tensors with their shapes, the first few of them."""
    shown = [f"{key} {tuple(tensor.shape)}" for key, tensor in tensors.items()][:_SHOWN]
    more = len(tensors) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "") if shown else "nothing"


def _linear_layers(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, nn.Linear]:
    paths: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        path, _, what = key.rpartition(".")
        paths.setdefault(path, {})[what] = tensor
    layers = {}
    for path, parts in paths.items():
        weight, bias = parts.get("weight"), parts.get("bias")
        fits = weight is not None and weight.dim() == 2 and set(parts) <= {"weight", "bias"}
        if weight is None or not fits or (bias is not None and bias.shape != weight.shape[:1]):
            raise ExportError(
                f"{name}: beside the backbone's weights there are {listed(tensors)}; expected the "
                "linear layers of one head, each a weight (out, in) and a bias (out,), such as "
                "head.weight and head.bias; from Python, limen_export.export takes any module"
            )
        layers[path] = linear(weight, bias)
    if not layers or len(layers) > _MOST_LAYERS:
        raise ExportError(
            f"{name}: {len(layers)} layers of a head found, expected 1 to {_MOST_LAYERS}: weights "
            "such as head.weight and head.bias beside the backbone's"
        )
    return layers


def _in_order(layers: Mapping[str, nn.Linear], width: int, name: str) -> list[nn.Linear]:
    """Bring layers into the order in which each takes what the one before gives. Where several
    orders fit, the one that they are stored in counts, then that of their names.
    """
    stored = [*layers]
    orders = [stored, sorted(stored, key=natural_order), *map(list, permutations(stored))]
    for order in orders:
        if _follow([layers[path] for path in order], width):
            return [layers[path] for path in order]
    found = ", ".join(
        f"{path or 'weight'} takes {layer.in_features:,} and gives {layer.out_features:,}"
        for path, layer in layers.items()
    )
    raise ExportError(
        f"{name}: the head does not fit: it gets {width:,} numbers a text, and {found}; head and "
        "backbone belong to different models, or another --pooling is meant"
    )


def _follow(layers: list[nn.Linear], width: int) -> bool:
    for layer in layers:
        if layer.in_features != width:
            return False
        width = layer.out_features
    return True
