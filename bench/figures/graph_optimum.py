"""The graph that Optimum's exporter and ORTQuantizer make of a checkpoint, int8 per channel: a
module for a process in Optimum's environment.
"""

from limen_bench.engines.engine import OpenJob

QUANTISED = "model_quantized.onnx"


def prepare(job: OpenJob) -> None:
    """Export as the bench's own Optimum engines do; quantise per channel, where they follow
    Optimum's documentation and quantise per tensor.
    """
    from limen_bench.engines.optimum_export import export
    from optimum.onnxruntime import ORTQuantizer
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    export(job, quantized=False)
    quantizer = ORTQuantizer.from_pretrained(job.folder, file_name="model.onnx")
    config = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    quantizer.quantize(quantization_config=config, save_dir=job.folder)
