"""Which merges of a BPE model make given pieces.

BPE joins the adjacent pair of lowest rank until no pair is left. A piece that stands in the result
was joined by merges inside it only, in the order in which they would join it alone. So a text keeps
its segmentation under any subset of the merges that holds those that join each of its pieces alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from limen_export.vocabulary.tokenizer_json import JsonObject

Pair = tuple[str, str]


@dataclass(frozen=True)
class Joining:
    """The merges of a BPE model.

    Attributes:
        ranks: place of each pair in the list; the lowest is joined first.
        joined: what each pair becomes.
        pairs: the pairs that become a piece, by piece.
        prefix: stands before every symbol that does not begin a word ("" for none).
        suffix: stands behind the symbol that ends a word ("" for none).
    """

    ranks: dict[Pair, int]
    joined: dict[Pair, str]
    pairs: dict[str, list[Pair]]
    prefix: str
    suffix: str

    @classmethod
    def of(cls, model: JsonObject) -> "Joining":
        """Read the merges from the model's JSON, as pairs."""
        prefix: str = model["continuing_subword_prefix"] or ""
        ranks = {(left, right): place for place, (left, right) in enumerate(model["merges"])}
        joined = {(left, right): left + right[len(prefix) :] for left, right in ranks}
        pairs: dict[str, list[Pair]] = {}
        for pair, piece in joined.items():
            pairs.setdefault(piece, []).append(pair)
        return cls(ranks, joined, pairs, prefix, model["end_of_word_suffix"] or "")

    def needed(self, pieces: Iterable[str]) -> set[Pair]:
        """Return every pair that joins one of the pieces, down to single symbols."""
        found: set[Pair] = set()
        waiting = list(pieces)
        seen = set(waiting)
        while waiting:
            piece = waiting.pop()
            used = self._joins(piece)
            # A piece that its characters do not lead to may still be made of others than
            # characters (byte pieces): then every way to it stays, and its parts are looked at.
            for pair in self.pairs.get(piece, ()) if used is None else used:
                found.add(pair)
                parts = {*pair} - seen
                seen |= parts
                waiting += parts
        return found

    def _joins(self, piece: str) -> set[Pair] | None:
        """Pairs joined on the way from characters to a piece; None where none leads there."""
        reached = [used for symbols in self._symbols(piece) if (used := self._join(symbols, piece))]
        if any(len(symbols) == 1 for symbols in self._symbols(piece)):
            reached.append(set())
        return set().union(*reached) if reached else None

    def _join(self, symbols: list[str], piece: str) -> set[Pair]:
        used = set()
        none = len(self.ranks)
        while len(symbols) > 1:
            pairs = list(pairwise(symbols))
            rank, place = min((self.ranks.get(pair, none), at) for at, pair in enumerate(pairs))
            if rank == none:
                return set()
            used.add(pairs[place])
            symbols[place : place + 2] = [self.joined[pairs[place]]]
        return used if symbols == [piece] else set()

    def _symbols(self, piece: str) -> list[list[str]]:
        """The symbols that a piece may begin from: inside a word or at its beginning, at its end or
        not.
        """
        ways = []
        for prefix in {"", self.prefix}:
            for suffix in {"", self.suffix}:
                if piece.startswith(prefix) and piece.endswith(suffix):
                    body = piece[len(prefix) : len(piece) - len(suffix)]
                    symbols = [self.prefix + symbol for symbol in body]
                    if symbols:
                        symbols[0] = prefix + body[0]
                        symbols[-1] += suffix
                        ways.append(symbols)
        return ways
