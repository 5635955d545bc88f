"""A backbone of transformers and a head of one's own on it: the shape that most tutorials teach."""

from pathlib import Path

from limen.errors import ExportError
from torch import nn
from transformers import PretrainedConfig

from limen_export.graph.positions import positions
from limen_export.reference import Reference
from limen_export.sources.backbone import load_backbone, read_config, split_weights
from limen_export.sources.checkpoint_folder import check_tokenizer, find_folder
from limen_export.sources.head import decided_head
from limen_export.sources.head_facts import (
    config_labels,
    head_facts,
    json_map,
    required_labels,
    required_pooling,
)
from limen_export.sources.head_layers import head_layers
from limen_export.sources.pooling import PooledClassifier
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.tokens import longest_input, read_tokenizer
from limen_export.sources.torch_classifier import TorchClassifier, check_vocabulary, reference_of
from limen_export.sources.weights_file import WEIGHT_SUFFIXES, read_weights, stored_names

_HEAD_NAMES = ("head", "classifier", "model_head", "fc", "linear")
_OF_TRAINING = ("optim", "sched", "rng", "training_args", "scaler", "pytorch_model")


def recognise(source: str) -> str | None:
    """Recognise a file of weights, or a folder with a backbone's config and a head's weights."""
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() in WEIGHT_SUFFIXES:
        return f"torch backbone and head, {path.name}"
    if not (path / "config.json").is_file() or (path / "modules.json").exists():
        return None
    weights = _weights_in(path)
    return None if weights is None else f"torch backbone and head, {path.name}/{weights.name}"


def read(source: str, wishes: SourceWishes) -> Reference:
    """Load backbone and head, and trace their graph.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    return reference_of(load(source, wishes), wishes.windows)


def load(source: str, wishes: SourceWishes) -> TorchClassifier:
    """Load backbone and head.

    Args:
        source: a file of weights (safetensors, or a dict of torch.save), or a folder with one.
        wishes: backbone, pooling, activation, labels and rule, where the source does not say them.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    file = _weights_file(source)
    if wishes.head.backbone is None and not (file.parent / "config.json").is_file():
        raise ExportError(
            f"{file.name}: no config.json of a backbone beside it; pass --backbone, a folder or "
            "hub name with config and tokenizer"
        )
    folder = find_folder(wishes.head.backbone or str(file.parent))
    name = f"{folder.name}/{file.name}" if wishes.head.backbone is None else file.name
    config = read_config(folder)
    check_tokenizer(folder.path, folder.name)
    tokenizer = read_tokenizer(folder.path, folder.name)
    stored = read_weights(file)
    split = split_weights(stored.tensors, config, name)
    facts = head_facts(stored.facts, file, wishes)
    pooling = required_pooling(facts.pooling, name)
    model = load_backbone(folder, config, split.backbone, (pooling,))
    layers = head_layers(split.head, width_of(config, name), facts.activation, name)
    named, problem = config_labels(config.id2label), config.problem_type
    if wishes.else_labels is not None and len(named or ()) > len(wishes.else_labels):
        # A part says yes or no: what the backbone names were the labels of another head.
        named, problem = None, None
    labels = facts.labels or named or wishes.else_labels
    head = decided_head(
        required_labels(labels, name), outputs_of(layers), facts.rule, problem, name
    )
    check_vocabulary(model, tokenizer, name)
    return TorchClassifier(
        name=name,
        licence=folder.licence,
        module=PooledClassifier(model, (pooling,), layers).eval(),
        tokenizer=tokenizer,
        head=head,
        max_tokens=longest_input(tokenizer, positions(model), wishes.max_tokens, name),
        thresholds=facts.thresholds,
    )


def width_of(config: PretrainedConfig, name: str) -> int:
    """Return the width of a backbone's rows; ExportError where its config does not say it."""
    for field in ("hidden_size", "dim", "d_model"):
        width = getattr(config, field, None)
        if isinstance(width, int):
            return width
    raise ExportError(f"{name}: the backbone's config.json states no hidden_size")


def outputs_of(layers: nn.Sequential) -> int:
    """Return how many logits a head gives."""
    return next(part.out_features for part in reversed(layers) if isinstance(part, nn.Linear))


def _weights_file(source: str) -> Path:
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        found = _weights_in(path)
        if found is not None:
            return found
    raise ExportError(
        f"{path.name or source}: no weights of a head; expected a file ending in "
        f"{', '.join(WEIGHT_SUFFIXES)}, or a folder with head.safetensors, head.pt or such a file"
    )


def _weights_in(folder: Path) -> Path | None:
    """Find the weights in a folder: a file that is named after a head, the only file of torch, or
    safetensors with a head beside a backbone that is no classifier of transformers.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in WEIGHT_SUFFIXES)
    named = [file for file in files if file.stem.lower() in _HEAD_NAMES]
    if len(named) == 1:
        return named[0]
    if _is_classifier(folder):
        return None
    of_torch = [
        file
        for file in files
        if file.suffix.lower() != ".safetensors" and not file.stem.lower().startswith(_OF_TRAINING)
    ]
    if len(of_torch) == 1:
        return of_torch[0]
    with_head = [file for file in files if any(map(_names_head, stored_names(file)))]
    return with_head[0] if len(with_head) == 1 else None


def _names_head(key: str) -> bool:
    for prefix in ("module.", "_orig_mod.", "model."):
        key = key.removeprefix(prefix)
    return key.partition(".")[0] in _HEAD_NAMES


def _is_classifier(folder: Path) -> bool:
    named = json_map(folder / "config.json").get("architectures")
    return isinstance(named, list) and any(
        str(one).endswith("ForSequenceClassification") for one in named
    )
