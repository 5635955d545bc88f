"""Watching transformers' Trainer: how far it has come, how long it will take, what it has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from limen.format.json_block import Json
from limen.progress import Progress
from transformers import TrainerCallback

from limen_export.training.checkpoints import mark_whole


@dataclass(frozen=True)
class CurvePoint:
    """What was seen at one moment of a training.

    Attributes:
        epoch: passes over the texts so far.
        loss: mean training loss since the point before; None at points of dev.
        dev_loss: loss on dev; None between epochs.
        dev_figure: the figure on dev by which epochs are chosen, in [0, 1]; None between epochs.
    """

    epoch: float
    loss: float | None = None
    dev_loss: float | None = None
    dev_figure: float | None = None

    def to_json(self) -> Json:
        """Return the fields by name."""
        return asdict(self)


DEV = "dev"
"""As Trainer's notes call the figure on dev, behind `eval_`."""


def is_exhausted(history: Sequence[Mapping[str, float]], patience: int) -> bool:
    """Whether so many epochs have passed since the best one on dev, of equals the first.

    Args:
        history: what Trainer noted, those before an interruption included; Trainer's own callback
            would count anew behind one.
        patience: epochs.
    """
    found = [note[f"eval_{DEV}"] for note in history if f"eval_{DEV}" in note]
    return bool(found) and len(found) - 1 - found.index(max(found)) >= patience


class Watch(TrainerCallback):
    """Tells progress with an estimate of the time left, marks checkpoints as whole, and ends the
    training when nothing better came for a while.
    """

    def __init__(self, told: Progress, checkpoints: Path, patience: int) -> None:
        """Keep who is told, where the checkpoints are, and how long to wait for a better epoch."""
        self._told = told
        self._checkpoints = checkpoints
        self._patience = patience
        self._begun = (0, 0.0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Start the clock; a run that goes on begins at its own step."""
        self._begun = (state.global_step, monotonic())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Tell step, epoch and time left."""
        step, clock = self._begun
        seconds = (monotonic() - clock) / max(1, state.global_step - step)
        left = seconds * (state.max_steps - state.global_step)
        self._told.count(
            f"step {state.global_step:,} of {state.max_steps:,}, epoch {state.epoch:.1f} of "
            f"{state.num_train_epochs}, at most {_duration(left)} left"
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Tell the figure on dev, and look whether to go on."""
        found = (kwargs.get("metrics") or {}).get(f"eval_{DEV}")
        if found is not None:
            self._told.step(f"epoch {state.epoch:.0f}: {found:.4f} on dev")
            control.should_training_stop = is_exhausted(state.log_history, self._patience)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Mark the checkpoint as whole."""
        mark_whole(self._checkpoints, state.global_step)

    @staticmethod
    def curve(history: Sequence[Mapping[str, float]]) -> tuple[CurvePoint, ...]:
        """Return what Trainer noted, in order."""
        points = []
        for note in history:
            if "loss" in note:
                points.append(CurvePoint(note["epoch"], loss=note["loss"]))
            elif "eval_loss" in note:
                figure = note.get(f"eval_{DEV}")
                points.append(CurvePoint(note["epoch"], None, note["eval_loss"], figure))
        return tuple(points)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
