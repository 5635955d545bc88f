"""Where an ONNX folder keeps its graph, its tokenizer and its config."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limen.errors import ExportError

from limen_export.sources.checkpoint_folder import TOKENIZER_FILES, licence_of, shown_name

_SUBFOLDER = "onnx"
_USUAL_GRAPHS = ("model.onnx", "model_quantized.onnx")
"""What `optimum-cli export onnx` and Optimum's quantiser write, and model hubs keep in `onnx/`; a
float graph comes first, since the ladder can make the others of it."""


@dataclass(frozen=True)
class OnnxFolder:
    """A graph and the folder that says what it means.

    Attributes:
        graph: the .onnx file.
        path: the folder with tokenizer and config.json.
        name: the folder's own name (and the graph's, where a file was named), never a path.
        licence: from the front matter of its README.md; None where there is none.
        config: what config.json holds.
    """

    graph: Path
    path: Path
    name: str
    licence: str | None
    config: dict[str, Any]


def graph_of(source: str) -> Path | None:
    """Return the graph that a path names or a folder holds; None where there is none.

    Args:
        source: a .onnx file, or a folder with one of the usual names in it or in its sub-folder
            `onnx`, or with a single .onnx file.

    Raises:
        ExportError: the folder holds several graphs of other names.
    """
    path = Path(os.path.expanduser(source))
    if path.is_file():
        return path if path.suffix == ".onnx" else None
    for folder in (path, path / _SUBFOLDER):
        for name in _USUAL_GRAPHS:
            if (folder / name).is_file():
                return folder / name
        found = sorted(folder.glob("*.onnx"))
        if len(found) > 1:
            names = ", ".join(file.name for file in found[:5])
            raise ExportError(
                f"{shown_name(path)}: {len(found)} graphs, none of them named "
                f"{' or '.join(_USUAL_GRAPHS)}: {names}; name the file instead of its folder"
            )
        if found:
            return found[0]
    return None


def find_onnx(source: str) -> OnnxFolder:
    """Find a graph and its folder.

    Raises:
        ExportError: no graph, no config.json, or no tokenizer.
    """
    graph = graph_of(source)
    if graph is None:
        raise ExportError(
            f"{source}: no ONNX graph; expected a folder with {' or '.join(_USUAL_GRAPHS)} (or "
            f"with a sub-folder {_SUBFOLDER} that holds one), or a .onnx file"
        )
    given = Path(os.path.expanduser(source))
    folders = [graph.parent, *([graph.parent.parent] if graph.parent.name == _SUBFOLDER else [])]
    folder = next((each for each in folders if (each / "config.json").is_file()), None)
    name = shown_name(given if given.is_dir() else (folder or graph.parent))
    if given.is_file():
        # Not resolved: hubs keep files as links to what they hold.
        name = f"{name}/{graph.name}".encode("utf-8", "replace").decode("utf-8")
    if folder is None:
        raise ExportError(
            f"{name}: no config.json beside {graph.name}; expected one with id2label, as "
            "optimum-cli export onnx writes it"
        )
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise ExportError(
            f"{name}: no tokenizer (tokenizer.json) beside config.json; save it into the same "
            "folder with tokenizer.save_pretrained(...)"
        )
    return OnnxFolder(graph, folder, name, licence_of(folder), _config(folder, name))


def _config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{name}: config.json cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{name}: config.json is not JSON ({error})") from error
    if not isinstance(config, dict):
        raise ExportError(f"{name}: config.json holds no object; expected id2label and others")
    return config
