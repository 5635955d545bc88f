"""Whether texts that run together keep the bits that each has alone: looked at, not assumed.

It depends on the file, the kernels of this processor and the shape of a run. So the first runs of
every kind are computed a second time, text by text, and compared, until enough unlike rows were.
"""

import threading
from collections import defaultdict

from limen.arrays import FloatArray

LOOKED_AT = 16
"""Unlike rows of a kind that must come out alike before its runs are trusted. Texts that are alike
to the model (no known word in any) show nothing: their sums have no rounding to differ in."""

MOST_LOOKS = 16
"""Runs of a kind that are looked at. Where so many do not hold enough unlike rows, looking on would
cost more than running together saves, and the kind is given up."""


class SameBits:
    """What was seen of runs, by kind; safe to ask and tell from many threads."""

    def __init__(self) -> None:
        """Begin without knowing anything."""
        self._lock = threading.Lock()
        self._same: dict[int, bool] = {}
        self._seen: defaultdict[int, set[bytes]] = defaultdict(set)
        self._looks: defaultdict[int, int] = defaultdict(int)

    def known(self, kind: int) -> bool | None:
        """Return whether runs of a kind keep the bits; None while that has not been seen."""
        return self._same.get(kind)

    def note(self, kind: int, alone: FloatArray, together: FloatArray) -> None:
        """Trust runs of a kind, or give them up, once enough was seen.

        Args:
            kind: of the run.
            alone: float32, (texts, outputs), each text by itself.
            together: the same texts in one run.
        """
        if alone.tobytes() != together.tobytes():
            self.give_up(kind)
            return
        with self._lock:
            if kind in self._same:
                # Another thread has seen enough meanwhile.
                return
            seen = self._seen[kind]
            seen.update(row.tobytes() for row in alone)
            self._looks[kind] += 1
            if len(seen) >= LOOKED_AT or self._looks[kind] >= MOST_LOOKS:
                self._same[kind] = len(seen) >= LOOKED_AT
                self._seen.pop(kind, None)

    def give_up(self, kind: int) -> None:
        """Never trust runs of a kind, whatever was or will be seen of others."""
        with self._lock:
            self._same[kind] = False
            self._seen.pop(kind, None)
