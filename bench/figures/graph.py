"""What graph passes, int8 and the precision ladder are worth: the measurements of docs/graph.md."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import torch
from graph_agreement import measure_agreement, measure_start
from graph_speed import measure_speed
from graph_subjects import GRAPH_SUBJECTS, GraphSubject, int8_file
from limen.progress import Progress, progress
from limen_bench.machine import describe_machine, library_versions

_LIBRARIES = ("limen", "numpy", "onnx", "onnxruntime", "tokenizers", "torch", "transformers")
_SECONDS = 0.6
_STARTS = 4
"""Starts in a round's place: one takes half a second."""


def measure_graph(real: Path, work: Path, optimum: Path, rounds: int, output: Path) -> None:
    """Measure everything and write it; an earlier result stays until all is done.

    Args:
        real: the folder with real data and checkpoints.
        work: for graphs; those of a checkpoint are removed when it is done.
        optimum: the interpreter of Optimum's environment; its rows are left out where it is absent.
        rounds: of each engine.
        output: .json.
    """
    # The source runs one text at a time, for which a second thread only spins.
    torch.set_num_threads(1)
    told = progress()
    found: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        "versions": library_versions(_LIBRARIES),
        "rounds": rounds,
        "checkpoints": {},
    }
    for make in GRAPH_SUBJECTS:
        subject = make(real, work)
        folder = work / "graph" / subject.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        found["checkpoints"][subject.name] = _measured(subject, folder, optimum, rounds, told)
        shutil.rmtree(folder)
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _measured(
    subject: GraphSubject, folder: Path, optimum: Path, rounds: int, told: Progress
) -> dict[str, Any]:
    found = measure_speed(subject, folder, optimum, rounds, _SECONDS, told)
    file = int8_file(subject, folder)
    found["size"] = {"file": file.stat().st_size, "weights": subject.weights_bytes}
    found["start"] = measure_start(file, subject, folder, _STARTS * rounds, told)
    if subject.truth is not None:
        found["agreement"] = measure_agreement(subject, folder, rounds, _SECONDS, told)
    return found
