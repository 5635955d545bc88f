"""A checkpoint to the ONNX folder that Optimum makes of it, in fp32 or in int8."""

import platform
import warnings
from pathlib import Path
from typing import Any

from optimum.onnxruntime import ORTModelForSequenceClassification, ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig

from limen_bench.engines.checkpoint import read_tokenizer
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.source_folder import source_folder

_GRAPH = "model.onnx"
_FLAGS = Path("/proc/cpuinfo")


def export(job: OpenJob, *, quantized: bool) -> None:
    """Write graph, config and tokenizer into the job's folder."""
    with warnings.catch_warnings():
        # The tracer warns of constants in transformers' masks; the logits are compared afterwards.
        warnings.simplefilter("ignore")
        model = ORTModelForSequenceClassification.from_pretrained(source_folder(job), export=True)
    model.save_pretrained(job.folder)
    read_tokenizer(job).save_pretrained(job.folder)
    if quantized:
        quantizer = ORTQuantizer.from_pretrained(job.folder, file_name=_GRAPH)
        quantizer.quantize(quantization_config=_for_this_cpu(), save_dir=job.folder)
        # What is not needed to decide is not to be counted as the engine's size.
        (job.folder / _GRAPH).unlink()


def _for_this_cpu() -> Any:  # noqa: ANN401
    """Choose among the configurations that Optimum names after instruction sets."""
    if platform.machine() in ("aarch64", "arm64"):
        return AutoQuantizationConfig.arm64(is_static=False, per_channel=False)
    flags = _FLAGS.read_text(encoding="utf-8") if _FLAGS.exists() else ""
    if "avx512_vnni" in flags:
        return AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=False)
    return AutoQuantizationConfig.avx2(is_static=False, per_channel=False)
