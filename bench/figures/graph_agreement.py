"""Agreement against speed: graphs of several precisions beside fp32, on texts that nothing was
fitted or calibrated on.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from graph_judging import halves_of, judged_beside, plain_decision
from graph_rounds import Figures, Turn, run_rounds, write_ids
from graph_speed import WARM_UP_S
from graph_steps import second_matrices, weights_alone
from graph_subjects import GraphSubject
from limen.arrays import FloatArray
from limen.engine import Engine
from limen.format import (
    DecisionBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Precision,
    parse,
    stamp,
)
from limen.opening import open_model
from limen.progress import Progress
from limen.threads import available_cores
from limen.token_encoder import TokenEncoder
from limen_bench.process import TaskRequest
from limen_export.graph.passes import rewrite
from limen_export.ladder.candidate import metadata_of, serialised
from limen_export.ladder.climb import prepare_graphs
from limen_export.ladder.judging import texts_to_compare
from limen_export.ladder.rung_graphs import RungGraphs
from limen_export.ladder.sensitivity import Sensitivity, by_gain
from limen_export.reference import Reference
from limen_export.sources.checkpoint import read_checkpoint

TOKENS = 19
"""Mean length of GoEmotions' comments in MiniLM's tokens."""
PLAIN = "int8, not smoothed"
_KEPT = (1, 2, 4, 8)
_SENSITIVITY_TEXTS, _TOP = 300, 10


def measure_agreement(
    subject: GraphSubject, folder: Path, rounds: int, seconds: float, told: Progress
) -> dict[str, Any]:
    """Judge and time graphs of several precisions.

    Multi-label: thresholds are fitted on every second text and judged on the others. One label:
    argmax, all texts. Channels are smoothed and matrices ordered by what they do on sentences of
    the project, as the exporter does where it is given no texts.

    Args:
        subject: a trained checkpoint with labelled texts.
        folder: for files; exists.
        rounds: of each graph.
        seconds: one timed stretch.
        told: is told each step.

    Returns:
        `texts` judged, `metric`, `sensitivity` (the first ten matrices), and `graphs`: name to what
        is known of it.
    """
    told.step(f"{subject.name}: tracing and observing")
    reference = read_checkpoint(str(subject.checkpoint), None, None)
    own = texts_to_compare(None, None).texts
    model = rewrite(reference.graph, reference.encoder.max_tokens).model
    graphs = prepare_graphs(model, reference, own)
    decision = plain_decision(reference)
    told.step(f"{subject.name}: running the source on {len(subject.texts):,} texts")
    exact = reference.logits(subject.texts)
    halves = halves_of(subject, decision)
    order: tuple[Sensitivity, ...] = ()
    if not decision.one_label:
        order = _sensitivity(graphs, reference, decision, own, told)
    found: dict[str, dict[str, Any]] = {}
    turns: dict[str, Turn] = {}
    texts = folder / "texts.json"
    _write_texts(texts, reference, subject, halves.judged)
    sample = write_ids(folder, TokenEncoder(reference.encoder), subject.texts, (TOKENS,))
    for name, precision, graph in _variants(graphs, order):
        told.step(f"{subject.name}: {name}")
        file = folder / f"{name.replace(' ', '-')}.onnx"
        file.write_bytes(_stamped(graph, reference, decision, precision))
        logits = open_model(parse(file.read_bytes(), file.name)).logits(subject.texts)
        found[name] = judged_beside(logits, exact, halves) | {"bytes": file.stat().st_size}
        turns |= _turns(name, file, folder, sample, texts, seconds)
    figures = run_rounds(turns, rounds, told)
    for name, known in found.items():
        known["ms"] = figures[f"{name}, alone"]["one p50_ms"]
        known["texts/s"] = figures[name]["bulk texts_per_s"]
    return {
        "texts": int(halves.judged.sum()),
        "metric": "accuracy" if decision.one_label else "macro_f1",
        "sensitivity": [[one.matrix, one.gain, one.cost] for one in order[:_TOP]],
        "graphs": found,
    }


def measure_start(
    file: Path, subject: GraphSubject, folder: Path, rounds: int, told: Progress
) -> Figures:
    """Start a process, load a classifier file and decide about one text of median length; return
    the parts in milliseconds, by round.
    """
    middle = sorted(subject.texts, key=len)[len(subject.texts) // 2]
    texts = folder / "start.json"
    texts.write_text(json.dumps({"texts": [middle], "tokens": [1]}), encoding="utf-8")
    module = "limen_bench.engines.limen_file"
    turn = Turn(module, "limen", file, folder, texts, (), available_cores(), middle)
    found = run_rounds({"start": turn}, rounds, told)["start"]
    return {name: values for name, values in found.items() if name.startswith("cold")}


def _variants(
    graphs: RungGraphs, order: tuple[Sensitivity, ...]
) -> Iterator[tuple[str, Precision, onnx.ModelProto]]:
    """Yield name, precision and graph, from the fastest on."""
    plain = RungGraphs(graphs.fp32, {}, graphs.seen)
    yield PLAIN, "int8", plain.build("int8")
    yield "int8", "int8", graphs.build("int8")
    yield "int8-static", "int8-static", graphs.build("int8-static")
    yield "int8-float-rows", "int8-float-rows", graphs.build("int8-float-rows")
    gaining = [one.matrix for one in order if one.gain > 0]
    for count in _KEPT:
        if len(gaining) >= count:
            kept = frozenset(gaining[:count])
            yield f"int8-mixed, {count} in float", "int8-mixed", graphs.build("int8-mixed", kept)
    if order:
        second = second_matrices(graphs.fp32)
        name = f"int8-mixed, the {len(second)} second of a feed-forward in float"
        yield name, "int8-mixed", graphs.build("int8-mixed", second)
    rounded = weights_alone(graphs.fp32).graph
    yield "weights alone in int8", "fp32", RungGraphs(rounded, {}, {}).build("fp32")
    yield "fp32", "fp32", graphs.build("fp32")


def _turns(
    name: str, file: Path, folder: Path, sample: Path, texts: Path, seconds: float
) -> dict[str, Turn]:
    """The session alone at TOKENS, and the whole of limen in bulk."""
    warm_up = TaskRequest("warm_up", {"seconds": WARM_UP_S})
    one = TaskRequest("one_at_a_time", {"seconds": seconds})
    bulk = TaskRequest("bulk", {"seconds": seconds, "batch": 1, "sorted": False})
    limen, cores = "limen_bench.engines.limen_file", available_cores()
    return {
        f"{name}, alone": Turn("graph_session", "none", file, folder, sample, (warm_up, one)),
        name: Turn(limen, "limen", file, folder, texts, (warm_up, bulk), cores),
    }


def _sensitivity(
    graphs: RungGraphs,
    reference: Reference,
    decision: DecisionBlock,
    own: tuple[str, ...],
    told: Progress,
) -> tuple[Sensitivity, ...]:
    texts = own[:: max(1, len(own) // _SENSITIVITY_TEXTS)][:_SENSITIVITY_TEXTS]
    expected = reference.logits(texts)
    feeds = [TokenEncoder(reference.encoder).encode(text).feeds for text in texts]

    def run(graph: onnx.ModelProto) -> FloatArray:
        data = serialised(graph, reference.name)
        engine = Engine(data, reference.name, expected.shape[1], optimisation="none")
        return np.stack([engine.logits(feed) for feed in feeds])

    return by_gain(graphs, run, expected, decision, told)


def _stamped(
    graph: onnx.ModelProto, reference: Reference, decision: DecisionBlock, precision: Precision
) -> bytes:
    """A classifier file without evidence and golden texts."""
    nothing = Evidence("none", 0, ()), Golden((), (), (), 0.0)
    made_for = ExecutionBlock.made_for("cpu", precision)
    return stamp(
        serialised(graph, reference.name), metadata_of(reference, decision, made_for, *nothing)
    )


def _write_texts(
    path: Path, reference: Reference, subject: GraphSubject, judged: npt.NDArray[np.bool_]
) -> None:
    encoder = TokenEncoder(reference.encoder)
    texts = [text for text, taken in zip(subject.texts, judged, strict=True) if taken]
    counts = [encoder.encode(text).feeds["input_ids"].shape[1] for text in texts]
    path.write_text(json.dumps({"texts": texts, "tokens": counts}), encoding="utf-8")
