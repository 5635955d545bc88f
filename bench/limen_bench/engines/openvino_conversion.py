"""A checkpoint to OpenVINO's files: fp32 weights, or int8 by NNCF with calibrated activations."""

import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO

import nncf
import numpy as np
import openvino as ov
import torch
from limen.arrays import IntArray
from transformers import AutoModelForSequenceClassification

from limen_bench.engines.calibration import calibration_texts
from limen_bench.engines.checkpoint import write_padded_tokenizer
from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.source_folder import source_folder
from limen_bench.engines.tokens import PaddedTokens

_MODEL = "model.xml"


def convert(job: OpenJob, *, quantized: bool) -> None:
    """Write the model, the tokenizer and the decision into the job's folder."""
    write_decision(job)
    write_padded_tokenizer(job)
    tokens = PaddedTokens(job.folder, Decider(job.folder))
    model = _converted(source_folder(job), tokens)
    if quantized:
        nncf.set_log_level(logging.ERROR)
        names = {port.any_name for port in model.inputs}
        calibration = nncf.Dataset(
            calibration_texts(job), lambda text: _feeds(tokens, [text], names)
        )
        with redirect_stdout(StringIO()):  # bars
            model = nncf.quantize(model, calibration, model_type=nncf.ModelType.TRANSFORMER)
    # By default the file would hold fp16: the weights are to be those of the source.
    ov.save_model(model, job.folder / _MODEL, compress_to_fp16=False)


def _converted(source: str, tokens: PaddedTokens) -> ov.Model:
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    # Two texts of unlike lengths: one alone would trace a graph without the padding.
    takes = {"input_ids", "attention_mask"}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        takes.add("token_type_ids")
    example = {
        name: torch.from_numpy(array)
        for name, array in _feeds(tokens, ["an example of a text", "another"], takes).items()
    }
    with warnings.catch_warnings():
        # The tracer warns of branches in transformers' masks; the logits are compared afterwards.
        warnings.simplefilter("ignore")
        return ov.convert_model(model, example_input=example)


def _feeds(tokens: PaddedTokens, texts: list[str], names: set[str]) -> dict[str, IntArray]:
    batch = tokens.encode(texts)
    feeds = {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.types}
    return {name: np.ascontiguousarray(feeds[name]) for name in feeds if name in names}
