"""transformers on torch: the pipeline that most users start from, on the CPU in fp32, in bf16,
compiled, and on a GPU in fp32 and fp16.
"""

import torch
from transformers import pipeline

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.pipeline_engine import PipelineEngine
from limen_bench.engines.source_folder import source_folder

_CPU, _CUDA = "cpu", "cuda"
_OPENED = {
    "torch-fp32": (_CPU, torch.float32),
    "torch-bf16": (_CPU, torch.bfloat16),
    "torch-compile": (_CPU, torch.float32),
    "torch-cuda-fp32": (_CUDA, torch.float32),
    "torch-cuda-fp16": (_CUDA, torch.float16),
}


def prepare(job: OpenJob) -> None:
    """Keep the decision; torch reads the checkpoint itself."""
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the checkpoint into a pipeline."""
    decider = Decider(job.folder)
    device, dtype = _OPENED[job.name]
    torch.set_num_threads(job.threads)
    pipe = pipeline(
        "text-classification",
        model=source_folder(job),
        dtype=dtype,
        device=device,
        batch_size=job.batch,
        top_k=None,
        truncation=True,
        max_length=decider.max_tokens,
    )
    if job.name == "torch-compile":
        # In place, so that the pipeline still sees its model. Compiled at the first call.
        pipe.model.compile(dynamic=True)
    return PipelineEngine(pipe, decider)
