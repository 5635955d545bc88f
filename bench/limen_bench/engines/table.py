"""Every engine by name: which module opens it, in which Python, and how its documentation sets it
up.
"""

from limen.errors import InputError

from limen_bench.engines.engine_kind import BATCHES, EngineKind
from limen_bench.engines.gpu_kinds import GPU_KINDS

_OWN = "limen_bench.engines"
ENGINES: dict[str, EngineKind] = {
    kind.name: kind
    for kind in (
        EngineKind(
            name="limen",
            title="limen",
            module=f"{_OWN}.limen_file",
            precision="own",
            distributions=("limen",),
            set_up="limen.load(file, threads=N); model.predict(texts)",
            needs_source=False,
            concurrent=True,
            batches=(1,),
        ),
        EngineKind(
            name="limen-again",
            title="limen, once more (control)",
            module=f"{_OWN}.limen_file",
            precision="own",
            distributions=("limen",),
            set_up="the same as limen: how far its ratio is from 1 is what noise alone makes",
            needs_source=False,
            usual=True,
            concurrent=True,
            control=True,
            batches=(1,),
        ),
        EngineKind(
            name="raw-session",
            title="the file's graph alone",
            module=f"{_OWN}.raw_session",
            precision="own",
            distributions=("limen",),
            set_up="as limen opens it: no tokenizer, no decision",
            needs_source=False,
            batches=(1,),
        ),
        EngineKind(
            name="torch-fp32",
            title="transformers on torch, fp32",
            module=f"{_OWN}.torch_pipeline",
            precision="fp32",
            distributions=("transformers", "torch"),
            set_up=(
                "pipeline(batch_size=B, top_k=None, truncation=True), torch.set_num_threads(N): "
                "https://huggingface.co/docs/transformers/pipeline_tutorial"
            ),
            usual=True,
            exact=True,
        ),
        EngineKind(
            name="torch-bf16",
            title="transformers on torch, bf16",
            module=f"{_OWN}.torch_pipeline",
            precision="bf16",
            distributions=("transformers", "torch"),
            set_up=(
                "as torch-fp32, with dtype=torch.bfloat16: "
                "https://huggingface.co/docs/transformers/pipeline_tutorial"
            ),
        ),
        EngineKind(
            name="torch-compile",
            title="transformers on torch, compiled, fp32",
            module=f"{_OWN}.torch_pipeline",
            precision="fp32",
            distributions=("transformers", "torch"),
            set_up=(
                "as torch-fp32, with model.compile(dynamic=True), inductor: "
                "https://docs.pytorch.org/docs/stable/generated/torch.compile.html"
            ),
            exact=True,
        ),
        *GPU_KINDS,
        EngineKind(
            name="optimum-fp32",
            title="Optimum ONNX Runtime, fp32",
            module=f"{_OWN}.optimum_pipeline",
            precision="fp32",
            distributions=("optimum-onnx", "onnxruntime"),
            set_up=(
                "ORTModelForSequenceClassification in transformers' pipeline, "
                "intra_op_num_threads=N: "
                "https://huggingface.co/docs/optimum/onnxruntime/usage_guides/pipelines"
            ),
            python="optimum",
            exact=True,
        ),
        EngineKind(
            name="optimum-int8",
            title="Optimum ONNX Runtime, dynamic int8",
            module=f"{_OWN}.optimum_pipeline",
            precision="int8",
            distributions=("optimum-onnx", "onnxruntime"),
            set_up=(
                "as optimum-fp32; ORTQuantizer with AutoQuantizationConfig for the instruction set "
                "of the CPU, is_static=False, per_channel=False: "
                "https://huggingface.co/docs/optimum/onnxruntime/usage_guides/quantization"
            ),
            python="optimum",
        ),
        EngineKind(
            name="openvino-bf16",
            title="OpenVINO, bf16",
            module=f"{_OWN}.openvino_runtime",
            precision="bf16",
            distributions=("openvino", "tokenizers"),
            set_up=(
                "INFERENCE_PRECISION_HINT=bf16, INFERENCE_NUM_THREADS=N, dynamic shapes; hint "
                "LATENCY, filled CACHE_DIR for single runs; THROUGHPUT, AsyncInferQueue for bulk: "
                "https://docs.openvino.ai/2025/openvino-workflow/running-inference/"
                "optimize-inference/high-level-performance-hints.html"
            ),
            python="openvino",
        ),
        EngineKind(
            name="openvino-int8-dynamic",
            title="OpenVINO, static int8, dynamic shapes",
            module=f"{_OWN}.openvino_runtime",
            precision="int8",
            distributions=("openvino", "tokenizers"),
            set_up=(
                "as openvino-bf16, the precision left to OpenVINO; nncf.quantize with "
                "model_type=TRANSFORMER on 300 texts: https://docs.openvino.ai/2025/openvino-workflow/"
                "model-optimization-guide/quantizing-models-post-training/"
                "basic-quantization-flow.html"
            ),
            python="openvino",
        ),
        EngineKind(
            name="openvino-int8-buckets",
            title="OpenVINO, static int8, fixed lengths",
            module=f"{_OWN}.openvino_runtime",
            precision="int8",
            distributions=("openvino", "tokenizers"),
            set_up=(
                "as openvino-int8-dynamic; padded to 16, 32, 64, 128, 256 or the most tokens, a "
                "model compiled for each when it is first needed: "
                "https://docs.openvino.ai/latest/openvino_docs_OV_UG_NoDynamicShapes.html"
            ),
            python="openvino",
        ),
        EngineKind(
            name="ctranslate2",
            title="CTranslate2, int8",
            module=f"{_OWN}.ctranslate2_encoder",
            precision="int8",
            distributions=("ctranslate2", "tokenizers"),
            set_up=(
                "quantization=int8, compute_type=int8; for single runs intra_threads=N or 1, "
                "whichever is faster here; inter_threads=N for bulk; the head in numpy: "
                "https://github.com/OpenNMT/CTranslate2/blob/master/docs/performance.md"
            ),
            python="ctranslate2",
        ),
        EngineKind(
            name="padded-ort-fp32",
            title="onnxruntime, padded batches, fp32",
            module=f"{_OWN}.padded_ort",
            precision="fp32",
            distributions=("onnxruntime", "tokenizers"),
            set_up=(
                "as fastembed runs its models: padded to the longest of a batch, ORT_ENABLE_ALL, "
                "intra_op_num_threads=inter_op_num_threads=N; its default batch is 256: "
                "https://github.com/qdrant/fastembed/blob/main/fastembed/common/onnx_model.py"
            ),
            python="optimum",
            concurrent=True,
            exact=True,
            batches=(*BATCHES, 256),
        ),
        EngineKind(
            name="padded-ort-int8",
            title="onnxruntime, padded batches, dynamic int8",
            module=f"{_OWN}.padded_ort",
            precision="int8",
            distributions=("onnxruntime", "tokenizers"),
            set_up=(
                "as padded-ort-fp32, on the int8 file of optimum-int8: "
                "https://github.com/qdrant/fastembed/blob/main/fastembed/common/onnx_model.py"
            ),
            python="optimum",
            concurrent=True,
            batches=(*BATCHES, 256),
        ),
        EngineKind(
            name="scikit-learn",
            title="scikit-learn",
            module=f"{_OWN}.sklearn_pipeline",
            precision="fp32",
            distributions=("scikit-learn", "skops"),
            set_up=(
                "skops.io.load(file), assume_finite=True; the texts of a call together through the "
                "vectoriser, then decision_function or predict_proba: "
                "https://scikit-learn.org/stable/computing/computational_performance.html"
            ),
            made_from="sklearn",
            usual=True,
            exact=True,
            batches=(1,),
        ),
        EngineKind(
            name="model2vec",
            title="Model2Vec",
            module=f"{_OWN}.model2vec_pipeline",
            precision="fp32",
            distributions=("model2vec",),
            set_up=(
                "StaticModelPipeline.from_pretrained(folder), predict_proba(texts, batch_size=B), "
                "its default batch is 1,024: https://minish.ai/packages/model2vec/inference"
            ),
            python="model2vec",
            made_from="static",
            usual=True,
            exact=True,
            batches=(64, 256, 1024),
            usual_batch=1024,
        ),
    )
}

RIVALS = tuple(name for name in ENGINES if name not in ("limen", "raw-session"))
"""What can stand beside limen: what people would use instead, and the control."""


def engine_kind(name: str) -> EngineKind:
    """Return an engine's entry.

    Raises:
        InputError: no engine of that name.
    """
    if name not in ENGINES:
        raise InputError(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    return ENGINES[name]
