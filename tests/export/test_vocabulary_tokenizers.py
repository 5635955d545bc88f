"""Trimming tokenizers of every kind: random pieces, random corpora, random texts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limen.errors import ExportError
from limen.format import EncoderBlock
from limen_export.reference import Reference
from limen_export.settings import NamedTexts
from limen_export.vocabulary import keep_vocabulary, unchanged_texts
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

ALPHABET = "abc"
UNKNOWN = "[UNK]"
KNOWN = "z"
"""A piece of every tokenizer and a text of every corpus: a corpus without one is refused."""
WORD = st.text(ALPHABET + "✨", min_size=1, max_size=6)
TEXT = st.lists(WORD, max_size=5).map(" ".join)
CORPUS = st.lists(TEXT, min_size=1, max_size=4)
PIECES = st.lists(st.text(ALPHABET, min_size=1, max_size=3), max_size=12)
SETTINGS = settings(deadline=None, max_examples=150)


def reference_of(tokenizer_json, rows=None):
    """A classifier with this tokenizer whose table holds each row's own number."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    rows = rows or max(tokenizer.get_vocab().values()) + 1
    table = np.arange(rows, dtype=np.float32).reshape(rows, 1)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "own numbers",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(table, "table")],
    )
    return Reference(
        name="tiny",
        licence=None,
        labels=("yes", "no"),
        rule="multiclass",
        link="softmax",
        encoder=EncoderBlock(tokenizer_json, 64),
        logits=lambda texts: np.zeros((len(texts), 2), np.float32),
        graph=helper.make_model(graph),
        versions=(),
        notices=(),
    )


def trim(tokenizer_json, corpus):
    """The trimmed tokenizer, the old row of each new id, and the report."""
    kept, report = keep_vocabulary(reference_of(tokenizer_json), NamedTexts("corpus", corpus))
    rows = numpy_helper.to_array(kept.graph.graph.initializer[0])[:, 0]
    return Tokenizer.from_str(kept.encoder.tokenizer_json), rows.astype(int), report


def with_ends(tokenizer, *, outside=True):
    """Add special tokens, in the vocabulary or behind it, and put them around each text."""
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]"] if outside else [UNKNOWN])
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    if ends[0][1] is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=ends
        )
    return tokenizer


def check(tokenizer, corpus, texts, *, unknown_counts=True):
    """Texts made of kept pieces are split as before, and every id reads its piece's own row."""
    trimmed, rows, report = trim(tokenizer.to_str(), (KNOWN, *corpus))
    pieces = trimmed.get_vocab()
    old = tokenizer.get_vocab()
    assert sorted(pieces.values()) == list(range(len(pieces)))
    assert {piece: rows[index] for piece, index in pieces.items()} == {
        piece: old[piece] for piece in pieces
    }
    assert report.rows_after == len(pieces)
    for text in (*corpus, *texts):
        before, after = tokenizer.encode(text), trimmed.encode(text)
        kept = set(rows.tolist()) - (set() if unknown_counts else {old[UNKNOWN]})
        if text in corpus or set(before.ids) <= kept:
            assert after.tokens == before.tokens
            assert [rows[index] for index in after.ids] == before.ids
    return trimmed, report


def numbered(pieces):
    return {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}


@SETTINGS
@given(PIECES, PIECES, CORPUS, st.lists(TEXT, max_size=6), st.booleans())
@example(["ab", "a", "b"], ["bc"], ["abc a bbc"], ["abc"], True)
@example(["ab", "a", "b"], ["bc"], ["abc a bbc abc✨"], ["abc"], False)
def test_wordpiece(begin, inside, corpus, texts, outside):
    pieces = numbered([*begin, KNOWN, UNKNOWN, *(f"##{piece}" for piece in inside)])
    model = models.WordPiece(pieces, unk_token=UNKNOWN, max_input_chars_per_word=6)
    _, report = check(with_ends(Tokenizer(model), outside=outside), corpus, texts, unknown_counts=0)
    assert report.fallback == UNKNOWN


@SETTINGS
@given(PIECES, CORPUS, st.lists(TEXT, max_size=6), st.booleans())
def test_wordlevel(pieces, corpus, texts, outside):
    model = models.WordLevel(numbered([UNKNOWN, *pieces, KNOWN]), unk_token=UNKNOWN)
    check(with_ends(Tokenizer(model), outside=outside), corpus, texts)


SCORED = st.lists(
    st.tuples(st.text(ALPHABET, min_size=1, max_size=4), st.integers(-40, 0)),
    unique_by=lambda pair: pair[0],
    max_size=14,
)


@SETTINGS
@given(SCORED, CORPUS, st.lists(TEXT, max_size=6), st.booleans(), st.booleans())
@example([("ab", -12), ("cd", -12), ("bcd", 0), ("zz", -40)], ["ab cd bcd"], ["abcd"], True, False)
def test_unigram(scored, corpus, texts, outside, byte_fallback):
    extra = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    pieces = [*scored[:3], (KNOWN, 0), (UNKNOWN, 0), *((piece, 0) for piece in extra), *scored[3:]]
    place = [piece for piece, _ in pieces].index(UNKNOWN)
    scores = [(piece, float(score)) for piece, score in pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=place, byte_fallback=byte_fallback))
    trimmed, report = check(with_ends(tokenizer, outside=outside), corpus, texts)
    assert report.fallback == ("bytes" if byte_fallback else UNKNOWN)
    if byte_fallback:
        unknown = trimmed.token_to_id(UNKNOWN)
        assert all(unknown not in trimmed.encode(text).ids for text in texts)


@st.composite
def bpe(draw, prefix="", suffix=""):
    """A BPE model with random merges, each of two pieces that exist by then."""
    begin = [*ALPHABET, *([f"{c}{suffix}" for c in ALPHABET] if suffix else [])]
    inside = [f"{prefix}{piece}" for piece in begin] if prefix else begin
    merges, made = [], [*dict.fromkeys([*begin, *inside])]
    for _ in range(draw(st.integers(0, 14))):
        lefts = [piece for piece in made if not suffix or not piece.endswith(suffix)]
        rights = [piece for piece in made if piece.startswith(prefix)]
        left, right = draw(st.sampled_from(lefts)), draw(st.sampled_from(rights))
        if (left, right) not in merges:
            merges.append((left, right))
            made.append(left + right[len(prefix) :])
    return [*dict.fromkeys(made)], merges


BPE_FORMS = [
    {},
    {"continuing_subword_prefix": "##"},
    {"end_of_word_suffix": "</w>"},
    {"continuing_subword_prefix": "@", "end_of_word_suffix": "$"},
    {"ignore_merges": True},
    {"fuse_unk": True},
    {"unk_token": None},
    {"byte_fallback": True},
    {"byte_fallback": True, "unk_token": None},
]


@pytest.mark.parametrize("form", BPE_FORMS, ids=lambda form: ",".join(form) or "plain")
@settings(deadline=None, max_examples=80)
@given(data=st.data(), corpus=CORPUS, texts=st.lists(TEXT, max_size=6))
def test_bpe(form, data, corpus, texts):
    marks = form.get("continuing_subword_prefix", ""), form.get("end_of_word_suffix", "")
    pieces, merges = data.draw(bpe(*marks))
    extra = [f"<0x{byte:02X}>" for byte in range(256)] if form.get("byte_fallback") else []
    whole = data.draw(PIECES) if form.get("ignore_merges") else []
    vocabulary = numbered(
        [*pieces, *(f"{KNOWN}{end}" for end in ("", marks[1])), UNKNOWN, *extra, *whole]
    )
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, **{"unk_token": UNKNOWN, **form}))
    trimmed, report = check(with_ends(tokenizer), corpus, texts)
    expected = UNKNOWN if form.get("unk_token", UNKNOWN) else "characters"
    assert report.fallback == ("bytes" if extra else expected)
    if report.fallback == "bytes":
        assert all(UNKNOWN not in trimmed.encode(text).tokens for text in texts)
    if report.fallback == "characters":
        for text in texts:
            assert "".join(trimmed.encode(text).tokens) == "".join(tokenizer.encode(text).tokens)


def byte_level(part):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("Ġ", "ab"), ("b", "c"), ("Ġab", "cd")]
    pieces = numbered([*sorted(alphabet), *("".join(merge) for merge in merges)])
    tokenizer = Tokenizer(models.BPE(pieces, merges))
    if part == "pre_tokenizer":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()])
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.Sequence(
        [
            processors.RobertaProcessing(
                ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>"))
            ),
            processors.ByteLevel(trim_offsets=False),
        ]
    )
    return tokenizer


@pytest.mark.parametrize("part", ["pre_tokenizer", "normalizer"])
@settings(deadline=None, max_examples=60)
@given(corpus=CORPUS, text=st.text(max_size=20))
def test_byte_level_bpe_keeps_every_byte(part, corpus, text):
    tokenizer = byte_level(part)
    trimmed, report = check(tokenizer, corpus, [text])
    assert report.fallback == "bytes"
    inside = [one.encode(text, add_special_tokens=False).tokens for one in (tokenizer, trimmed)]
    assert "".join(inside[0]) == "".join(inside[1])


def test_merges_that_no_kept_piece_needs_are_dropped():
    trimmed, _, report = trim(byte_level("pre_tokenizer").to_str(), ("abcd",))
    model = json.loads(trimmed.to_str())["model"]
    assert model["merges"] == [["a", "b"], ["c", "d"], ["ab", "cd"]]
    assert report.rows_after == report.rows_before - 3


def test_pieces_made_of_byte_pieces_keep_their_merges():
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    merges = [("<0xE2>", "<0x9C>"), ("<0xE2><0x9C>", "<0xA8>")]
    pieces = numbered(["a", *bytes_, *("".join(pair) for pair in merges)])
    tokenizer = Tokenizer(models.BPE(pieces, merges, byte_fallback=True))
    assert tokenizer.encode("✨a").tokens == ["<0xE2><0x9C><0xA8>", "a"]
    trimmed, _, _ = trim(tokenizer.to_str(), ("✨a",))
    assert trimmed.encode("a✨").tokens == ["a", "<0xE2><0x9C><0xA8>"]


def test_merges_may_be_written_as_strings():
    fields = json.loads(byte_level("pre_tokenizer").to_str())
    pairs, _, _ = trim(json.dumps(fields), ("abcd ab",))
    fields["model"]["merges"] = [" ".join(pair) for pair in fields["model"]["merges"]]
    strings, _, _ = trim(json.dumps(fields), ("abcd ab",))
    assert strings.to_str() == pairs.to_str()


def test_ids_with_holes_are_closed():
    model = models.WordPiece({UNKNOWN: 2, "a": 5, "b": 9, "##b": 40}, unk_token=UNKNOWN)
    trimmed, rows, report = trim(Tokenizer(model).to_str(), ("ab",))
    assert trimmed.get_vocab() == {UNKNOWN: 0, "a": 1, "##b": 2}
    assert (rows.tolist(), report.rows_before, report.rows_after) == ([2, 5, 40], 41, 3)


@pytest.mark.parametrize("kind", ["BertProcessing", "RobertaProcessing"])
def test_ids_around_every_text_are_kept_and_renumbered(kind):
    """Here they are pieces of the model, not added tokens."""
    pieces = numbered(["x", "y", "[SEP]", "a", "[CLS]", UNKNOWN, "[PAD]"])
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token=UNKNOWN))
    tokenizer.post_processor = getattr(processors, kind)(("[SEP]", 2), ("[CLS]", 4))
    trimmed, rows, _ = trim(tokenizer.to_str(), ("a",))
    assert trimmed.encode("a").tokens == ["[CLS]", "a", "[SEP]"]
    assert [int(rows[index]) for index in trimmed.encode("a").ids] == [4, 3, 2]


def test_ordinary_added_tokens_are_kept():
    model = models.WordPiece(numbered([UNKNOWN, "a", "b"]), unk_token=UNKNOWN)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_tokens(["limen", "b"])
    trimmed, _, _ = trim(tokenizer.to_str(), ("a",))
    assert trimmed.encode("a limen b").tokens == ["a", "limen", "b"]


def test_unknown_words_of_the_corpus_stay_unknown_beside_special_tokens():
    pieces = numbered([UNKNOWN, "[SEP]", "a", "ab", "##bc", "x"])
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([UNKNOWN, "[SEP]"])
    assert tokenizer.encode("x[SEP]abc").tokens == ["x", "[SEP]", UNKNOWN]
    trimmed, _, _ = trim(tokenizer.to_str(), ("x[SEP]abc", "a xbc"))
    assert trimmed.encode("x[SEP]abc").tokens == ["x", "[SEP]", UNKNOWN]


def test_normalised_text_counts():
    model = models.WordPiece(numbered([UNKNOWN, "a", "b"]), unk_token=UNKNOWN)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    trimmed, _, _ = trim(tokenizer.to_str(), ("A",))
    assert trimmed.get_vocab() == {UNKNOWN: 0, "a": 1}


def edited(tokenizer, **model):
    fields = json.loads(tokenizer.to_str())
    fields["model"].update(model)
    return json.dumps(fields)


def refusals():
    plain = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    yield "dropout", edited(plain, dropout=0.1), r"splits at random \(dropout 0\.1\)"
    unigram = Tokenizer(models.Unigram([("a", -1.0)]))
    yield "Unigram", unigram.to_str(), "neither an unknown piece nor byte pieces"
    words = Tokenizer(models.WordPiece({"a": 0}, unk_token=UNKNOWN))
    yield "WordPiece", words.to_str(), "neither an unknown piece nor byte pieces"
    lost = Tokenizer(models.BPE({"a": 0}, [], unk_token=UNKNOWN))
    yield "BPE", lost.to_str(), "neither an unknown piece nor byte pieces"
    shared = edited(words, vocab={"a": 0, "b": 0, UNKNOWN: 1})
    yield "shared id", shared, "1 pieces of its tokenizer share an id with another"
    yield "no tokenizer", "{}", "its tokenizer cannot be built"


@pytest.mark.parametrize(
    ("tokenizer_json", "message"), [pytest.param(*rest, id=name) for name, *rest in refusals()]
)
def test_refused(tokenizer_json, message):
    known = reference_of(Tokenizer(models.BPE({"a": 0}, [])).to_str(), rows=8)
    source = replace(known, encoder=EncoderBlock(tokenizer_json, 64))
    with pytest.raises(ExportError, match=rf"^tiny: .*{message}"):
        keep_vocabulary(source, NamedTexts("corpus", ("a",)))


@pytest.mark.parametrize("part", ["model", "post_processor"])
def test_kinds_that_are_not_known_are_refused_by_name(monkeypatch, part):
    """The library of a later day may write what this version has never seen."""
    model = models.WordPiece({UNKNOWN: 0, "a": 1}, unk_token=UNKNOWN)
    source = reference_of(Tokenizer(model).to_str())

    class Later:
        @staticmethod
        def from_str(text):
            fields = json.loads(text)
            fields[part] = {**(fields[part] or {}), "type": "Later"}
            real = Tokenizer.from_str(text)

            class Loaded:
                def __getattr__(self, name):
                    return getattr(real, name)

                def to_str(self):
                    return json.dumps(fields)

            return Loaded()

    monkeypatch.setattr("limen_export.vocabulary.tokenizer_json.Tokenizer", Later)
    with pytest.raises(ExportError, match=r"of type Later; a vocabulary can be trimmed"):
        keep_vocabulary(source, NamedTexts("corpus", ("a",)))


def test_unchanged_texts_count_only_as_far_as_the_longest_input():
    model = models.WordPiece(numbered([UNKNOWN, "a", "b"]), unk_token=UNKNOWN)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    source = reference_of(tokenizer.to_str())
    kept, _ = keep_vocabulary(source, NamedTexts("corpus", ("a",)))
    texts = ("a", "b", "a " * 64 + "b", "b " + "a " * 64)
    found = unchanged_texts(source.encoder, kept.encoder, texts)
    assert found.dtype == np.bool_
    assert found.tolist() == [True, False, True, False]


def test_a_piece_that_became_unknown_is_a_change():
    """A Unigram model calls an unknown piece by the characters that it stands for."""
    scored = [(UNKNOWN, 0.0), ("a", -1.0), ("b", -2.0), ("c", -3.0)]
    source = reference_of(Tokenizer(models.Unigram(scored, unk_id=0)).to_str())
    kept, _ = keep_vocabulary(source, NamedTexts("corpus", ("a",)))
    assert Tokenizer.from_str(kept.encoder.tokenizer_json).encode("b").tokens == ["b"]
    assert unchanged_texts(source.encoder, kept.encoder, ("b", "a", "✨")).tolist() == [
        False,
        True,
        True,
    ]
