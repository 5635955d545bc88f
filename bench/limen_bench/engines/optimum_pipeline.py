"""Optimum ONNX Runtime: its model in transformers' pipeline, in fp32 and in int8."""

import torch
from onnxruntime import SessionOptions
from optimum.onnxruntime import ORTModelForSequenceClassification
from transformers import AutoTokenizer, pipeline

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.pipeline_engine import PipelineEngine

_QUANTIZED = "optimum-int8"


def prepare(job: OpenJob) -> None:
    """Export the checkpoint, and quantise it where the engine is the int8 one."""
    # The exporter is no part of what is measured, so neither is its import.
    from limen_bench.engines.optimum_export import export

    export(job, quantized=job.name == _QUANTIZED)
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the folder that `prepare` wrote into a pipeline."""
    decider = Decider(job.folder)
    torch.set_num_threads(job.threads)
    options = SessionOptions()
    options.intra_op_num_threads = job.threads
    model = ORTModelForSequenceClassification.from_pretrained(
        job.folder,
        file_name="model_quantized.onnx" if job.name == _QUANTIZED else "model.onnx",
        provider="CPUExecutionProvider",
        session_options=options,
    )
    pipe = pipeline(
        "text-classification",
        model=model,
        tokenizer=AutoTokenizer.from_pretrained(job.folder),
        batch_size=job.batch,
        top_k=None,
        truncation=True,
        max_length=decider.max_tokens,
    )
    return PipelineEngine(pipe, decider)
