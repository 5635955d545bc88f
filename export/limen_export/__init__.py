"""limen's exporter: from a trained model to one classifier file. Needs the extra `limen[export]`.

from limen_export import ExportSettings, export
report = export("my-checkpoint", Path("model.onnx"), ExportSettings())
"""

from pathlib import Path
from typing import TYPE_CHECKING

from limen.extras import require

require("export", ("torch", "transformers", "onnx", "onnxscript", "safetensors", "sklearn"))

from limen_export.settings import ExportSettings  # noqa: E402  (the gate comes first)

if TYPE_CHECKING:
    from limen_export.report import ExportReport

__all__ = ["ExportSettings", "export"]


def export(source: object, output: Path, settings: ExportSettings) -> "ExportReport":
    """Turn a trained classifier into a classifier file; see `limen_export.pipeline.export`."""
    # torch takes seconds to import; `limen export --help` should not wait for it.
    from limen_export.pipeline import export as run

    return run(source, output, settings)
