"""limen's exporter: from a trained model to one classifier file. Needs the extra `limen[export]`.

from limen_export import ExportSettings, export
report = export("my-checkpoint", Path("model.onnx"), ExportSettings())
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limen.errors import InputError
from limen.extras import EXPORTING, require

require("export", EXPORTING)

from limen_export.settings import ExportSettings  # noqa: E402  (the gate comes first)
from limen_export.sources.composing import Composition, compose  # noqa: E402

if TYPE_CHECKING:
    from limen.format import Rule

    from limen_export.report import ExportReport
    from limen_export.sources.given_module import GivenTokenizer

__all__ = ["Composition", "ExportSettings", "compose", "export"]

_USUAL = ExportSettings()


def export(
    source: object,
    output: Path,
    settings: ExportSettings = _USUAL,
    *,
    tokenizer: "GivenTokenizer | None" = None,
    labels: Sequence[str] | None = None,
    rule: "Rule | None" = None,
) -> "ExportReport":
    """Turn a trained classifier into a classifier file; see `limen_export.pipeline.export`.

    Args:
        source: a folder, a file or a hub name; what `compose` gives; a fitted pipeline of
            scikit-learn; or any module from ids, int64 (texts, tokens), to logits, float32 (texts,
            outputs), in evaluation mode on the CPU.
        output: where the file goes.
        settings: precision, thresholds, texts and overrides.
        tokenizer: of a module: a fast one of transformers, one of the tokenizers library, or a
            folder.
        labels: of a module: names of its outputs, in order.
        rule: of a module: how scores become labels; None takes multi-class, and says so.

    Raises:
        ExportError: the source cannot become a classifier file, or the result does not agree
            with it.
        InputError: thresholds, texts, tokenizer or labels that cannot be used.
        OutputError: `output` cannot be written.
    """
    # torch takes seconds to import; `limen export --help` should not wait for it.
    from torch import nn

    from limen_export.pipeline import export as run

    if not isinstance(source, nn.Module):
        if any(given is not None for given in (tokenizer, labels, rule)):
            raise InputError(
                "tokenizer, labels and rule are those of a module; of another source they are "
                "fields of ExportSettings, or its own"
            )
        return run(source, output, settings)
    from limen_export.sources.given_module import given_module

    return run(given_module(source, tokenizer, labels, rule), output, settings)
