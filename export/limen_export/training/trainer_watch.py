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


class Watch(TrainerCallback):
    """Tells progress with an estimate of the time left, and marks checkpoints as whole."""

    def __init__(self, told: Progress, checkpoints: Path) -> None:
        """Keep who is told, and where the checkpoints are."""
        self._told = told
        self._checkpoints = checkpoints
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
        """Tell the figure on dev."""
        found = kwargs.get("metrics") or {}
        if "eval_dev" in found:
            self._told.step(f"epoch {state.epoch:.0f}: {found['eval_dev']:.4f} on dev")

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
                figure = note.get("eval_dev")
                points.append(CurvePoint(note["epoch"], None, note["eval_loss"], figure))
        return tuple(points)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
