"""Why a rung was chosen, in words."""

from collections.abc import Sequence

from limen.commands.rung_lines import rung_name
from limen.format import Evidence, Rung
from limen.format.rung import MAX_SENTENCE_CHARACTERS

_ENDING = "..."


def why_chosen(rungs: Sequence[Rung], chosen: int, *, named: bool = False) -> str:
    """Say why a rung was chosen; what `Evidence.why` keeps.

    Args:
        rungs: all that were tried.
        chosen: place of the chosen one.
        named: whether the user asked for it.
    """
    own = rungs[chosen]
    failed = {rung.precision: rung for rung in rungs if _failed(rung)}
    parts = [f"{rung_name(rung)} failed: {_why(rung)}" for rung in failed.values()]
    verdict = own.judgement.verdict if own.judgement is not None else "not judged"
    if named:
        parts.append(f"{rung_name(own)} was asked for: {verdict}")
    elif verdict == "undecided":
        parts.append(f"{rung_name(own)} is the first rung that does not fail: undecided")
    else:
        parts.append(f"{rung_name(own)} is the first rung that passes")
    text = "; ".join(parts)
    if len(text) > MAX_SENTENCE_CHARACTERS:
        text = text[: MAX_SENTENCE_CHARACTERS - len(_ENDING)] + _ENDING
    return text


def ladder_notices(evidence: Evidence) -> tuple[str, ...]:
    """Say what a user should know about the choice: a faster rung failed, or the chosen one is
    undecided.
    """
    own = evidence.chosen_rung
    if own is None:
        return ()
    notices = []
    failed = [rung for rung in evidence.rungs if _failed(rung) and rung is not own]
    if failed:
        names = ", ".join(dict.fromkeys(rung.precision for rung in failed))
        notices.append(
            f"{names} failed the gate, so the file is {rung_name(own)}{_slower(own, failed)}"
        )
    if own.judgement is not None and own.judgement.verdict == "undecided":
        notices.append(
            f"{rung_name(own)} is undecided: the interval of its drop reaches beyond what is "
            "allowed; more labelled texts would decide"
        )
    return tuple(notices)


def _failed(rung: Rung) -> bool:
    return rung.judgement is not None and rung.judgement.verdict == "failed"


def _why(rung: Rung) -> str:
    return "" if rung.judgement is None else rung.judgement.why


def _slower(own: Rung, failed: Sequence[Rung]) -> str:
    """Say what it costs in time, where both were timed."""
    timed = [rung.p50_ms for rung in failed if rung.p50_ms is not None]
    if own.p50_ms is None or not timed:
        return ""
    return f": p50 {own.p50_ms:.2f} ms instead of {min(timed):.2f}"
