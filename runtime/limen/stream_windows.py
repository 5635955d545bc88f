"""A stream of texts in windows that fit into little memory."""

from collections.abc import Iterable, Iterator

WINDOW_TEXTS = 1_024
WINDOW_CHARACTERS = 1_000_000
"""A window ends with the text that reaches either: enough to keep every thread busy, and little
memory even where texts are long."""


def windows(texts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream into lists; where its source fails, what came before is a window of its own, and
    then the source's error is raised.
    """
    waiting = iter(texts)
    while True:
        window: list[str] = []
        characters = 0
        failure: Exception | None = None
        try:
            for text in waiting:
                window.append(text)
                characters += len(text) if isinstance(text, str) else 0
                if len(window) >= WINDOW_TEXTS or characters >= WINDOW_CHARACTERS:
                    break
        except Exception as error:
            failure = error
        if window:
            yield window
        if failure is not None:
            raise failure
        if len(window) < WINDOW_TEXTS and characters < WINDOW_CHARACTERS:
            return
