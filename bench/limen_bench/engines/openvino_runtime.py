"""OpenVINO on the CPU: padded batches of any shape, or padded further to a few fixed lengths."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import openvino as ov
from limen.arrays import FloatArray, IntArray

from limen_bench.engines.deciding import Decider
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.padded_engine import PaddedEngine, PaddedSession
from limen_bench.engines.tokens import PaddedBatch, PaddedTokens

_BUCKETS = "openvino-int8-buckets"
_LENGTHS = (16, 32, 64, 128, 256)
_LATENCY = "LATENCY"
_THROUGHPUT = "THROUGHPUT"


def prepare(job: OpenJob) -> None:
    """Convert the checkpoint, and let OpenVINO fill its cache of compiled models."""
    # What converts is no part of what is measured, so neither is its import.
    from limen_bench.engines.openvino_conversion import convert

    convert(job, quantized=job.name != "openvino-bf16")
    compiler = _Compiler(job)
    if job.name == _BUCKETS:
        for length in _lengths(Decider(job.folder).max_tokens):
            compiler.compile(_LATENCY, 1, length)
    else:
        compiler.compile(_LATENCY)


def open_engine(job: OpenJob) -> Engine:
    """Read the model; dynamic shapes are compiled now, fixed lengths when a text needs them."""
    decider = Decider(job.folder)
    tokens = PaddedTokens(job.folder, decider)
    compiler = _Compiler(job)
    session: PaddedSession
    if job.name == _BUCKETS:
        session = _Buckets(compiler, _lengths(decider.max_tokens), job.batch, tokens.pad_id)
    else:
        session = _AnyShape(compiler)
    return PaddedEngine(job, decider, tokens, session)


def _lengths(most: int) -> tuple[int, ...]:
    return (*(length for length in _LENGTHS if length < most), most)


class _Compiler:
    """Compiles the model for shapes and for a purpose."""

    def __init__(self, job: OpenJob) -> None:
        self._core = ov.Core()
        self._path = job.folder / "model.xml"
        self._properties: dict[str, Any] = {"INFERENCE_NUM_THREADS": job.threads}
        if job.name == "openvino-bf16":
            self._properties["INFERENCE_PRECISION_HINT"] = "bf16"
        # Beside the folder, since the folder's size is what a user ships.
        self._cache = job.folder.with_name(f"{job.folder.name}.cache")
        self._inputs: frozenset[str] = frozenset()

    def compile(self, hint: str, rows: int = 0, length: int = 0) -> Any:  # noqa: ANN401
        """Compile for up to `rows` texts of exactly `length` tokens, or for any shape."""
        # Read again each time, because `reshape` works in place; the weights stay mapped.
        model = self._core.read_model(self._path)
        self._inputs = frozenset(port.any_name for port in model.inputs)
        if rows:
            # One text has a static shape. More have a bounded number, which measured the same as a
            # static one and needs no filling up of the last batch.
            texts = ov.Dimension(1, rows) if rows > 1 else ov.Dimension(1)
            shape = ov.PartialShape([texts, ov.Dimension(length)])
            model.reshape(dict.fromkeys(self._inputs, shape))
        properties = {**self._properties, "PERFORMANCE_HINT": hint}
        if hint == _LATENCY and rows <= 1:
            # What a start waits for. A bulk model would be compiled by processes side by side, each
            # with a batch size of its own, and all writing.
            properties["CACHE_DIR"] = str(self._cache)
        return self._core.compile_model(model, "CPU", properties)

    def feeds(self, batch: PaddedBatch) -> dict[str, IntArray]:
        """Name the arrays that the model takes."""
        named = {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "token_type_ids": batch.types,
        }
        return {name: array for name, array in named.items() if name in self._inputs}


class _AnyShape:
    """Dynamic shapes: one model for single runs, and one with streams of its own for bulk."""

    def __init__(self, compiler: _Compiler) -> None:
        self._compiler = compiler
        self._request = compiler.compile(_LATENCY).create_infer_request()
        self._queue: Any = None

    def run(self, batch: PaddedBatch) -> FloatArray:
        self._request.infer(self._compiler.feeds(batch))
        return _logits(self._request)

    def run_each(self, batches: Iterable[PaddedBatch]) -> list[FloatArray]:
        if self._queue is None:
            # Not at the start: who decides about one text at a time never needs it.
            self._queue = _queue_for(self._compiler.compile(_THROUGHPUT))
        call = _BulkCall()
        for batch in batches:
            call.start(self._queue, self._compiler.feeds(batch))
        self._queue.wait_all()
        return call.in_order()


class _Buckets:
    """Static lengths: a model for each of a few lengths, compiled when a text first needs it."""

    def __init__(
        self, compiler: _Compiler, lengths: tuple[int, ...], rows: int, pad_id: int
    ) -> None:
        self._compiler = compiler
        self._lengths = lengths
        self._rows = rows
        self._pad_id = pad_id
        self._requests: dict[tuple[int, int], Any] = {}
        self._queues: dict[int, Any] = {}

    def run(self, batch: PaddedBatch) -> FloatArray:
        rows = 1 if len(batch.ids) == 1 else self._rows
        filled = self._filled(batch)
        key = rows, filled.ids.shape[1]
        if key not in self._requests:
            self._requests[key] = self._compiler.compile(_LATENCY, *key).create_infer_request()
        self._requests[key].infer(self._compiler.feeds(filled))
        return _logits(self._requests[key])

    def run_each(self, batches: Iterable[PaddedBatch]) -> list[FloatArray]:
        call = _BulkCall()
        working: Any = None
        for filled in map(self._filled, batches):
            queue = self._queue(filled.ids.shape[1])
            if working is not None and working is not queue:
                # Two models at work at once would keep twice the threads busy.
                working.wait_all()
            call.start(queue, self._compiler.feeds(filled))
            working = queue
        if working is not None:
            working.wait_all()
        return call.in_order()

    def _queue(self, length: int) -> Any:  # noqa: ANN401
        if length not in self._queues:
            compiled = self._compiler.compile(_THROUGHPUT, self._rows, length)
            self._queues[length] = _queue_for(compiled)
        return self._queues[length]

    def _filled(self, batch: PaddedBatch) -> PaddedBatch:
        """Pad a batch further, to the next of the lengths."""
        tokens = batch.ids.shape[1]
        length = next(each for each in self._lengths if each >= tokens)
        places = (0, 0), (0, length - tokens)
        return PaddedBatch(
            np.pad(batch.ids, places, constant_values=self._pad_id),
            np.pad(batch.mask, places),
            np.pad(batch.types, places),
        )


class _BulkCall:
    """The runs of one bulk call, which may end in any order."""

    def __init__(self) -> None:
        self._found: dict[int, FloatArray] = {}
        self._started = 0

    def start(self, queue: Any, feeds: dict[str, IntArray]) -> None:  # noqa: ANN401
        """Hand a batch to a queue; waits where all its requests are at work."""
        queue.start_async(feeds, userdata=(self._found, self._started))
        self._started += 1

    def in_order(self) -> list[FloatArray]:
        """Return the logits in the order of the starts."""
        return [self._found[index] for index in range(self._started)]


def _queue_for(compiled: Any) -> Any:  # noqa: ANN401
    queue = ov.AsyncInferQueue(compiled)
    queue.set_callback(_keep)
    return queue


def _keep(request: Any, place: tuple[dict[int, FloatArray], int]) -> None:  # noqa: ANN401
    found, index = place
    found[index] = _logits(request)


def _logits(request: Any) -> FloatArray:  # noqa: ANN401
    # The request's next run will write into the same memory.
    logits: FloatArray = request.get_output_tensor(0).data.copy()
    return logits
