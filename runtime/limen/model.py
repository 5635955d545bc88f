"""A loaded classifier: encoder, engine and decision under one name."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.decision import decide, decision_function, score, scores_from_logits
from limen.encoder import Encoder, open_encoder
from limen.engine import Engine, Optimisation
from limen.errors import InputError
from limen.format import ClassifierFile, DecisionBlock, Fallback, OperatingPoint, read
from limen.operating import point_at, with_policy
from limen.prediction import Prediction, predictions
from limen.self_test import tested_engine
from limen.threads import thread_count

_STREAM_CHUNK = 1_024
"""Texts in flight in `stream`: large enough to keep every thread busy, small enough to stay in
little memory."""


class Model:
    """A classifier that decides; safe to use from many threads at once.

    Attributes:
        labels: label names in the order of the scores.
        rule: `multiclass`, `multilabel`, `one_vs_rest` or `one_vs_one`.
        operating_point: name, thresholds and promise in use.
        abstain: the margin below which a classifier that gives one label abstains, and what a
            multi-label text gets that reaches no threshold.
        repaired: this processor computed int8 products wrongly, and now computes them exactly in a
            slower way (docs/self_test.md).
    """

    def __init__(
        self,
        encoder: Encoder,
        engine: Engine,
        decision: DecisionBlock,
        point: OperatingPoint,
        threads: int,
        *,
        repaired: bool = False,
    ) -> None:
        """Put the parts together; `limen.load` is the usual way."""
        self._encoder = encoder
        self._engine = engine
        self._decision = decision
        self._threads = threads
        self.labels = decision.labels
        self.rule = decision.rule
        self.abstain = decision.abstain
        self.operating_point = point
        self.repaired = repaired

    def __call__(self, text: str) -> Prediction:
        """Decide about one text, in the caller's thread.

        Raises:
            InputError: not a str, or it holds lone surrogates.
            EngineError: onnxruntime or tokenizers failed.
        """
        return self.predict([text])[0]

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Decide about texts, in order; an empty list gives an empty list.

        Raises:
            InputError: `texts` is a str, or one of them is not a str or holds lone surrogates.
            EngineError: onnxruntime or tokenizers failed.
        """
        return self._predict(_listed(texts), 0)

    def _predict(self, texts: list[str], start: int) -> list[Prediction]:
        logits, truncated = self._run(texts, start)
        scored = score(logits, self._decision, start)
        decided = decide(scored, self._decision, self.operating_point)
        return predictions(self.labels, scored.scores, decided, truncated)

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Decide about any number of texts in constant memory, in order; errors as in `predict`."""
        _refuse_one(texts)
        waiting = iter(texts)
        start = 0
        while chunk := list(islice(waiting, _STREAM_CHUNK)):
            yield from self._predict(chunk, start)
            start += len(chunk)

    def scores(self, texts: Iterable[str]) -> FloatArray:
        """Return the scores: float32, (texts, labels), in [0, 1]; errors as in `predict`."""
        return scores_from_logits(self.logits(texts), self._decision)

    def logits(self, texts: Iterable[str]) -> FloatArray:
        """Return what the graph gives: float32, (texts, outputs); errors as in `predict`."""
        return self._run(_listed(texts))[0]

    def decision_function(self, texts: Iterable[str]) -> WideArray:
        """Return decision values as scikit-learn's one-vs-rest and one-vs-one classifiers do:
        float64, (texts, labels), or (texts,) for two labels with one output; errors as in
        `predict`.
        """
        return decision_function(self.logits(texts), self._decision)

    def at(
        self,
        point: str | Mapping[str, float] | None = None,
        *,
        margin: float | None = None,
        fallback: Fallback | None = None,
    ) -> "Model":
        """Return the same classifier at another operating point; the weights are shared.

        Args:
            point: the name of a point that the file carries, or thresholds by label that replace
                those in use; None keeps the point.
            margin: abstain where the score is less than this above the next one, in [0, 1]; for
                rules that give one label. None keeps it.
            fallback: `top1` gives a multi-label text that reaches no threshold its best label,
                `none` leaves it without. None keeps it.

        Raises:
            InputError: no such point, an unknown label, a threshold or margin outside [0, 1], or an
                option that the rule does not have, or that could break what the point promises.
        """
        chosen = point_at(point, self.operating_point, self._decision)
        if chosen.promise is not None and (margin is not None or fallback is not None):
            raise InputError(
                f"operating point {chosen.name!r} promises something that a margin or a fallback "
                "could break; choose another point for them"
            )
        decision = with_policy(self._decision, margin, fallback)
        return Model(
            self._encoder, self._engine, decision, chosen, self._threads, repaired=self.repaired
        )

    def _run(self, texts: list[str], start: int = 0) -> tuple[FloatArray, list[bool]]:
        def one(indexed: tuple[int, str]) -> tuple[FloatArray, bool]:
            encoded = self._encoder.encode(indexed[1], indexed[0])
            return self._engine.logits(encoded.feeds), encoded.truncated

        threads = min(self._threads, len(texts))
        if threads <= 1:
            results = [one(item) for item in enumerate(texts, start)]
        else:
            # Here and not above: it takes a tenth of the time of importing limen, and a process
            # that decides one text at a time never needs it.
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(threads, thread_name_prefix="limen") as pool:
                results = list(pool.map(one, enumerate(texts, start)))
        logits = np.empty((len(results), self._decision.outputs), dtype=np.float32)
        for index, (row, _) in enumerate(results):
            logits[index] = row
        return logits, [truncated for _, truncated in results]


def load(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    operating_point: str | None = None,
    verify: bool = True,
) -> Model:
    """Load a classifier file: check it, open it, and run its golden texts.

    Args:
        path: a file that `limen export` wrote.
        device: `auto` or `cpu`.
        threads: how many texts to run at once in bulk calls; None follows CPU affinity and the
            container's quota.
        operating_point: one that the file carries; None takes the file's default.
        verify: run the golden texts; an int8 file that this processor computes wrongly is then
            opened again in a slower, exact way, or refused (docs/self_test.md).

    Raises:
        InputError: no such file, device or operating point.
        FormatError: not a classifier file that this runtime may open.
        EngineError: onnxruntime or tokenizers refuse it, or this machine computes other golden
            logits than the file promises.
    """
    return open_model(
        read(path), device=device, threads=threads, operating_point=operating_point, verify=verify
    )


def open_model(
    file: ClassifierFile,
    *,
    device: str = "auto",
    threads: int | None = None,
    operating_point: str | None = None,
    verify: bool = True,
) -> Model:
    """Open a file that has been read and checked; arguments and errors as in `load`."""
    decision = file.metadata.decision
    point = decision.point(decision.default_point if operating_point is None else operating_point)
    count = thread_count(threads)
    encoder = open_encoder(file.metadata.encoder)
    optimisation: Optimisation = "none" if file.metadata.execution.optimised else "on_load"
    engine = Engine(file.data, file.name, decision.outputs, device, optimisation)
    repaired = False
    if verify:
        engine, repaired = tested_engine(file, encoder, engine, device)
    return Model(encoder, engine, decision, point, count, repaired=repaired)


def _listed(texts: Iterable[str]) -> list[str]:
    _refuse_one(texts)
    return list(texts)


def _refuse_one(texts: Iterable[str]) -> None:
    if isinstance(texts, str | bytes):
        raise InputError(
            f"one {type(texts).__name__} where several texts are expected; call model(text), or "
            f"pass a list"
        )
