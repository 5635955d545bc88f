"""onnxruntime with padded batches, set up as fastembed sets it up, on the graph that Optimum
exports.
"""

from collections.abc import Iterable

import onnxruntime
from limen.arrays import FloatArray

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.padded_engine import PaddedEngine
from limen_bench.engines.tokens import PaddedBatch, PaddedTokens

_QUANTIZED = "padded-ort-int8"


def prepare(job: OpenJob) -> None:
    """Export the checkpoint with Optimum, and keep what the tokenizer needs to pad."""
    # What exports is no part of what is measured, so neither is its import.
    from limen_bench.engines.checkpoint import write_padded_tokenizer
    from limen_bench.engines.optimum_export import export

    export(job, quantized=job.name == _QUANTIZED)
    write_padded_tokenizer(job)
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Open the session and the tokenizer."""
    decider = Decider(job.folder)
    return PaddedEngine(job, decider, PaddedTokens(job.folder, decider), _Session(job))


class _Session:
    def __init__(self, job: OpenJob) -> None:
        file = "model_quantized.onnx" if job.name == _QUANTIZED else "model.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = job.threads
        self._session = onnxruntime.InferenceSession(
            str(job.folder / file), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {port.name for port in self._session.get_inputs()}

    def run(self, batch: PaddedBatch) -> FloatArray:
        feeds = {"input_ids": batch.ids, "attention_mask": batch.mask}
        if "token_type_ids" in self._inputs:
            feeds["token_type_ids"] = batch.types
        logits: FloatArray = self._session.run(None, feeds)[0]
        return logits

    def run_each(self, batches: Iterable[PaddedBatch]) -> list[FloatArray]:
        # As fastembed does unless asked for `parallel`: processes, each with a model of its own.
        return [self.run(batch) for batch in batches]
