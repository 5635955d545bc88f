"""What switching off the SkipLayerNormalization fusions is worth, in fp32 and int8."""

import os
from dataclasses import replace
from pathlib import Path

from limen.progress import progress
from limen.text_files import read_texts
from limen_bench.engines.table import engine_kind
from limen_bench.run import run_bench
from limen_bench.settings import BenchSettings, BenchTexts, Patience
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts
from subjects import Subject

_HERE = Path(__file__).resolve().parent
_ROUNDS = 9


def measure_fusions(subject: Subject, folder: Path, output: Path) -> None:
    """Measure limen against limen with onnxruntime's default fusions, for both precisions.

    Args:
        subject: a checkpoint and its texts.
        folder: for the two files.
        output: rows are added there.
    """
    texts = tuple(read_texts(subject.texts))
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(_HERE), os.environ.get("PYTHONPATH")])
    )
    limen = engine_kind("limen")
    default = replace(
        limen,
        name="default-fusions",
        title="onnxruntime's default fusions",
        module="default_fusions",
    )
    for precision in ("fp32", "int8"):
        file = folder / f"{subject.name}-{precision}.onnx"
        compared = NamedTexts(subject.texts.name, texts[:100])
        export(str(subject.checkpoint), file, ExportSettings(precision=precision, texts=compared))
        settings = BenchSettings(
            file=file,
            texts=BenchTexts(subject.texts.name, texts),
            engines=(limen, default),
            measures=("cold", "one", "bulk"),
            rounds=_ROUNDS,
            sweep=False,
            patience=Patience(timed=2.0),
        )
        run_bench(settings, output, progress())
