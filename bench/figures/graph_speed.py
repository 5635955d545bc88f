"""Speed of a graph after each pass, of other ways to compute parts of it, of Optimum's graph, and
of groups of texts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx_ir as ir
from graph_files import GraphFiles, moved_by_neighbours
from graph_optimum import QUANTISED
from graph_rounds import Figures, Turn, convert, exact_rows, run_rounds, write_ids
from graph_steps import LAST_STEP, bias_with_gelu, cumulative, quantised_apart, read_both
from graph_subjects import GraphSubject
from limen.progress import Progress
from limen.token_encoder import TokenEncoder
from limen_bench.process import TaskRequest
from limen_export.graph.int8_matrices import int8_matrices
from limen_export.graph.int8_rows import int8_rows
from limen_export.graph.offline import optimise_offline
from limen_export.ladder.climb import prepare_graphs
from limen_export.ladder.judging import texts_to_compare

LENGTHS = (16, 64, 128)
"""Upper edges of bins of the bench's task `one_at_a_time`, so that a bin holds one length."""
GROUP = 4
RUNGS = ("int8 smoothed", "int8 static")
WARM_UP_S = 0.6
_COMPARED, _GROUPED = 8, 40
_LEVELS = {"as traced": ("none", "all"), LAST_STEP: ("none", "default", "fused")}


def measure_speed(
    subject: GraphSubject, folder: Path, optimum: Path, rounds: int, seconds: float, told: Progress
) -> dict[str, Any]:
    """Measure a checkpoint's graphs, all in the same rounds.

    Args:
        subject: the checkpoint.
        folder: for graphs; exists.
        optimum: the interpreter of Optimum's environment; its graph is left out where it is absent.
        rounds: of each graph.
        seconds: one timed stretch.
        told: is told each step.

    Returns:
        `graphs`: `GraphFiles.known`; `neighbours`: `moved_by_neighbours` of both rungs;
        `figures`: name to milliseconds of a run by tokens, and of the load, in each round.
    """
    told.step(f"{subject.name}: tracing")
    apart, reference = read_both(subject.checkpoint)
    encoder = TokenEncoder(reference.encoder)
    compared = [exact_rows(encoder, subject.texts, each, _COMPARED) for each in LENGTHS]
    files = GraphFiles(folder, compared)
    steps = cumulative(ir.from_proto(apart.graph), ir.from_proto(reference.graph))
    model = _add_steps(files, steps, told, every=subject.every_step)
    if subject.every_step:
        _add_others(files, model)
    told.step(f"{subject.name}: observing what reaches the matrices")
    rungs = prepare_graphs(model, reference, texts_to_compare(None, None).texts)
    files.add(RUNGS[0], rungs.build("int8"))
    files.add(RUNGS[1], rungs.build("int8-static"))

    sample = write_ids(folder, encoder, subject.texts, LENGTHS)
    tasks = (
        TaskRequest("warm_up", {"seconds": WARM_UP_S}),
        TaskRequest("one_at_a_time", {"seconds": seconds}),
    )
    turns = {name: files.turn(name, sample, tasks) for name in files.known}
    turns |= {grouped(name): files.turn(name, sample, tasks, GROUP) for name in RUNGS}
    if optimum.is_file():
        told.step(f"{subject.name}: Optimum's exporter and quantiser")
        made = folder / "optimum"
        convert("graph_optimum", optimum, subject.checkpoint, made, sample)
        turns["optimum"] = Turn("graph_session", "all", made / QUANTISED, folder, sample, tasks)
    rows = [exact_rows(encoder, subject.texts, each, _GROUPED) for each in LENGTHS]
    return {
        "title": subject.title,
        "graphs": files.known,
        "neighbours": {name: moved_by_neighbours(files.path(name), rows, GROUP) for name in RUNGS},
        "figures": _kept(run_rounds(turns, rounds, told)),
    }


def grouped(name: str) -> str:
    """Name a graph that runs GROUP texts at a time; its figures are of the whole group."""
    return f"{name}, groups of {GROUP}"


def _add_steps(
    files: GraphFiles, steps: Iterator[tuple[str, ir.Model]], told: Progress, *, every: bool
) -> ir.Model:
    """Add every step in fp32 and in int8, or only the first in fp32; return the graph after the
    last.
    """
    for name, model in steps:
        told.step(name)
        levels = _LEVELS.get(name, ("none",))
        if every:
            quantised = int8_rows(int8_matrices(model).graph).graph
            files.add(f"fp32 {name}", ir.to_proto(model), levels)
            files.add(f"int8 {name}", ir.to_proto(quantised), levels)
        elif not files.known:
            files.add(f"fp32 {name}", ir.to_proto(model))
    if every:
        files.add("fp32 optimised offline", optimise_offline(ir.to_proto(model)))
        files.add("int8 optimised offline", optimise_offline(ir.to_proto(quantised)))
    return model


def _add_others(files: GraphFiles, model: ir.Model) -> None:
    """Add other ways to compute parts of the int8 graph, to be compared with it after the last
    step.
    """
    matrices = int8_matrices(model).graph
    quantised = int8_rows(matrices).graph
    files.add("int8 with float rows", ir.to_proto(matrices))
    files.add("int8 quantised apart", ir.to_proto(quantised_apart(quantised).graph))
    files.add("int8 with BiasGelu", ir.to_proto(bias_with_gelu(quantised).graph))


def _kept(found: dict[str, Figures]) -> dict[str, dict[str, list[float]]]:
    """Keep milliseconds of a run at each length, and of the load."""
    kept = {}
    for name, figures in found.items():
        kept[name] = {str(each): figures[f"by_length {each} p50_ms"] for each in LENGTHS}
        kept[name]["load"] = figures["cold load_ms"]
    return kept
