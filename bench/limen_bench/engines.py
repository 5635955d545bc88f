"""The engines that can be measured, each behind the same door; a library is imported only when its
engine is asked for.
"""

from pathlib import Path
from typing import Protocol

from limen.errors import InputError
from limen.model import load


class Engine(Protocol):
    """Decides about one text."""

    def decide(self, text: str) -> object:
        """Do all the work that a user waits for: from the text to the labels."""
        ...


class LimenEngine:
    """A classifier file through limen's runtime."""

    def __init__(self, model: Path) -> None:
        """Load the file."""
        self._model = load(model)

    def decide(self, text: str) -> object:
        """Decide through `model(text)`."""
        return self._model(text)


class TorchEngine:
    """A checkpoint through transformers' text-classification pipeline on torch, fp32, on the
    CPU.
    """

    def __init__(self, model: Path) -> None:
        """Load the folder."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

        folder = str(model)
        classifier = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._pipeline = pipeline(
            "text-classification",
            model=classifier.eval(),
            tokenizer=tokenizer,
            device="cpu",
            top_k=None,
        )

    def decide(self, text: str) -> object:
        """Decide as a user of the pipeline does."""
        scores: object = self._pipeline(text, truncation=True)
        return scores


ENGINES: dict[str, type[LimenEngine] | type[TorchEngine]] = {
    "limen": LimenEngine,
    "torch": TorchEngine,
}


def open_engine(name: str, model: Path) -> Engine:
    """Open an engine.

    Raises:
        InputError: no engine of that name.
    """
    if name not in ENGINES:
        raise InputError(f"engine {name!r}; expected one of {', '.join(ENGINES)}")
    return ENGINES[name](model)
