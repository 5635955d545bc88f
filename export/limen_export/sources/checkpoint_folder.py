"""Finding a checkpoint's folder and refusing what cannot become a classifier file, before anything
heavy runs.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from limen.errors import ExportError, reason

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
# Never *.bin: pickled weights are not even fetched.
_HUB_PATTERNS = ["*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model", "README.md"]


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder that `save_pretrained` wrote and that passed the first checks.

    Attributes:
        path: where it is.
        name: hub name, or the folder's own name.
        licence: from the front matter of its README.md; None where there is none.
    """

    path: Path
    name: str
    licence: str | None


def find_checkpoint(checkpoint: str) -> CheckpointFolder:
    """Find a folder, or fetch a hub name's files into transformers' own cache, and check that all
    parts are there.

    Raises:
        ExportError: no such folder or hub name, or a part is missing or of a kind that is not
            loaded.
    """
    folder = find_folder(checkpoint)
    check_config(folder.path, folder.name)
    check_weights(folder.path, folder.name)
    check_tokenizer(folder.path, folder.name)
    return folder


def find_folder(checkpoint: str) -> CheckpointFolder:
    """Find a folder, or fetch a hub name's files into transformers' own cache; what is in it is not
    checked.

    Raises:
        ExportError: no such folder or hub name.
    """
    folder = Path(os.path.expanduser(checkpoint))
    if folder.is_dir():
        name = shown_name(folder)
    elif (
        folder.exists()
        or folder.is_absolute()
        or checkpoint.startswith((".", "~"))
        or checkpoint.count("/") > 1
    ):
        raise ExportError(
            f"{checkpoint}: no such folder; expected one that save_pretrained wrote, or a hub name"
        )
    else:
        name = checkpoint
        folder = _fetch(checkpoint)
    return CheckpointFolder(folder, name, licence_of(folder))


def check_tokenizer(folder: Path, name: str) -> None:
    """Check that there is a tokenizer.

    Raises:
        ExportError: there is none.
    """
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise ExportError(
            f"{name}: no tokenizer (tokenizer.json or a vocabulary); "
            "save it into the same folder with tokenizer.save_pretrained(...)"
        )


def shown_name(path: Path) -> str:
    """Return a folder's or file's own name; undecodable bytes in it cannot be stored in a file."""
    return path.resolve().name.encode("utf-8", "replace").decode("utf-8")


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_PATTERNS))
    except Exception as error:
        raise ExportError(
            f"{name}: neither a folder here nor a model that the hub gives ({reason(error)}); "
            "check the name and the network, or give a folder"
        ) from error


def check_config(folder: Path, name: str) -> None:
    """Check that there is a config.json of a float model that needs no code of its own.

    Raises:
        ExportError: there is not.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise ExportError(f"{name}: no config.json; expected a folder that save_pretrained wrote")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{name}: config.json cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{name}: config.json is not JSON ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ExportError(
            f"{name}: config.json names no model_type; expected a transformers checkpoint"
        )
    if "auto_map" in config:
        raise ExportError(
            f"{name}: it needs code from its own repository, which limen does not run"
        )
    if "quantization_config" in config:
        raise ExportError(
            f"{name}: it is quantised already; export the float checkpoint it was made from"
        )


def check_weights(folder: Path, name: str) -> None:
    """Check that there are weights in safetensors.

    Raises:
        ExportError: there are none, or only a pickle.
    """
    if any(folder.glob("*.safetensors")):
        return
    if any(folder.glob("pytorch_model*.bin")):
        raise ExportError(
            f"{name}: its weights are a pickle (pytorch_model.bin), which can run code when read; "
            f"convert it where you "
            "trust it: load it with AutoModelForSequenceClassification.from_pretrained(FOLDER) "
            "and save it with .save_pretrained(FOLDER), which writes model.safetensors"
        )
    raise ExportError(
        f"{name}: no weights (model.safetensors); where it has only pytorch_model.bin, a pickle, "
        "convert it with from_pretrained(...) and save_pretrained(FOLDER) where you trust it"
    )


def licence_of(folder: Path) -> str | None:
    """Read `license` from the YAML front matter of a model card."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    from huggingface_hub import metadata_load

    try:
        metadata = metadata_load(card) or {}
    except Exception:
        return None
    licence = metadata.get("license")
    return licence if isinstance(licence, str) else None
