"""The rungs of the precision ladder shown to a person: a table, and what it rests on."""

from collections.abc import Callable

from limen.agreement import percent, signed
from limen.format import Evidence, GateRecord, Precision, Rung

MARK = "->"
_NAMES = 6
"""Matrices named in a line; the file's JSON has all."""
_UNITS = {"cells": "(text, label) pairs", "texts": "texts"}
_Cell = Callable[[Rung], str]


def rung_lines(evidence: Evidence, own: Precision) -> list[str]:
    """Return a table of all rungs, and lines that say by which rule they were judged and why the
    file's own was chosen.

    Args:
        evidence: of the file.
        own: its precision, which is marked where the evidence does not say which rung is its own.
    """
    lines = rung_table(evidence, own)
    lines += [line for rung in evidence.rungs for line in _details(rung, evidence.why)]
    if evidence.gate is not None:
        lines.append(f"gate: {gate_in_words(evidence.gate)}")
    return [*lines, f"why: {evidence.why}"] if evidence.why else lines


def rung_table(evidence: Evidence, own: Precision) -> list[str]:
    """Return the table alone; a column that no rung has is left out."""
    rungs = evidence.rungs
    if not rungs:
        return []
    shown = [(name, cell) for name, cell in _COLUMNS if any(cell(rung) for rung in rungs)]
    rows = [["", *(name for name, _ in shown)]]
    for place, rung in enumerate(rungs):
        mark = MARK if is_own(evidence, place, own) else ""
        rows.append([mark, *(cell(rung) or "-" for _, cell in shown)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def is_own(evidence: Evidence, place: int, own: Precision) -> bool:
    """Tell whether a rung is the file's own."""
    if evidence.chosen is not None:
        return place == evidence.chosen
    return evidence.rungs[place].precision == own


def rung_name(rung: Rung) -> str:
    """Return the precision, with how many matrices were left in float."""
    kept = len(rung.kept_in_float)
    return f"{rung.precision} ({kept:,} in float)" if kept else rung.precision


def gate_in_words(gate: GateRecord) -> str:
    """Say what a rung had to reach."""
    share = f"{percent(gate.min_agreement)} of {_UNITS[gate.unit]}"
    least = f"at least {share} alike, with 95% confidence"
    fitted = "thresholds fitted on four fifths of the texts" if gate.fitted else "as it is"
    where = f"decided at {gate.point}, {fitted}"
    if not gate.labelled:
        return f"{least}; {where}; no labelled texts"
    end = "the upper end of its interval" if gate.strict else "itself"
    return f"{least}; the drop {end} at most {gate.max_drop:g}; {where}"


def _details(rung: Rung, told: str) -> list[str]:
    """What does not fit into the table, and is not told already."""
    name, kept, lines = rung_name(rung), rung.kept_in_float, []
    if kept:
        more = f" and {len(kept) - _NAMES:,} more" if len(kept) > _NAMES else ""
        listed = ", ".join(kept[:_NAMES])
        lines.append(f"{name}: {rung.detail or 'kept in float'}: {listed}{more}")
    elif rung.detail:
        lines.append(f"{name}: {rung.detail}")
    judged = rung.judgement
    if judged is not None and judged.verdict != "passed" and judged.why not in told:
        lines.append(f"{name}: {judged.verdict}: {judged.why}")
    return lines


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:,.{places}f}"


def _alike(share: float, low: float | None) -> str:
    return percent(share) if low is None else f"{percent(share)} ({percent(low)})"


def _cells_alike(rung: Rung) -> str:
    judged = rung.judgement
    return _alike(rung.cells_alike, None if judged is None else judged.cells_alike_low)


def _texts_alike(rung: Rung) -> str:
    judged = rung.judgement
    return _alike(rung.texts_alike, None if judged is None else judged.texts_alike_low)


def _metric(rung: Rung) -> str:
    quality = None if rung.judgement is None else rung.judgement.quality
    return "" if quality is None else f"{quality.metric} {quality.rung:.4f}"


def _drop(rung: Rung) -> str:
    quality = None if rung.judgement is None else rung.judgement.quality
    if quality is None:
        return ""
    ends = f"[{signed(quality.drop_low)}, {signed(quality.drop_high)}]"
    return f"{signed(quality.drop)} {ends}"


_COLUMNS: tuple[tuple[str, _Cell], ...] = (
    ("precision", rung_name),
    ("MB", lambda rung: f"{rung.size_bytes / 1e6:.1f}"),
    ("p50 ms", lambda rung: _number(rung.p50_ms, 2)),
    ("texts/s", lambda rung: _number(rung.texts_per_second, 0)),
    ("logits within", lambda rung: f"{rung.max_logit_difference:.2g}"),
    ("pairs alike (at least)", _cells_alike),
    ("same labels (at least)", _texts_alike),
    ("metric", _metric),
    ("drop (95%)", _drop),
    ("verdict", lambda rung: "" if rung.judgement is None else rung.judgement.verdict),
)
