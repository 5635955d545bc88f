"""Text to features: looked up by the analysers, counted and weighted as scikit-learn does."""

from collections.abc import Sequence

import numpy as np

from limen.arrays import Feeds, IntArray, WideArray
from limen.encoder import Encoded, require_text
from limen.format import TfidfBlock, Vectoriser, Weighting
from limen.tfidf.analysis import lookup

_ONE = np.ones(1, np.int64)
_ONE.flags.writeable = False


class TfidfEncoder:
    """The encoder of kind `tfidf`: it reads texts whole and pads nothing."""

    def __init__(self, block: TfidfBlock) -> None:
        """Build the analysers."""
        self._parts = block.parts
        self._lookups = [lookup(part) for part in block.parts]
        sizes = [part.features for part in block.parts]
        self._starts = [sum(sizes[:place]) for place in range(len(sizes))]
        self._weightings = block.weightings

    def encode(self, text: str, index: int = 0) -> Encoded:
        """Encode a text; see `feeds`.

        Raises:
            InputError: not a str, or it holds lone surrogates.
        """
        require_text(text, index)
        return Encoded(self.feeds([text]), truncated=False)

    def feeds(self, texts: Sequence[str]) -> Feeds:
        """Encode texts of valid Unicode.

        Every number of a text comes from its own features, in their order, so it has the same bits
        alone and among others.

        Returns:
            `indices`: int64, (features,): which features the texts hold, those of a vectoriser by
            text and rising in each. `values`: float32, (features,). `rows`: int64, (features,):
            the text, from 0, of each. `texts`: int64, (1,): how many.
        """
        parts = [
            _weighted(part, *found(texts), len(texts))
            for part, found in zip(self._parts, self._lookups, strict=True)
        ]
        if len(parts) == 1:
            indices, values, rows = parts[0]
        else:
            indices = np.concatenate(
                [start + own[0] for start, own in zip(self._starts, parts, strict=True)]
            )
            values = np.concatenate([own[1] for own in parts])
            rows = np.concatenate([own[2] for own in parts])
        for weighting in self._weightings:
            values = _reweighted(values, indices, rows, len(texts), weighting)
        return {
            "indices": indices,
            "values": values.astype(np.float32),
            "rows": rows,
            "texts": _ONE if len(texts) == 1 else np.array([len(texts)], dtype=np.int64),
        }


def _weighted(
    part: Vectoriser, features: IntArray, rows: IntArray, texts: int
) -> tuple[IntArray, WideArray, IntArray]:
    """Return indices in the part, values and rows."""
    indices, values, rows = _counted(part, features, rows, texts)
    for weighting in part.weightings:
        values = _reweighted(values, indices, rows, texts, weighting)
    return indices, values if part.scale == 1.0 else values * part.scale, rows


def _counted(
    part: Vectoriser, features: IntArray, rows: IntArray, texts: int
) -> tuple[IntArray, WideArray, IntArray]:
    """Count how often each feature occurs in each text, in the order of texts and features."""
    signs = None
    if part.vocabulary is not None:
        known = features >= 0
        features, rows = features[known], rows[known] if texts > 1 else rows
    elif part.alternate_sign:
        below = features < 0
        signs = np.where(below, -1.0, 1.0)
        features = np.where(below, ~features, features)
    else:
        features = features.copy()
    # One number for each pair of text and feature; 2^26 features leave room for 2^37 texts.
    pairs = features if texts == 1 else rows * part.features + features
    if not len(pairs):
        return pairs, np.empty(0), pairs
    if signs is None:
        pairs.sort()
    else:
        order = np.argsort(pairs, kind="stable")
        pairs, signs = pairs[order], signs[order]
    begins = np.empty(len(pairs), np.bool_)
    begins[0] = True
    np.not_equal(pairs[1:], pairs[:-1], out=begins[1:])
    firsts = begins.nonzero()[0]
    if part.binary:
        values = np.ones(len(firsts))
    elif signs is None:
        values = np.empty(len(firsts))
        values[:-1] = firsts[1:] - firsts[:-1]
        values[-1] = len(pairs) - firsts[-1]
    else:
        values = np.add.reduceat(signs, firsts)
    kept = pairs[firsts]
    if texts == 1:
        return kept, values, np.zeros(len(kept), np.int64)
    rows = kept // part.features
    return kept - rows * part.features, values, rows


def _reweighted(
    values: WideArray, indices: IntArray, rows: IntArray, texts: int, weighting: Weighting
) -> WideArray:
    """Apply what TfidfTransformer.transform does, in float64."""
    if weighting.sublinear:
        values = np.log(values) + 1.0
    if weighting.idf is not None:
        values = values * weighting.idf[indices]
    if weighting.norm == "none":
        return values
    if weighting.norm == "l2":
        norms = np.sqrt(np.bincount(rows, values * values, texts))
    elif weighting.norm == "l1":
        norms = np.bincount(rows, np.abs(values), texts)
    else:
        norms = np.zeros(texts)
        np.maximum.at(norms, rows, np.abs(values))
    divided: WideArray
    if texts == 1:
        divided = values / (norms.item(0) or 1.0)
    else:
        norms[norms == 0.0] = 1.0
        divided = values / norms[rows]
    return divided
