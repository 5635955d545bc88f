"""What makes a comparison of two results weaker than its figures look."""

from dataclasses import dataclass

from limen_bench.summary import RunSummary


@dataclass(frozen=True)
class Pair:
    """The runs of one model on the same texts.

    Attributes:
        model, texts: their names.
        old, new: the earlier run and the later one.
    """

    model: str
    texts: str
    old: RunSummary
    new: RunSummary

    @property
    def place(self) -> str:
        """What the two have in common, as notes call it."""
        return f"{self.model} on {self.texts}"


def not_asked(pair: Pair) -> tuple[str, ...]:
    """Return the engines of OLD that NEW was not asked to measure, and has nothing of.

    Results that do not say what they were asked for were asked for everything.
    """
    asked = pair.new.row.settings.get("engines")
    if not isinstance(asked, list):
        return ()
    there = {*asked, *(engine.engine for engine in pair.new.engines)}
    return tuple(engine.engine for engine in pair.old.engines if engine.engine not in there)


def notes_on(pair: Pair) -> list[str]:
    """Say what differs between the two runs besides the engines' figures."""
    found = [*_machines(pair), *_subjects(pair), *_incomplete(pair)]
    return [f"{pair.place}: {note}" for note in found]


def _machines(pair: Pair) -> list[str]:
    cpus = [run.row.machine.get("cpu") for run in (pair.old, pair.new)]
    if cpus[0] == cpus[1]:
        return []
    bare = not all(run.point("machine", "yardstick") for run in (pair.old, pair.new))
    effect = (
        "and no yardstick in both: the figures tell as much of the machines as of the engines"
        if bare
        else "the yardstick corrects latency and bulk speed, not cold start"
    )
    return [f"different machines ({cpus[0]}; {cpus[1]}), {effect}"]


def _subjects(pair: Pair) -> list[str]:
    notes = []
    for what, field in (("model files", "digest"), ("precisions", "precision")):
        values = [run.row.model.get(field) for run in (pair.old, pair.new)]
        if values[0] != values[1]:
            notes.append(f"different {what} ({values[0]}; {values[1]})")
    counts = [run.row.texts.get("count") for run in (pair.old, pair.new)]
    if counts[0] != counts[1]:
        notes.append(f"different numbers of texts ({counts[0]}; {counts[1]})")
    return notes


def _incomplete(pair: Pair) -> list[str]:
    notes = []
    broken = [engine for engine in pair.new.engines if engine.status == "interrupted"]
    # The summary makes up a row, without a precision, for figures whose engine's row is missing.
    stopped = [engine.engine for engine in broken if engine.precision]
    unfinished = [engine.engine for engine in broken if not engine.precision]
    if stopped:
        notes.append(f"NEW was interrupted; not complete: {', '.join(stopped)}")
    if unfinished:
        notes.append(
            f"NEW ended without a word on {', '.join(unfinished)}; compared as far as it got"
        )
    if unasked := not_asked(pair):
        notes.append(f"NEW was not asked to measure {', '.join(unasked)}; not compared")
    return notes
