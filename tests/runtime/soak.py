"""Mixed load on one model for a while: every answer checked, memory watched.

    python tests/runtime/soak.py FILE --seconds 600

Sixteen threads call, predict, stream, ask from event loops and cancel, at changing operating
points, with texts of 0 to 20,000 characters. Prints one JSON object: answers, wrong ones, errors,
cancelled texts, and the resident size in MB after each tenth of the time.
"""

import argparse
import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import limen
from limen.corpus import sentences
from limen.prediction import Prediction

_THREADS = 16
_PARTS = 10
_TEXTS = 400
_LONGEST = 20_000
_STATUS = Path("/proc/self/status")


class Soak:
    """One model under load, and what came of it."""

    def __init__(self, model: limen.Model, seed: int) -> None:
        """Compute what every text must give, alone and in this thread, at every point."""
        self.answers = self.wrong = self.cancelled = 0
        self.errors: list[str] = []
        self._lock = threading.Lock()
        self._texts = _texts(random.Random(seed))  # noqa: S311  (drawn texts, not secrets)
        names = [model.operating_point.name, {model.labels[0]: 0.25}]
        self._models = [model.at(name) for name in names]
        self._expected = [[one(text) for text in self._texts] for one in self._models]

    def run(self, seconds: float) -> None:
        """Keep every thread busy for so long."""
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._work, args=(number, end)) for number in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, seed: int, end: float) -> None:
        draw = random.Random(seed)  # noqa: S311
        ways = [self._call, self._predict, self._stream, self._collect, self._loop]
        while time.monotonic() < end:
            which = draw.randrange(len(self._models))
            rows = [draw.randrange(_TEXTS) for _ in range(draw.choice((1, 2, 7, 30)))]
            try:
                found = draw.choice(ways)(draw, self._models[which], rows)
            except Exception as error:
                with self._lock:
                    self.errors.append(repr(error))
                continue
            wrong = sum(
                answer is not None and answer != self._expected[which][row]
                for answer, row in zip(found, rows, strict=True)
            )
            with self._lock:
                self.answers += sum(answer is not None for answer in found)
                self.cancelled += sum(answer is None for answer in found)
                self.wrong += wrong

    def _call(
        self, _: random.Random, model: limen.Model, rows: list[int]
    ) -> list[Prediction | None]:
        return [model(self._texts[row]) for row in rows]

    def _predict(
        self, _: random.Random, model: limen.Model, rows: list[int]
    ) -> list[Prediction | None]:
        return [*model.predict([self._texts[row] for row in rows])]

    def _stream(
        self, _: random.Random, model: limen.Model, rows: list[int]
    ) -> list[Prediction | None]:
        return [*model.stream(self._texts[row] for row in rows)]

    def _collect(
        self, draw: random.Random, model: limen.Model, rows: list[int]
    ) -> list[Prediction | None]:
        """With something that is no text among them."""
        place = draw.randrange(len(rows) + 1)
        texts: list[object] = [self._texts[row] for row in rows]
        found = model.predict([*texts[:place], None, *texts[place:]], errors="collect")  # type: ignore[list-item]
        if not isinstance(found.pop(place), limen.InputError):
            raise AssertionError("None was decided")
        return [one if isinstance(one, Prediction) else None for one in found]

    def _loop(
        self, draw: random.Random, model: limen.Model, rows: list[int]
    ) -> list[Prediction | None]:
        """From an event loop, a part of the texts cancelled at once or a little later."""

        async def all_at_once() -> list[Prediction | None]:
            tasks = [asyncio.create_task(model.predict_async(self._texts[row])) for row in rows]
            for task in tasks:
                if draw.random() < 0.3:
                    await asyncio.sleep(draw.choice((0.0, 0.002)))
                    task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for one in found:
                if isinstance(one, BaseException) and not isinstance(one, asyncio.CancelledError):
                    raise one
            return [one if isinstance(one, Prediction) else None for one in found]

        return asyncio.run(all_at_once())


def soak(file: Path, seconds: float, seed: int = 2026) -> dict[str, object]:
    """Load a file, put it under load, and say what came of it."""
    with limen.load(file) as model:
        under_load = Soak(model, seed)
        resident = []
        for _ in range(_PARTS):
            under_load.run(seconds / _PARTS)
            resident.append(resident_mb())
        return {
            "answers": under_load.answers,
            "cancelled": under_load.cancelled,
            "errors": under_load.errors[:5],
            "resident_mb": resident,
            "seconds": seconds,
            "wrong": under_load.wrong,
        }


def resident_mb() -> float | None:
    """Resident size of this process in MB (10^6 bytes); None where the system does not say."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return round(kibibytes * 1024 / 1e6, 1)


def _texts(draw: random.Random) -> list[str]:
    pool = [row.text for language in ("en", "ko") for row in sentences(language, "train")]
    texts = [draw.choice(pool) for _ in range(_TEXTS - 40)]
    make: Callable[[int], str] = lambda size: " ".join(draw.choices(pool, k=400))[:size]  # noqa: E731
    return texts + [make(draw.randrange(_LONGEST + 1)) for _ in range(39)] + [""]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    arguments = parser.parse_args()
    print(json.dumps(soak(arguments.file, arguments.seconds)))
