"""The window: a field to type in, the labels decided on, and a bar for every score."""

import time
import tkinter as tk
from pathlib import Path
from tkinter import ttk

import limen
from decider import Answer, Decider
from score_rows import ScoreRows

POLL_MS = 15
PATIENCE_S = 0.3
PAPER, LINE, TEXT, ERROR = "#ffffff", "#9aa5b1", "#1f2933", "#a61b1b"


class Window:
    """A field to type in, the labels decided on, and a bar for every score.

    Attributes:
        field: where the sentence is typed.
        said: the labels.
        note: what the window waits for, or what went wrong.
        rows: the scores.
        decider: the thread that decides; to be closed after the window.
    """

    def __init__(self, root: tk.Tk, file: Path) -> None:
        """Build the window; scores appear when the file is loaded."""
        self._root = root
        self._newest = self._erased = 0
        self._answered = -1
        self._failed = False
        self._since = time.monotonic()
        root.title(f"limen: {file.name}")
        root.configure(background=PAPER, padx=16, pady=14)
        root.minsize(360, 200)
        self.field, self.said, self.note = field_and_labels(root)
        self.rows = ScoreRows(root, background=PAPER)
        for widget in (self.field, self.said, self.note):
            widget.grid(sticky="ew", pady=(0, 8))
        self.rows.grid(sticky="nsew")
        root.columnconfigure(0, weight=1)
        root.rowconfigure(3, weight=1)
        self.field.bind("<<Modified>>", self._typed)
        self.field.focus_set()
        self._say("", f"loading {file.name} …")
        self.decider = Decider(file)
        self._poll()

    @property
    def polling(self) -> bool:
        """Whether an answer is awaited; otherwise the window does nothing by itself."""
        return self._answered < self._newest and not self._failed

    def _typed(self, _: object) -> None:
        # The event comes a second time when the mark is taken back.
        if not self.field.edit_modified():
            return
        self.field.edit_modified(False)
        text = self.field.get("1.0", "end-1c")
        if self._failed:
            return
        if not text.strip():
            self._erased = self._newest
            if self._answered >= 0:
                self._invite()
            return
        polls = self.polling
        self._newest = self.decider.ask(text)
        if not polls:
            self._since = time.monotonic()
            self._poll()

    def _poll(self) -> None:
        """Show what was found, and come back while something is awaited."""
        while not self.decider.answers.empty():
            self._answered, answer = self.decider.answers.get()
            self._since = time.monotonic()
            self._take(answer)
        if not self.polling:
            return
        if self._answered >= 0 and self._since + PATIENCE_S < time.monotonic():
            self.note.configure(text="deciding …", foreground=TEXT)
        self._root.after(POLL_MS, self._poll)

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, limen.LimenError):
            self._failed = self._answered == 0
            self.rows.show(None)
            self._say("", str(answer), ERROR)
        elif isinstance(answer, limen.Model):
            self.rows.begin(answer.labels, answer.operating_point.thresholds)
            self._invite()
        elif self._answered > self._erased:
            self.rows.show(answer)
            cut = "longer than the model reads: a part is left out" if answer.truncated else ""
            self._say(", ".join(answer.labels) or "no label", cut)

    def _invite(self) -> None:
        self.rows.show(None)
        self._say("", "type a sentence")

    def _say(self, said: str, note: str, colour: str = TEXT) -> None:
        self.said.configure(text=said)
        self.note.configure(text=note, foreground=colour)


def field_and_labels(root: tk.Tk) -> tuple[tk.Text, ttk.Label, ttk.Label]:
    """Return a field to type in, a line for labels and a line for notes."""
    field = tk.Text(
        root,
        width=48,
        height=3,
        wrap="word",
        font=("TkDefaultFont", 13),
        padx=8,
        pady=6,
        undo=True,
        relief="flat",
        highlightthickness=1,
        highlightbackground=LINE,
        highlightcolor=LINE,
    )
    large = ("TkDefaultFont", 14, "bold")
    said = ttk.Label(root, font=large, background=PAPER, foreground=TEXT)
    note = ttk.Label(root, background=PAPER)
    for label in (said, note):
        label.bind("<Configure>", lambda event: event.widget.configure(wraplength=event.width))
    return field, said, note


def open_window(file: Path) -> None:
    """Open a window on a file; returns when it is closed."""
    root = tk.Tk()
    window = Window(root, file)
    root.mainloop()
    # The window is gone; what is computed just now ends before the program does.
    window.decider.close()
