"""The tables of docs/graph.md, from what was measured."""

import json
from pathlib import Path
from typing import Any

from graph_agreement_tables import agreement_parts
from graph_cells import markdown, ratio, times
from graph_steps import ENDS, LAST_STEP
from limen_bench.statistics import ENOUGH_ROUNDS

_LENGTHS = ("16", "64", "128")
_STEPS = (
    ("as traced", "as traced", None),
    ("as traced (all)", "the same, onnxruntime's default level", "as traced"),
)
_ALIKE = "<br>"
Figures = dict[str, dict[str, list[float]]]

_OFFLINE, _LAST = "optimised offline", LAST_STEP
_APART, _SKIP = "Add and LayerNormalization", "SkipLayerNormalization"
_TRACED = "traced graph, default level"
_WAYS = (
    ("fp32, all steps", f"fp32, {_TRACED}", f"fp32 {_OFFLINE}", "fp32 as traced (all)"),
    ("int8, all steps", f"int8, {_TRACED}", f"int8 {_OFFLINE}", "int8 as traced (all)"),
    (f"fp32, {_APART}", _SKIP, f"fp32 {_OFFLINE}", f"fp32 {_LAST} (fused)"),
    (f"int8, {_APART}", _SKIP, f"int8 {_OFFLINE}", f"int8 {_LAST} (fused)"),
    ("fp32, BiasGelu", "Add and Gelu", f"fp32 {_OFFLINE}", f"fp32 {_LAST}"),
    ("int8, bias in the product and Gelu", "BiasGelu", f"int8 {_LAST}", "int8 with BiasGelu"),
    ("int8 rows", "float rows", f"int8 {_LAST}", "int8 with float rows"),
    (
        "DynamicQuantizeMatMul",
        "DynamicQuantizeLinear and MatMulIntegerToFloat",
        *(f"int8 {_LAST}", "int8 quantised apart"),
    ),
    ("int8, not smoothed", "smoothed", f"int8 {_OFFLINE}", "int8 smoothed"),
    ("int8, scales of each text", "static scales", "int8 smoothed", "int8 static"),
)
"""What is compared with what, and the names of both in the figures."""


def graph_markdown(path: Path) -> str:
    """Return the tables of docs/graph.md from what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    parts = [_head(measured), "### Passes", _PASSES_NOTE]
    for name, one in measured["checkpoints"].items():
        if name in dict(_whole(measured["checkpoints"])):
            parts.append(f"{name} ({one['title']}):")
            parts += [_steps(one, precision) for precision in ("fp32", "int8")]
    parts += ["### One way against another", _WAYS_NOTE]
    parts += [_ways(name, one["figures"]) for name, one in _whole(measured["checkpoints"])]
    parts += _optimum(measured["checkpoints"])
    for name, one in measured["checkpoints"].items():
        if "agreement" in one:
            parts += agreement_parts(name, one["agreement"])
    parts += _start(measured["checkpoints"])
    parts += _groups(measured["checkpoints"])
    return "\n\n".join(parts) + "\n"


def _whole(checkpoints: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the checkpoints of which every step was timed."""
    return [
        (name, one)
        for name, one in checkpoints.items()
        if all(f"fp32 {step}" in one["graphs"] for step in (*ENDS.values(), _OFFLINE))
    ]


_PASSES_NOTE = (
    "Milliseconds of one text of so many tokens through the session alone, one thread, lengths in "
    "random order: median of the rounds and quartiles. *Gain*: how many times faster than the step "
    "before, paired by round, with its 95 % interval. *Difference*: the largest of a logit to the "
    "traced fp32 graph. Steps are opened with onnxruntime's optimisation off unless it says "
    "otherwise."
)
_WAYS_NOTE = "How many times faster the first is than the second, with its 95 % interval."


def _head(measured: dict[str, Any]) -> str:
    machine, versions = measured["machine"], measured["versions"]
    vnni = "with" if "avx512_vnni" in (machine.get("features") or []) else "without"
    rounds = measured["rounds"]
    trial = ""
    if rounds < ENOUGH_ROUNDS:
        trial = (
            f" **A trial: with fewer than {ENOUGH_ROUNDS} rounds no ratio can be told from noise; "
            "only what is not timed counts.**"
        )
    return (
        f"Measured on {measured['date']} (`make figures`), {machine.get('cores')} cores of an "
        f"{machine.get('cpu')} {vnni} AVX512-VNNI, onnxruntime {versions.get('onnxruntime')}, "
        f"torch {versions.get('torch')}, transformers {versions.get('transformers')}; rounds in "
        f"turns: {rounds}, a new process for each engine and round.{trial}"
    )


def _steps(one: dict[str, Any], precision: str) -> str:
    figures, graphs = one["figures"], one["graphs"]
    steps = [*_STEPS]
    before = "as traced"
    for step in ("attention as one operator", *ENDS.values(), LAST_STEP, _OFFLINE):
        steps.append((step, step, before))
        before = step
    rows = []
    for key, title, earlier in steps:
        known, found = graphs[f"{precision} {key}"], figures[f"{precision} {key}"]
        gains = [""] * len(_LENGTHS)
        if earlier is not None:
            old = figures[f"{precision} {earlier}"]
            gains = [ratio(old[each], found[each]) for each in _LENGTHS]
        rows.append(
            [
                title,
                str(known["nodes"]) if known["level"] == "none" else "",
                f"{known['difference']:.2g}",
                *(times(found[each]) for each in _LENGTHS),
                *gains,
            ]
        )
    header = [precision, "nodes", "difference"]
    header += [f"{each} tokens, ms" for each in _LENGTHS] + [f"gain, {each}" for each in _LENGTHS]
    return markdown(header, rows)


def _ways(name: str, figures: Figures) -> str:
    rows = [
        [f"{first}, against {second}", *_ratios(figures[slower], figures[faster])]
        for first, second, faster, slower in _WAYS
    ]
    return markdown([name, *(f"{each} tokens" for each in _LENGTHS)], rows)


def _ratios(above: dict[str, list[float]], below: dict[str, list[float]]) -> list[str]:
    return [ratio(above[each], below[each]) for each in _LENGTHS]


def _optimum(checkpoints: dict[str, Any]) -> list[str]:
    rows = []
    for name, one in checkpoints.items():
        figures = one["figures"]
        if "optimum" not in figures:
            continue
        ours, theirs = figures["int8 smoothed"], figures["optimum"]
        rows += [
            [name, each, times(ours[each]), times(theirs[each]), ratio(theirs[each], ours[each])]
            for each in _LENGTHS
        ]
    if not rows:
        return []
    return [
        "### Beside Optimum's graph",
        "One text at a time through the session alone, one thread. Optimum: `export=True`, then "
        "ORTQuantizer with `avx512_vnni(is_static=False, per_channel=True)`, opened at "
        "onnxruntime's default level, in the same version of onnxruntime.",
        markdown(["", "tokens", "limen int8, ms", "Optimum int8, ms", "times faster"], rows),
    ]


def _start(checkpoints: dict[str, Any]) -> list[str]:
    parts = ("interpreter", "import", "load", "first", "total")
    starts = [
        [name, *(times(one["start"][f"cold {part}_ms"], 0) for part in parts)]
        for name, one in checkpoints.items()
    ]
    loads = []
    for name, one in _whole(checkpoints):
        for precision in ("fp32", "int8"):
            off = one["figures"][f"{precision} {_OFFLINE}"]["load"]
            usual = one["figures"][f"{precision} {_LAST} (default)"]["load"]
            traced = one["figures"][f"{precision} as traced (all)"]["load"]
            row = [times(off, 0), times(usual, 0), ratio(usual, off), times(traced, 0)]
            loads.append([f"{name}, {precision}", *row])
    sizes = [
        [
            name,
            f"{one['size']['weights'] / 1e6:.1f}",
            f"{one['size']['file'] / 1e6:.1f}",
            f"{one['size']['file'] / one['size']['weights']:.1%}",
        ]
        for name, one in checkpoints.items()
    ]
    return [
        "### Start and size",
        "Milliseconds from the start of the process to the first decision of an exported int8 "
        "file; the load includes the self-test.",
        markdown(["", *(f"{part}, ms" for part in parts)], starts),
        "Milliseconds to read a graph and open a session on it, without a classifier around it:",
        markdown(
            ["", "offline, off", "after passes, default", "times longer", "as traced, default"],
            loads,
        ),
        "Sizes in MB (10^6 bytes), int8 with int8 rows, tokenizer included:",
        markdown(["", "fp32 weights", "file", "share"], sizes),
    ]


def _groups(checkpoints: dict[str, Any]) -> list[str]:
    rows = []
    for name, one in checkpoints.items():
        for rung, title in (("int8 smoothed", "of each run"), ("int8 static", "static")):
            alone, (key, group) = one["figures"][rung], _group_of(one["figures"], rung)
            together = {
                each: [value / group for value in one["figures"][key][each]] for each in _LENGTHS
            }
            moved = one["neighbours"][rung]
            rows.append(
                [
                    f"{name}, scales {title}",
                    *(f"{times(alone[each])}{_ALIKE}{times(together[each])}" for each in _LENGTHS),
                    *_ratios(alone, together),
                    f"{moved['same bits']} of {moved['texts']}",
                    f"{moved['difference']:.2g}",
                ]
            )
    header = [f"{each} tokens, ms a text" for each in _LENGTHS]
    header += [f"gain, {each}" for each in _LENGTHS] + ["same bits as alone", "difference"]
    return [
        "### Groups of texts of equal length",
        "One text a run (above) and four in a run (below); how many times faster four are; how "
        "many texts have the same logits, bit for bit, in a group as alone, and by how much a "
        "logit moves.",
        markdown(["", *header], rows),
    ]


def _group_of(figures: Figures, rung: str) -> tuple[str, int]:
    key = next(name for name in figures if name.startswith(f"{rung}, groups of "))
    return key, int(key.rsplit(" ", 1)[1])
