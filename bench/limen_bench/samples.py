"""The texts of a run: their lengths, and the samples that processes are handed as files."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from limen.encoder import open_encoder
from limen.errors import InputError
from limen.format import ClassifierFile

from limen_bench.measuring import SampleFiles
from limen_bench.settings import BenchSettings, BenchTexts
from limen_bench.tasks.one_at_a_time import LENGTHS
from limen_bench.tasks.task import Sample

_MEASURED = 2_000


def token_counts(file: ClassifierFile, texts: Iterable[str]) -> tuple[int, ...]:
    """Return the length of each text as the file's own encoder sees it, after truncation: tokens,
    or whatever its longest feed holds.

    Raises:
        InputError: a text holds lone surrogates, or is read in several windows: no rival does that.
        EngineError: a text cannot be encoded.
    """
    encoder = open_encoder(file.metadata.encoder)
    counts = []
    for place, text in enumerate(texts):
        encoded = encoder.encode(text, place)
        if encoded.more:
            raise InputError(
                f"text {place} ({len(text):,} characters) is read in {1 + len(encoded.more):,} "
                "windows, and rivals truncate it; measure on texts that fit, or a file exported "
                "without --windows"
            )
        counts.append(max(int(feed.size) for feed in encoded.feeds.values()))
    return tuple(counts)


def write_samples(
    settings: BenchSettings, tokens: tuple[int, ...], file: ClassifierFile, folder: Path
) -> SampleFiles:
    """Write the samples of a run into an existing folder; `tokens` are the lengths of its texts."""
    every = Sample(settings.texts.texts, tokens)
    measured = every.spread(_MEASURED)
    places = np.random.default_rng(0).permutation(len(tokens))[: settings.checked]
    middle = every.take(np.argsort(np.array(tokens), kind="stable")[len(tokens) // 2 :][:1])
    return SampleFiles(
        measured=_written(folder / "measured.json", measured),
        checked=_written(folder / "checked.json", every.take(places)),
        every=_written(folder / "every.json", every),
        first_text=middle.texts[0],
        tokens=measured.tokens,
        places=tuple(int(place) for place in places),
        max_tokens=file.metadata.token_encoder.max_tokens,
    )


def describe_texts(texts: BenchTexts, tokens: tuple[int, ...]) -> dict[str, object]:
    """Describe texts for the row of a run: name, counts, mean length, and the histogram as
    [tokens from, tokens to, texts].
    """
    lengths = np.array(tokens)
    bins = []
    lower = 1
    for upper in LENGTHS:
        bins.append([lower, upper, int(((lengths >= lower) & (lengths <= upper)).sum())])
        lower = upper + 1
    while bins and bins[-1][2] == 0:
        bins.pop()
    return {
        "name": texts.name,
        "count": len(tokens),
        "distinct": len(set(texts.texts)),
        "labelled": texts.truth is not None,
        "mean_tokens": round(float(lengths.mean()), 2),
        "histogram": bins,
    }


def check_texts(texts: BenchTexts) -> None:
    """Refuse texts that nothing can be measured on.

    Raises:
        InputError: there is none, or labels are for another number of texts.
    """
    if not texts.texts:
        raise InputError(f"{texts.name}: no text; expected at least one")
    if texts.truth is not None and len(texts.truth) != len(texts.texts):
        raise InputError(
            f"{texts.name}: labels for {len(texts.truth):,} of {len(texts.texts):,} texts"
        )


def _written(path: Path, sample: Sample) -> Path:
    content = {"texts": sample.texts, "tokens": sample.tokens}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
