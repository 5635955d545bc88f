"""A thread that decides, for programs whose own thread must not wait."""

import queue
import threading
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import limen

Answer: TypeAlias = limen.Model | limen.Prediction | limen.LimenError


class Decider:
    """Decides in a thread of its own, so that the window never waits. Only the newest text counts:
    what is typed while another one is computed replaces what waits.

    Attributes:
        answers: (number, what was found); number 0 is the opened file, the others are texts.
    """

    def __init__(self, file: Path) -> None:
        """Begin to load the file."""
        self._file = file
        self._number = 0
        self._asked: queue.Queue[tuple[int, str | None]] = queue.Queue(maxsize=1)
        self.answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="decider", daemon=True)
        self._thread.start()

    def ask(self, text: str | None) -> int:
        """Ask about a text and return its number; None ends the thread. For one thread's use."""
        self._number += 1
        with suppress(queue.Empty):
            self._asked.get_nowait()
        self._asked.put_nowait((self._number, text))
        return self._number

    def close(self) -> None:
        """Wait for the text that is being computed; the memory is given back."""
        self.ask(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            model = limen.load(self._file)
        except limen.LimenError as error:
            self.answers.put((0, error))
            return
        with model:
            self.answers.put((0, model))
            while True:
                number, text = self._asked.get()
                if text is None:
                    return
                try:
                    self.answers.put((number, model(text)))
                except limen.LimenError as error:
                    self.answers.put((number, error))
