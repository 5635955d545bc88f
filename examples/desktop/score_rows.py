"""Bars for scores, one row for each label."""

import tkinter as tk
from collections.abc import Sequence
from tkinter import font

import limen

FIRST = 24
"""So many rows at most in a new window. Where a window has no room for all, it shows the labels
with the largest scores.
"""
NAME_WIDTH, NUMBER_WIDTH, GAP = 220, 44, 10
TEXT, FAINT = "#1f2933", "#7b8794"
YES, NO, BACK = "#2563a8", "#b6c2cf", "#eef1f4"


class ScoreRows(tk.Canvas):
    """Name, bar and number of every label; a mark on the bar is the label's threshold."""

    def __init__(self, parent: tk.Misc, background: str) -> None:
        """Make an empty one."""
        super().__init__(parent, width=440, height=1, background=background, highlightthickness=0)
        self._font = font.nametofont("TkDefaultFont", root=self)
        self._row = self._font.metrics("linespace") + 6
        self._labels: tuple[str, ...] = ()
        self._thresholds: dict[str, float | None] = {}
        self._found: limen.Prediction | None = None
        self.bind("<Configure>", lambda _: self.show(self._found))

    def begin(self, labels: tuple[str, ...], thresholds: Sequence[float | None] | None) -> None:
        """Make room for labels, in their order."""
        self._labels = labels
        self._thresholds = dict(zip(labels, thresholds or [None] * len(labels), strict=True))
        self.configure(height=self._row * min(len(labels), FIRST))

    def show(self, found: limen.Prediction | None) -> None:
        """Draw the scores of a text; without one, empty bars."""
        self._found = found
        self.delete("all")
        names, room = self._labels, max(self.winfo_height() // self._row, 1)
        if found is not None and len(names) > room:
            names = tuple(sorted(names, key=dict(found.scores).__getitem__, reverse=True))
        names = names[:room]
        left = min(max(map(self._font.measure, names), default=0), NAME_WIDTH) + GAP
        for row, name in enumerate(names):
            self._draw(name, row * self._row, left)

    def _draw(self, name: str, top: int, left: int) -> None:
        width = self.winfo_width()
        right, bottom = max(width - NUMBER_WIDTH, left + 1), top + self._row
        middle, low, high = top + self._row / 2, top + 4, bottom - 4
        self.create_text(0, middle, text=name, anchor="w", fill=TEXT, tags="name")
        # Covers the end of a name that is too long.
        self.create_rectangle(left - GAP, top, width, bottom, fill=self["background"], width=0)
        self.create_rectangle(left, low, right, high, fill=BACK, width=0)
        if self._found is not None:
            score, chosen = self._found.scores[name], name in self._found.labels
            end, fill = left + (right - left) * score, YES if chosen else NO
            self.create_rectangle(left, low, end, high, fill=fill, width=0, tags="bar")
            said, fill = f"{score:.2f}", TEXT if chosen else FAINT
            self.create_text(width, middle, text=said, anchor="e", fill=fill, tags="number")
        threshold = self._thresholds[name]
        if threshold is not None:
            at = left + (right - left) * threshold
            self.create_line(at, low - 1, at, high + 1, fill=TEXT, tags="threshold")
