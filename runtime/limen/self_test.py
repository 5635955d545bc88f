"""The self-test of a loaded file: its golden texts must give the ids and logits it promises."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from limen.encoder import Encoded, Encoder
from limen.engine import Engine
from limen.errors import EngineError
from limen.format import ClassifierFile, Golden
from limen.processor import read_processor

LARGEST_OVER_TOLERANCE = 10.0
"""How far beyond the tolerance a single text may be. One activation that rounds the other way can
move one text a good way; what saturates moves most of them (docs/self_test.md)."""

_ADVICE = {"cuda": "load a file for the CPU, or export it for cuda in fp32"}


@dataclass(frozen=True)
class Deviation:
    """How far golden texts are from their logits; infinite where a logit is not finite.

    Attributes:
        typical: the least bound that more than half of the texts keep.
        largest: that of the worst text.
        worst: index of that text.
    """

    typical: float
    largest: float
    worst: int

    def within(self, tolerance: float) -> bool:
        """Whether more than half of the texts are within it, all within ten times of it, and no
        logit was NaN or infinite.
        """
        most = LARGEST_OVER_TOLERANCE * tolerance
        return self.typical <= tolerance and self.largest <= most and isfinite(self.largest)


def tested_engine(file: ClassifierFile, encoder: Encoder, engine: Engine) -> tuple[Engine, bool]:
    """Run the golden texts, and repair an int8 engine that does not give their logits.

    Without VNNI an x86 processor sums pairs of 8-bit products in 16 bits, which saturates.
    onnxruntime can make the signed weights unsigned, which its kernels then sum exactly; it does so
    only when a session opens at extended level, so the file is opened again.

    Args:
        file: the file that was opened.
        encoder: its encoder.
        engine: a session of it.

    Returns:
        An engine that passes, and whether it is another one than the one given.

    Raises:
        EngineError: other ids than promised, or other logits, also after the repair.
    """
    golden, precision = file.metadata.golden, file.metadata.execution.precision
    first = deviation(golden, encoder, engine, file.name)
    if first.within(golden.tolerance):
        return engine, False
    if engine.device != "cpu":
        advice = _ADVICE.get(engine.device, "load it with device='cpu', or export the model again")
        raise EngineError(_refusal(file, engine, first, advice))
    if not precision.startswith("int8"):
        raise EngineError(_refusal(file, engine, first, "export the model again on this machine"))
    repaired = Engine(
        file.data, file.name, file.metadata.decision.outputs, engine.device, "unsigned_weights"
    )
    second = deviation(golden, encoder, repaired, file.name)
    if second.within(golden.tolerance):
        return repaired, True
    advice = "use the fp32 file, or export the model again on this machine"
    raise EngineError(_refusal(file, engine, second, advice, ", also with unsigned weights"))


def deviation(golden: Golden, encoder: Encoder, engine: Engine, name: str) -> Deviation:
    """Run golden texts and compare.

    Args:
        golden: texts with what they must give.
        encoder: the file's encoder.
        engine: a session of the file.
        name: the file's name, for messages.

    Returns:
        The deviation of the logits; none without texts.

    Raises:
        EngineError: a text gives other ids.
    """
    feeds = []
    for index, text in enumerate(golden.texts):
        encoded = encoder.encode(text, index)
        feeds.append(encoded.feeds)
        if encoded.ids != list(golden.ids[index]):
            raise EngineError(f"{name}: golden text {index} gives {_other_ids(encoded)}")
    differences = []
    for row, expected in zip(engine.each(feeds), golden.logits, strict=True):
        difference = np.abs(row - np.array(expected, dtype=np.float64)).max()
        differences.append(float(difference) if np.isfinite(difference) else np.inf)
    return deviation_of(differences)


def _other_ids(encoded: Encoded) -> str:
    if "input_ids" in encoded.feeds:
        return (
            "other token ids than when the file was made; "
            "another version of tokenizers may be installed: export again with this one"
        )
    return (
        "other features than when the file was made; this Python may have another version of "
        "Unicode: export again with this one"
    )


def deviation_of(differences: list[float]) -> Deviation:
    """Sum up the largest logit difference of each text (not NaN)."""
    if not differences:
        return Deviation(0.0, 0.0, 0)
    ordered = sorted(differences)
    return Deviation(ordered[len(ordered) // 2], ordered[-1], differences.index(ordered[-1]))


def _refusal(
    file: ClassifierFile, engine: Engine, found: Deviation, advice: str, tried: str = ""
) -> str:
    tolerance = file.metadata.golden.tolerance
    where = read_processor().name if engine.device == "cpu" else engine.device
    return (
        f"{file.name}: golden text {found.worst}: a logit is off by {found.largest:.4g}, and half "
        f"of the texts by {found.typical:.4g} or more{tried}; allowed are "
        f"{LARGEST_OVER_TOLERANCE * tolerance:.4g} in one text and {tolerance:.4g} in most: "
        f"{where} with {engine.backend} does not compute what the file promises; "
        f"{advice}"
    )
