"""A loaded classifier: inference and decision under one name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Literal, cast, overload

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.asked import Errors, collects, listed, refuse_one
from limen.decision import (
    all_finite,
    check_finite,
    decide,
    decision_function,
    score,
    scores_from_logits,
)
from limen.errors import EngineError, InputError, LimenError
from limen.format import DecisionBlock, Fallback, OperatingPoint
from limen.inference import Inference
from limen.lone_texts import KernelThreads
from limen.operating import point_at, with_policy
from limen.prediction import Prediction, predictions
from limen.stream_windows import windows
from limen.text_logits import Outcome, TextLogits

_DECIDED_TOGETHER = 256
"""Texts whose scores and decisions are made at once."""


class Model:
    """A classifier that decides; safe to use from many threads at once, and after a fork.

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
        inference: Inference,
        decision: DecisionBlock,
        point: OperatingPoint,
        *,
        repaired: bool = False,
    ) -> None:
        """Put the parts together; `limen.load` is the usual way."""
        self._inference = inference
        self._decision = decision
        self.labels = decision.labels
        self.rule = decision.rule
        self.abstain = decision.abstain
        self.operating_point = point
        self.repaired = repaired

    @property
    def device(self) -> str:
        """Where the graph runs: `cpu`, `cuda` or `openvino`; EngineError where the model was
        closed.
        """
        return self._inference.engine.device

    @property
    def device_reason(self) -> str:
        """Why the graph does not run on the device that the file was made for; empty where it does,
        or where the caller named the device.
        """
        return self._inference.why_device

    @property
    def threads(self) -> int:
        """How many texts run at once in bulk calls, and at most at once for `asyncio`."""
        return self._inference.threads

    @property
    def kernel_threads(self) -> KernelThreads:
        """How many threads one text alone uses, from which length on, and why."""
        return self._inference.kernel_threads

    def __call__(self, text: str) -> Prediction:
        """Decide about one text, in the caller's thread.

        Raises:
            InputError: not a str, or it holds lone surrogates.
            EngineError: onnxruntime or tokenizers failed, or the model was closed.
        """
        return self._decided(self._inference.lone(text))

    async def predict_async(self, text: str) -> Prediction:
        """Decide about one text without blocking the event loop; errors as in a call.

        At most `threads` texts are computed at once, for all event loops together; others wait.
        A cancelled text never starts, or ends by itself and is forgotten.
        """
        from asyncio import get_running_loop

        pool = self._inference.pool()
        return await get_running_loop().run_in_executor(pool, self._one_of_many, text)

    def _one_of_many(self, text: str) -> Prediction:
        return self._decided(self._inference.one(text))

    @overload
    def predict(
        self, texts: Iterable[str], *, errors: Literal["raise"] = "raise"
    ) -> list[Prediction]: ...
    @overload
    def predict(
        self, texts: Iterable[str], *, errors: Literal["collect"]
    ) -> list[Prediction | LimenError]: ...
    def predict(
        self, texts: Iterable[str], *, errors: Errors = "raise"
    ) -> list[Prediction] | list[Prediction | LimenError]:
        """Decide about texts, in order; equal texts are computed once.

        Args:
            texts: any number; an empty list gives an empty list.
            errors: `raise` the error of the first text that cannot be decided, or `collect` it in
                the place of its prediction.

        Raises:
            InputError: `texts` is a str, or `errors` is neither; a text is not a str or holds lone
                surrogates.
            EngineError: onnxruntime or tokenizers failed, or the model was closed.
        """
        go_on = collects(errors)
        return list(self._in_order(listed(texts), 0, go_on=go_on))

    @overload
    def stream(
        self, texts: Iterable[str], *, errors: Literal["raise"] = "raise"
    ) -> Iterator[Prediction]: ...
    @overload
    def stream(
        self, texts: Iterable[str], *, errors: Literal["collect"]
    ) -> Iterator[Prediction | LimenError]: ...
    def stream(
        self, texts: Iterable[str], *, errors: Errors = "raise"
    ) -> Iterator[Prediction] | Iterator[Prediction | LimenError]:
        """Decide about any number of texts in constant memory, in order.

        A window of texts is taken from the source whenever the predictions of the one before are
        used up. Where a text or the source fails, the predictions of the texts before it come
        first. Arguments and errors as in `predict`.
        """
        refuse_one(texts)
        return self._streamed(texts, go_on=collects(errors))

    def scores(self, texts: Iterable[str]) -> FloatArray:
        """Return the scores: float32, (texts, labels), in [0, 1]; errors as in `predict`."""
        return scores_from_logits(self.logits(texts), self._decision)

    def logits(self, texts: Iterable[str]) -> FloatArray:
        """Return what the graph gives: float32, (texts, outputs); errors as in `predict`."""
        return self._inference.logits(listed(texts))

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
        return Model(self._inference, decision, chosen, repaired=self.repaired)

    def close(self) -> None:
        """Give the memory of the weights back. Every operating point of the file is closed with it;
        what is asked of one afterwards is an EngineError. Closing twice does nothing.
        """
        self._inference.close()

    def __enter__(self) -> "Model":
        """Return the model; the end of the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the model."""
        self.close()

    def _streamed(self, texts: Iterable[str], *, go_on: bool) -> Iterator[Prediction]:
        start = 0
        for window in windows(texts):
            yield from self._in_order(window, start, go_on=go_on)
            start += len(window)

    def _in_order(self, texts: list[str], start: int, *, go_on: bool) -> Iterator[Prediction]:
        """Yield a prediction for each text, or its error; without `go_on` raise the first one."""
        whole = self._inference.whole(texts)
        if whole is not None and all_finite(whole):
            yield from self._predictions(whole, [False] * len(whole), start)
            return
        outcomes = self._inference.many(texts, start, go_on=go_on)
        found = [one for one in outcomes if isinstance(one, TextLogits)]
        logits = self._stacked(found)
        if not all_finite(logits):
            outcomes = [_numbers(outcome, place) for place, outcome in enumerate(outcomes, start)]
            found = [one for one in outcomes if isinstance(one, TextLogits)]
            logits = self._stacked(found)
        decided = self._predictions(logits, [one.truncated for one in found], start)
        if len(decided) == len(outcomes):
            yield from decided
            return
        following = iter(decided)
        for outcome in outcomes:
            if isinstance(outcome, TextLogits):
                yield next(following)
            elif go_on:
                # What the caller's overload says is here: an error in a prediction's place.
                yield cast("Prediction", outcome)
            elif outcome is not None:
                raise outcome

    def _decided(self, found: TextLogits) -> Prediction:
        return self._predictions(found.logits[np.newaxis], [found.truncated], 0)[0]

    def _predictions(
        self, logits: FloatArray, truncated: Sequence[bool], start: int
    ) -> list[Prediction]:
        """Decide about texts, a few hundred at once, so that what is made stays in the caches."""
        made: list[Prediction] = []
        for first in range(0, len(logits), _DECIDED_TOGETHER):
            own = slice(first, first + _DECIDED_TOGETHER)
            scored = score(logits[own], self._decision, start + first)
            decided = decide(scored, self._decision, self.operating_point)
            made += predictions(self.labels, scored.scores, decided, truncated[own])
        return made

    def _stacked(self, found: Sequence[TextLogits]) -> FloatArray:
        """float32, (texts, outputs)."""
        if not found:
            return np.empty((0, self._decision.outputs), dtype=np.float32)
        return np.concatenate([one.logits for one in found]).reshape(len(found), -1)


def _numbers(outcome: Outcome, place: int) -> Outcome:
    """Return an error in the place of logits that are no numbers."""
    if not isinstance(outcome, TextLogits):
        return outcome
    try:
        check_finite(outcome.logits[np.newaxis], place)
    except EngineError as error:
        return error
    return outcome
