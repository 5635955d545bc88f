"""The logits of texts that were decided lately, for servers that see the same ones again."""

import threading
from collections import OrderedDict

from limen.errors import InputError
from limen.text_logits import TextLogits


class RecentTexts:
    """At most so many exact texts with their logits; the one unused for longest goes first."""

    def __init__(self, most: int) -> None:
        """Begin empty.

        Args:
            most: how many texts to keep, at least 1.

        Raises:
            InputError: `most` is below 1.
        """
        if not isinstance(most, int) or most < 1:
            raise InputError(f"cache={most}; expected 1 or more texts, or None to keep none")
        self._most = most
        self._kept: OrderedDict[str, TextLogits] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> TextLogits | None:
        """Return what was found for a text; None where it is not kept."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
            return found

    def put(self, text: str, found: TextLogits) -> None:
        """Keep what was found for a text."""
        with self._lock:
            self._kept[text] = found
            self._kept.move_to_end(text)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
