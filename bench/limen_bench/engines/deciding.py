"""Logits or scores to labels as the classifier file decides, without opening that file.

A rival that read the whole classifier file would be charged for it: `prepare` leaves the few facts
that a user of the rival would keep beside the model, and the engine reads those.
"""

from itertools import compress
from pathlib import Path

import numpy as np
from limen.arrays import FloatArray
from limen.decision import Scored, decide, score
from limen.format import DecisionBlock, EncoderBlock, json_block, limits, read

from limen_bench.engines.engine import OpenJob

_FILE = "decision.json"


def write_decision(job: OpenJob) -> None:
    """Write what every rival decides by; `prepare` of each calls it.

    Raises:
        FormatError: the model is no classifier file.
    """
    metadata = read(job.model).metadata
    stored: dict[str, json_block.Json] = {"decision": metadata.decision.to_json()}
    if isinstance(metadata.encoder, EncoderBlock):
        stored["max_tokens"] = metadata.encoder.max_tokens
        stored["special_tokens_in_text"] = metadata.encoder.special_tokens_in_text
    (job.folder / _FILE).write_text(json_block.dump(stored), encoding="utf-8")


class Decider:
    """The rule, the labels and the default operating point of a classifier file.

    Attributes:
        link: what turns logits into scores, such as `softmax` or `sigmoid`.
        takes_linked: scores straight from the link decide: the file has no calibration.
        decision: the block itself.
        max_tokens: longest input in tokens, special tokens included, so that all truncate alike;
            0 where the file reads no tokens.
        special_tokens_in_text: a text that spells a special token gets that token; False where
            the file reads no tokens.
    """

    def __init__(self, folder: Path) -> None:
        """Read what `write_decision` wrote.

        Raises:
            FormatError: it is not what `write_decision` writes.
        """
        node = json_block.parse((folder / _FILE).read_text(encoding="utf-8"), _FILE)
        self.decision = DecisionBlock.from_json(node.node("decision"))
        self._point = self.decision.point(self.decision.default_point)
        self.link = self.decision.link
        self.takes_linked = self.decision.calibration is None
        self.max_tokens = 0
        self.special_tokens_in_text = False
        if "max_tokens" in node.keys():  # noqa: SIM118  (a Node offers no `in`)
            self.max_tokens = node.integer("max_tokens", 1, limits.MAX_TOKENS)
            self.special_tokens_in_text = node.boolean("special_tokens_in_text")

    def labels(self, logits: FloatArray) -> list[tuple[str, ...]]:
        """Decide about logits: float32, (texts, outputs)."""
        return self._chosen(score(logits, self.decision))

    def labels_from_linked(self, linked: FloatArray) -> list[tuple[str, ...]]:
        """Decide about logits that have been through the link: float32, (texts, outputs)."""
        if self.decision.outputs < len(self.decision.labels):
            linked = np.concatenate([1 - linked, linked], axis=1)
        return self._chosen(Scored(linked, linked))

    def _chosen(self, scored: Scored) -> list[tuple[str, ...]]:
        rows = decide(scored, self.decision, self._point).chosen.tolist()
        return [tuple(compress(self.decision.labels, row)) for row in rows]
