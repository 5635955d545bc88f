"""The texts of a run: their lengths, and the samples that processes are handed as files."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from limen.encoder import open_encoder, require_text
from limen.errors import InputError
from limen.format import ClassifierFile, EncoderBlock

from limen_bench.measuring import SampleFiles
from limen_bench.settings import BenchSettings, BenchTexts
from limen_bench.tasks.one_at_a_time import LENGTHS
from limen_bench.tasks.task import LengthUnit, Sample

_MEASURED = 2_000


@dataclass(frozen=True)
class Lengths:
    """How long the texts of a run are.

    Attributes:
        unit: what is counted.
        counts: of each text, in order.
    """

    unit: LengthUnit
    counts: tuple[int, ...]


def text_lengths(file: ClassifierFile, texts: Sequence[str]) -> Lengths:
    """Return the length of each text in the file's own tokens, or in characters where the file
    counts words or characters: how many features a text has says little of what it takes to find
    them.

    Raises:
        InputError: as `token_counts`, for a file that reads tokens; else a text with lone
            surrogates.
        EngineError: as `token_counts`.
    """
    if isinstance(file.metadata.encoder, EncoderBlock):
        return Lengths("tokens", token_counts(file, texts))
    for place, text in enumerate(texts):
        require_text(text, place)
    return Lengths("characters", tuple(map(len, texts)))


def token_counts(file: ClassifierFile, texts: Iterable[str]) -> tuple[int, ...]:
    """Return the tokens of each text as the file's own encoder sees it, after truncation.

    Raises:
        InputError: the file reads no tokens; a text holds lone surrogates, or is read in several
            windows: no rival does that.
        EngineError: a text cannot be encoded.
    """
    encoder = open_encoder(file.metadata.token_encoder)
    counts = []
    for place, text in enumerate(texts):
        encoded = encoder.encode(text, place)
        if encoded.more:
            raise InputError(
                f"text {place} ({len(text):,} characters) is read in {1 + len(encoded.more):,} "
                "windows, and rivals truncate it; measure on texts that fit, or a file exported "
                "without --windows"
            )
        counts.append(encoded.tokens)
    return tuple(counts)


def write_samples(
    settings: BenchSettings, lengths: Lengths, file: ClassifierFile, folder: Path
) -> SampleFiles:
    """Write the samples of a run into an existing folder."""
    every = Sample(settings.texts.texts, lengths.counts)
    measured = every.spread(_MEASURED)
    count = len(lengths.counts)
    places = np.random.default_rng(0).permutation(count)[: settings.checked]
    middle = every.take(np.argsort(np.array(lengths.counts), kind="stable")[count // 2 :][:1])
    return SampleFiles(
        measured=_written(folder / "measured.json", measured),
        checked=_written(folder / "checked.json", every.take(places)),
        every=_written(folder / "every.json", every),
        first_text=middle.texts[0],
        lengths=measured.lengths,
        unit=lengths.unit,
        places=tuple(int(place) for place in places),
        max_tokens=file.metadata.encoder.max_tokens,
    )


def describe_texts(texts: BenchTexts, lengths: Lengths) -> dict[str, object]:
    """Describe texts for the row of a run: name, counts, unit of lengths, mean length, and the
    histogram as [from, to, texts] in that unit.
    """
    counts = np.array(lengths.counts)
    bins = []
    # Every text has a token; one of no characters is a text as well.
    lower = 1 if lengths.unit == "tokens" else 0
    for upper in LENGTHS:
        bins.append([lower, upper, int(((counts >= lower) & (counts <= upper)).sum())])
        lower = upper + 1
    while bins and bins[-1][2] == 0:
        bins.pop()
    return {
        "name": texts.name,
        "count": len(counts),
        "distinct": len(set(texts.texts)),
        "labelled": texts.truth is not None,
        "unit": lengths.unit,
        f"mean_{lengths.unit}": round(float(counts.mean()), 2),
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
    # "tokens", whatever they count: the exporter writes such files for the worker as well.
    content = {"texts": sample.texts, "tokens": sample.lengths}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
