"""A checkpoint to CTranslate2's int8 files, and the head that CTranslate2 leaves to its user."""

from pathlib import Path
from tempfile import TemporaryDirectory

import ctranslate2
import numpy as np
import torch
from limen.arrays import FloatArray
from limen.errors import ExportError
from transformers import AutoModelForSequenceClassification

from limen_bench.engines.checkpoint import read_tokenizer, write_padded_tokenizer
from limen_bench.engines.deciding import write_decision
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.source_folder import source_folder

_ENCODER = "encoder"
_HEAD = "head.npz"


def convert(job: OpenJob) -> None:
    """Write encoder, head, tokenizer and decision into the job's folder."""
    source = Path(source_folder(job)).resolve()
    with TemporaryDirectory() as readable:
        # The converter loads a tokenizer too, by a class name that its transformers must know.
        read_tokenizer(job).save_pretrained(readable)
        for file in (source / "config.json", *source.glob("*.safetensors*")):
            (Path(readable) / file.name).symlink_to(file)
        converter = ctranslate2.converters.TransformersConverter(readable)
        converter.convert(str(job.folder / _ENCODER), quantization="int8")
    np.savez(job.folder / _HEAD, allow_pickle=False, **_head(str(source)))
    write_padded_tokenizer(job)
    write_decision(job)


def _head(source: str) -> dict[str, FloatArray]:
    """Return the weights that stand behind what CTranslate2 computes.

    BERT's pooler is part of the encoder there and its classifier is one layer; RoBERTa's is a layer
    with tanh on the first token and one more.
    """
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32)
    classifier = model.classifier
    if model.config.model_type == "bert":
        layers = {"out": classifier}
    elif model.config.model_type in ("roberta", "xlm-roberta", "camembert"):
        if model.config.pad_token_id == 0:
            # Its converter takes 0 for "no offset", where RoBERTa's positions start behind it.
            raise ExportError("CTranslate2 converts a RoBERTa with pad_token_id 0 wrongly")
        layers = {"dense": classifier.dense, "out": classifier.out_proj}
    else:
        raise ExportError(
            f"the head of a model of type {model.config.model_type!r} is not known to the engine "
            "ctranslate2; BERT, RoBERTa and their kin are"
        )
    return {
        f"{name}_{part}": getattr(layer, part).detach().numpy()
        for name, layer in layers.items()
        for part in ("weight", "bias")
    }
