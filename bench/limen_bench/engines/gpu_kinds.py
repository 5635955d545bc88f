"""Engines that compute on a GPU: what stands beside a file that was made for one."""

from limen_bench.engines.engine_kind import EngineKind

_BATCHES = (1, 16, 64, 256, 1024)
"""Of a sweep; on a GPU large batches pay."""
GPU_KINDS = (
    EngineKind(
        name="torch-cuda-fp32",
        title="transformers on torch, CUDA, fp32",
        module="limen_bench.engines.torch_pipeline",
        precision="fp32",
        distributions=("transformers", "torch"),
        set_up="as torch-fp32, with device='cuda'",
        device="cuda",
        exact=True,
        batches=_BATCHES,
        usual_batch=256,
    ),
    EngineKind(
        name="torch-cuda-fp16",
        title="transformers on torch, CUDA, fp16",
        module="limen_bench.engines.torch_pipeline",
        precision="fp16",
        distributions=("transformers", "torch"),
        set_up=(
            "as torch-fp32, with device='cuda', dtype=torch.float16: "
            "https://huggingface.co/docs/transformers/pipeline_tutorial"
        ),
        device="cuda",
        usual=True,
        batches=_BATCHES,
        usual_batch=256,
    ),
    EngineKind(
        name="torch-loop-fp16",
        title="transformers' model called in batches, CUDA, fp16",
        module="limen_bench.engines.torch_loop",
        precision="fp16",
        distributions=("transformers", "torch"),
        set_up=(
            "no pipeline: tokenizer(texts, padding=True) of a batch on all cores, "
            "model(**batch) with attention sdpa, logits of all batches copied at the end: "
            "https://huggingface.co/docs/transformers/perf_infer_gpu_one"
        ),
        device="cuda",
        batches=_BATCHES,
        usual_batch=256,
    ),
)
