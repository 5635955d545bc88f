"""A window that decides about a sentence while it is typed.

python app.py emotion.onnx
"""

import queue
import sys
import threading
import tkinter as tk
from contextlib import suppress
from pathlib import Path
from tkinter import ttk

import limen

POLL_MS = 15
BAR = 240
YES, NO, BACK = "#2563a8", "#b9c2cc", "#eef1f4"


class Decider:
    """Decides in a thread of its own, so that the window never waits. Only the newest text counts:
    what is typed while another one is computed replaces what waits.
    """

    def __init__(self, file: Path) -> None:
        """Begin to load the file."""
        self._file = file
        self._asked: queue.Queue[str | None] = queue.Queue(maxsize=1)
        self.answers: queue.SimpleQueue[limen.Model | limen.Prediction | limen.LimenError] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def ask(self, text: str | None) -> None:
        """Ask about a text; None ends the thread. Called from the window's thread alone."""
        with suppress(queue.Empty):
            self._asked.get_nowait()
        self._asked.put_nowait(text)

    def close(self) -> None:
        """Wait for the text that is being computed, and give the memory back."""
        self.ask(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            with limen.load(self._file) as model:
                self.answers.put(model)
                while (text := self._asked.get()) is not None:
                    self.answers.put(model(text))
        except limen.LimenError as error:
            self.answers.put(error)


class Window:
    """A field to type in, the labels decided on, and a bar for every score."""

    def __init__(self, root: tk.Tk, file: Path) -> None:
        """Build the window; labels appear when the file is loaded."""
        self._root = root
        self._decider = Decider(file)
        self._bars: dict[str, tuple[tk.Canvas, int, ttk.Label]] = {}
        root.title(f"limen: {file.name}")
        root.protocol("WM_DELETE_WINDOW", self.close)
        frame = ttk.Frame(root, padding=12)
        frame.grid(sticky="nsew")
        self.field = tk.Text(frame, width=52, height=4, wrap="word", font=("", 12))
        self.field.grid(columnspan=3, sticky="ew")
        self.field.bind("<<Modified>>", self._typed)
        self.said = ttk.Label(frame, text="loading …", font=("", 12, "bold"), padding=(0, 8))
        self.said.grid(columnspan=3, sticky="w")
        self._frame = frame
        self.field.focus_set()
        self._poll()

    def close(self) -> None:
        """End the thread, then the window."""
        self._decider.close()
        self._root.destroy()

    def _typed(self, _: object) -> None:
        self.field.edit_modified(False)
        self._decider.ask(self.field.get("1.0", "end-1c"))

    def _poll(self) -> None:
        while not self._decider.answers.empty():
            answer = self._decider.answers.get()
            if isinstance(answer, limen.Model):
                self._make_bars(answer)
            elif isinstance(answer, limen.LimenError):
                self.said.configure(text=str(answer), wraplength=480)
            else:
                self._show(answer)
        self._root.after(POLL_MS, self._poll)

    def _make_bars(self, model: limen.Model) -> None:
        self.said.configure(text="type a sentence")
        for row, label in enumerate(model.labels, start=2):
            ttk.Label(self._frame, text=label).grid(row=row, sticky="w")
            canvas = tk.Canvas(
                self._frame, width=BAR, height=14, background=BACK, highlightthickness=0
            )
            canvas.grid(row=row, column=1, padx=10, pady=2)
            bar = canvas.create_rectangle(0, 0, 0, 14, fill=NO, width=0)
            number = ttk.Label(self._frame, text="", width=5)
            number.grid(row=row, column=2)
            self._bars[label] = canvas, bar, number

    def _show(self, found: limen.Prediction) -> None:
        self.said.configure(text=", ".join(found.labels) or "none of the labels")
        for label, score in found.scores.items():
            canvas, bar, number = self._bars[label]
            canvas.coords(bar, 0, 0, BAR * score, 14)
            canvas.itemconfigure(bar, fill=YES if label in found.labels else NO)
            number.configure(text=f"{score:.2f}")


def main() -> None:
    """Open the window on the file that is named, or on the one beside the frozen program."""
    beside = Path(getattr(sys, "_MEIPASS", Path(__file__).parent)) / "classifier.onnx"
    root = tk.Tk()
    Window(root, Path(sys.argv[1]) if len(sys.argv) > 1 else beside)
    root.mainloop()


if __name__ == "__main__":
    main()
