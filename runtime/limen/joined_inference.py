"""Texts to logits where a run may hold many texts, one behind another, of kind `tokens`."""

from collections.abc import Sequence

from limen.encoder import Encoded
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.inference import Inference, Placed, sizes
from limen.run_sizes import run_slices
from limen.text_logits import Outcome, TextLogits
from limen.text_runs import TextRuns


class JoinedInference(Inference):
    """As Inference, for a graph that tells texts apart: bulk calls encode and run in the caller's
    thread. Most of the time is the tokenizer's, which holds the interpreter's lock, so that a
    second thread would wait for the first, and cost more than it does meanwhile.
    """

    def _each(self, each: Sequence[Placed], *, go_on: bool) -> list[Outcome]:
        runs = self._groups
        if not isinstance(runs, TextRuns):
            return super()._each(each, go_on=go_on)
        found: list[Outcome] = []
        for piece in run_slices(sizes(each)):
            outcomes = self._piece(runs, each[piece])
            found += outcomes
            if not go_on and any(isinstance(one, LimenError) for one in outcomes):
                break
        return found + [None] * (len(each) - len(found))

    def _piece(self, runs: TextRuns, each: Sequence[Placed]) -> list[Outcome]:
        """Encode some texts, and run together those of one window."""
        found: list[Outcome] = []
        left: dict[int, Encoded] = {}
        for place, (text, index) in enumerate(each):
            try:
                one = self._encoded(text, index)
            except LimenError as error:
                found.append(error)
                continue
            found.append(None if isinstance(one, Encoded) else one)
            if isinstance(one, Encoded):
                left[place] = one
        together = [place for place, one in left.items() if not one.more]
        if len(together) > 1:
            try:
                with computing:
                    rows = runs.logits([left[place].feeds for place in together])
                for place, row in zip(together, rows, strict=True):
                    result = TextLogits(row, left.pop(place).truncated)
                    found[place] = self._kept(each[place][0], result)
            except EngineError:
                # Each text has its own answer, or its own error.
                pass
        for place, encoded in left.items():
            found[place] = self._alone(each[place][0], encoded)
        return found
