"""Tiny checkpoints that tell English from Korean, and what int8 spoils of them."""

from functools import cache

import pytest

ROWS, MATRIX = 120.0, 100.0


def spoil_rows(model):
    """Move one channel of every embedding row far out, and all positions back: the sum is what it
    was, and 8 bits for a row have nothing left for its other channels.
    """
    embeddings = model.bert.embeddings
    embeddings.word_embeddings.weight[:, 0] += ROWS
    embeddings.position_embeddings.weight[:, 0] -= ROWS


def spoil_matrix(model):
    """Make pairs of equal neurons whose large weights cancel: the sum is what it was, and 8 bits
    for a column have nothing left for its other weights.
    """
    import torch

    generator = torch.Generator().manual_seed(3)
    layer = model.bert.encoder.layer[0]
    outputs, neurons = layer.output.dense.weight.shape
    for one in range(0, neurons, 2):
        layer.intermediate.dense.weight[one + 1] = layer.intermediate.dense.weight[one]
        layer.intermediate.dense.bias[one + 1] = layer.intermediate.dense.bias[one]
        large = MATRIX * torch.randn(outputs, generator=generator)
        layer.output.dense.weight[:, one] += large
        layer.output.dense.weight[:, one + 1] -= large


SPOIL = {"rows": spoil_rows, "matrix": spoil_matrix}


@pytest.fixture(scope="session")
def languages(tmp_path_factory, make_checkpoint, teach_languages, run_once):
    """Return (what int8 spoils: `rows`, `matrix`) -> that checkpoint's Reference, made once."""
    from limen_export.sources.checkpoint import read_checkpoint

    @cache
    def make(*spoilt):
        folder = make_checkpoint(tmp_path_factory.mktemp("languages") / "bert")
        teach_languages(folder, *(SPOIL[part] for part in spoilt))
        return run_once(read_checkpoint(str(folder), None, None))

    return make


@pytest.fixture
def exported(tmp_path, monkeypatch, untimed, languages):
    """Return (what int8 spoils, settings) -> the report of the export to `m.onnx`."""
    from limen_export import ExportSettings, export

    def run(*spoilt, **settings):
        monkeypatch.setattr(
            "limen_export.sources.checkpoint.read_checkpoint", lambda *_: languages(*spoilt)
        )
        return export("bert", tmp_path / "m.onnx", ExportSettings(**settings))

    return run
