"""Trimming real tokenizers and trained checkpoints by real texts, judged on texts held out.

No text is shown when a test fails: what is compared are counts, and tuples of texts are Unshown.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import onnxruntime
import pytest
from limen.format import EncoderBlock
from limen.token_encoder import TokenEncoder
from limen_export.reference import Reference
from limen_export.settings import NamedTexts
from limen_export.sources.checkpoint import read_checkpoint
from limen_export.vocabulary import keep_vocabulary, unchanged_texts
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

KEPT, JUDGED, COMPARED = 4_000, 1_500, 40
PARITY = 1e-4
UNKNOWN = {
    "bert-base-multilingual-cased": "[UNK]",
    "kcbert-base": "[UNK]",
    "roberta-base": "<unk>",
    "xlm-roberta-base": "<unk>",
}
MODELS = {"goemotions-minilm": "English", "3i4k-ko-bert": "Korean"}


class Unshown(tuple):
    """Texts that a traceback does not print."""

    def __repr__(self):
        return f"<{len(self)} texts>"


def spread(texts, count):
    """Texts from the whole of a file: its rows are sorted by label."""
    return Unshown(texts[:: len(texts) // count][:count])


@pytest.fixture(scope="module")
def texts(shared):
    """Return language -> (training texts, texts held out)."""

    def english(part):
        lines = (shared / f"data/goemotions/{part}.tsv").read_text(encoding="utf-8").split("\n")
        return [line.split("\t")[0] for line in lines if line]

    def korean(part):
        lines = (shared / f"data/3i4k/{part}.txt").read_bytes().decode("utf-8").split("\r\n")
        return [line.partition("\t")[2] for line in lines if line]

    return {
        "English": (spread(english("train_20k"), KEPT), spread(english("dev"), JUDGED)),
        "Korean": (spread(korean("train"), KEPT), spread(korean("dev"), JUDGED)),
    }


def tokenizer_alone(tokenizer_json):
    """A Reference whose table holds each row's own number."""
    rows = Tokenizer.from_str(tokenizer_json).get_vocab_size()
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "own numbers",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.arange(rows, dtype=np.float32).reshape(-1, 1), "table")],
    )
    return Reference(
        *("tokenizer alone", None, ("yes", "no"), "multiclass", "softmax"),
        encoder=EncoderBlock(tokenizer_json, 512),
        logits=lambda texts: np.zeros((len(texts), 2), np.float32),
        graph=helper.make_model(graph),
        versions=(),
        notices=(),
    )


@pytest.fixture(scope="module")
def known(shared):
    """Return tokenizer -> its Reference, read once."""

    @cache
    def read(name):
        path = shared / "data/tokenizers" / name / "derived_tokenizer.json"
        return tokenizer_alone(path.read_text(encoding="utf-8"))

    return read


@pytest.mark.parametrize("language", ["English", "Korean"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_held_out_texts_of_kept_pieces_are_split_as_before(known, texts, name, language):
    source = known(name)
    corpus, held_out = texts[language]
    kept, report = keep_vocabulary(source, NamedTexts(language, corpus))
    rows = numpy_helper.to_array(kept.graph.graph.initializer[0])[:, 0].astype(int)
    assert report.rows_after == len(rows) < report.rows_before
    before = Tokenizer.from_str(source.encoder.tokenizer_json)
    after = Tokenizer.from_str(kept.encoder.tokenizer_json)
    allowed = set(rows.tolist())
    if "bert" in name and "roberta" not in name:
        # A word that the source does not know may be split by the fewer pieces.
        allowed.discard(before.token_to_id(UNKNOWN[name]))
    wrong = made_of_kept = unknown = 0
    for text in held_out:
        old, new = before.encode(text).ids, rows[after.encode(text).ids].tolist()
        made_of_kept += set(old) <= allowed
        wrong += set(old) <= allowed and old != new
        unknown += new.count(before.token_to_id(UNKNOWN[name]))
    assert wrong == 0
    assert made_of_kept > len(held_out) / 3
    if report.fallback == "bytes":
        assert unknown == 0


def test_both_languages_together(known, texts):
    corpus = NamedTexts("both", Unshown(texts["English"][0] + texts["Korean"][0]))
    source = known("bert-base-multilingual-cased")
    kept, both = keep_vocabulary(source, corpus)
    parts = [
        keep_vocabulary(source, NamedTexts(language, texts[language][0]))[1].rows_after
        for language in texts
    ]
    assert max(parts) < both.rows_after < sum(parts)
    assert unchanged_texts(source.encoder, kept.encoder, corpus.texts).all()


@pytest.fixture(scope="module", params=MODELS)
def checkpoint(request, shared, texts):
    """A trained classifier trimmed by training texts, and texts held out."""
    source = read_checkpoint(str(shared / "models" / request.param), None, None)
    corpus, held_out = texts[MODELS[request.param]]
    return source, *keep_vocabulary(source, NamedTexts("training texts", corpus)), held_out


def test_a_trained_classifier_gives_the_same_logits(checkpoint):
    source, kept, _, held_out = checkpoint
    unchanged = unchanged_texts(source.encoder, kept.encoder, held_out)
    chosen = Unshown(text for text, same in zip(held_out, unchanged, strict=True) if same)
    assert len(chosen) > len(held_out) / 3
    chosen = Unshown(chosen[:COMPARED])
    session = onnxruntime.InferenceSession(
        kept.graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    encode = TokenEncoder(kept.encoder).encode
    found = np.concatenate([session.run(["logits"], encode(text).feeds)[0] for text in chosen])
    assert float(np.abs(found - source.logits(chosen)).max()) < PARITY


def test_a_trained_classifier_becomes_smaller(checkpoint):
    source, kept, report, _ = checkpoint
    assert source.graph.ByteSize() - kept.graph.ByteSize() == pytest.approx(
        report.bytes_saved, abs=16
    )
    assert report.bytes_saved > 4_000_000
    assert len(kept.encoder.tokenizer_json) < len(source.encoder.tokenizer_json) / 2
    assert replace(kept.encoder, tokenizer_json="") == replace(source.encoder, tokenizer_json="")
