"""transformers on torch: the pipeline that most users start from, in fp32, in bf16, compiled."""

import torch
from transformers import pipeline

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.pipeline_engine import PipelineEngine
from limen_bench.engines.source_folder import source_folder


def prepare(job: OpenJob) -> None:
    """Keep the decision; torch reads the checkpoint itself."""
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the checkpoint into a pipeline."""
    decider = Decider(job.folder)
    torch.set_num_threads(job.threads)
    pipe = pipeline(
        "text-classification",
        model=source_folder(job),
        dtype=torch.bfloat16 if job.name == "torch-bf16" else torch.float32,
        device="cpu",
        batch_size=job.batch,
        top_k=None,
        truncation=True,
        max_length=decider.max_tokens,
    )
    if job.name == "torch-compile":
        # In place, so that the pipeline still sees its model. Compiled at the first call.
        pipe.model.compile(dynamic=True)
    return PipelineEngine(pipe, decider)
