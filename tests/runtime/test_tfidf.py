"""The encoder of kind tfidf gives scikit-learn's features, the same bits alone and among others."""

import re
import sys
import unicodedata
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.encoder import open_encoder
from limen.errors import EngineError, InputError
from limen.format import TfidfBlock, Vectoriser, Weighting, Windows, read
from limen.format.token_patterns import TOKEN_PATTERNS, pattern_named
from limen.format.vocabulary import Vocabulary
from limen.tfidf.hashing import HashedTerms, murmur3

plain = SimpleNamespace(**run_path(str(Path(__file__).with_name("plain_vectoriser.py"))))

ALPHABET = "aAbé\u0301ßΣİ 가나한 \n\t\u3000\x1e\0_1.²🙂ﬁ"
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=30)
SETTINGS = {
    "words": {"ngram_range": (1, 3), "token_pattern": "word1"},
    "pairs alone": {"ngram_range": (2, 2)},
    "stop words": {"ngram_range": (1, 2), "token_pattern": "nonspace1", "stop_words": ("a", "가")},
    "hangul": {"token_pattern": "hangul1"},
    "characters": {"analyzer": "char", "ngram_range": (1, 3), "lowercase": False},
    "inside words": {"analyzer": "char_wb", "ngram_range": (2, 5)},
    "accents": {"strip_accents": "unicode", "token_pattern": "word1"},
    "ascii": {"strip_accents": "ascii", "analyzer": "char_wb", "ngram_range": (1, 2)},
    "binary": {"binary": True, "token_pattern": "word1"},
}
HASHED = {"alternate_sign": True, "vocabulary": None, "features": 7}
NORMS = ("none", "l1", "l2", "max")


def vectoriser(texts, weightings=(), **options):
    """A vectoriser whose vocabulary is that of some texts, every third term left out."""
    words = options.get("analyzer", "word") == "word"
    usual = {
        "analyzer": "word",
        "ngram_range": (1, 1),
        "lowercase": True,
        "strip_accents": "none",
        "token_pattern": "word2" if words else "",
        "stop_words": (),
        "features": 1,
        "vocabulary": Vocabulary.of([]),
    }
    part = Vectoriser(**usual | options)
    if part.vocabulary is not None:
        grams = sorted({gram for text in texts for gram in plain.grams(part, text)})
        kept = [gram for place, gram in enumerate(grams) if place % 3] or ["nothing"]
        options = options | {"vocabulary": Vocabulary.of(kept), "features": len(kept)}
    return Vectoriser(**usual | options | {"weightings": weightings})


def block(texts, settings, norm, *, hashed):
    part = vectoriser(texts, **(settings | (HASHED if hashed else {})))
    idf = np.linspace(0.5, 3.0, part.features, dtype=np.float32)
    # A hashed count may be 0 or less, which has no logarithm.
    weightings = (Weighting(not hashed, idf, norm),)
    return TfidfBlock((vectoriser(texts, weightings, **(settings | (HASHED if hashed else {}))),))


def rows(feeds):
    """Each text's features with their values, as they came."""
    found = [{} for _ in range(feeds["texts"][0])]
    for row, index, value in zip(feeds["rows"], feeds["indices"], feeds["values"], strict=True):
        assert index not in found[row]
        found[row][int(index)] = value
    return found


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("kind", SETTINGS)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5), norm=st.sampled_from(NORMS))
def test_features_are_those_of_the_plain_way(kind, hashed, texts, norm):
    made = block(texts, SETTINGS[kind], norm, hashed=hashed)
    encoder = open_encoder(made)
    together = rows(encoder.feeds(texts))
    for text, found in zip(texts, together, strict=True):
        assert found == pytest.approx(plain.features(made, text), abs=1e-6)
        (alone,) = rows(encoder.encode(text).feeds)
        assert {key: value.tobytes() for key, value in alone.items()} == {
            key: value.tobytes() for key, value in found.items()
        }


@pytest.mark.parametrize("kind", [kind for kind in SETTINGS if "analyzer" not in SETTINGS[kind]])
@pytest.mark.parametrize("pattern", TOKEN_PATTERNS)
@settings(max_examples=10, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_words_of_many_texts_are_those_of_each(kind, pattern, texts):
    made = block(texts, SETTINGS[kind] | {"token_pattern": pattern}, "l2", hashed=False)
    alone = [rows(open_encoder(made).encode(text).feeds)[0] for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limen.tfidf.words._MANY", 0)
        assert rows(open_encoder(made).feeds(texts)) == alone


@pytest.fixture(scope="module")
def model(golden_folder):
    return limen.load(golden_folder / "tiny_features.onnx")


@pytest.fixture(scope="module")
def made(golden_folder):
    return read(golden_folder / "tiny_features.onnx").metadata.encoder


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXTS, max_size=40))
def test_a_union_and_the_same_bits_in_any_company(model, made, texts):
    encoder = open_encoder(made)
    for text in texts[:5]:
        (found,) = rows(encoder.encode(text).feeds)
        assert found == pytest.approx(plain.features(made, text), abs=1e-6)
    alone = [model.logits([text]).tobytes() for text in texts]
    assert [row.tobytes() for row in model.logits(texts)] == alone
    assert [row.tobytes() for row in model.logits(texts[::-1])][::-1] == alone


def test_many_texts_are_more_than_a_run(model):
    texts = [f"happy day {place}" if place % 3 else "오늘" * place for place in range(700)]
    alone = np.concatenate([model.logits([text]) for text in texts])
    assert model.logits(texts).tobytes() == alone.tobytes()


def test_a_text_without_a_feature_gets_the_intercept(model):
    assert model.logits(["", "   "]) == pytest.approx(np.array([[0.1, 0.0, -0.1]] * 2))
    assert model("").labels == ("joy",)


def test_texts_that_are_none_have_errors_of_their_own(model):
    texts = ["happy", None, "a lone \ud800", "day"]
    found = model.predict(texts, errors="collect")
    assert [type(one).__name__ for one in found] == [
        "Prediction",
        "InputError",
        "InputError",
        "Prediction",
    ]
    assert "text 1 is of type NoneType" in str(found[1])
    assert "text 2" in str(found[2])
    with pytest.raises(InputError, match="text 1 "):
        model.predict(texts)
    with pytest.raises(InputError, match="text 0 "):
        model(None)


def test_a_cache_gives_the_same(golden_folder, model):
    texts = ["happy day", "angry", "happy day", "오늘"]
    kept = limen.load(golden_folder / "tiny_features.onnx", cache=2)
    assert [kept.logits(texts).tobytes() for _ in range(2)] == [model.logits(texts).tobytes()] * 2


def test_a_file_of_words_imports_no_tokenizer(fresh, golden_folder):
    program = (
        "import sys, limen; limen.load(sys.argv[1])('a day'); "
        "print([name for name in sys.modules if name in ('tokenizers', 'limen.token_encoder')])"
    )
    assert fresh("-c", program, golden_folder / "tiny_features.onnx").stdout.strip() == b"[]"


def test_windows_are_not_for_it(golden_folder):
    with pytest.raises(InputError, match=r"tiny_features\.onnx: windows: .*reads texts whole"):
        limen.load(golden_folder / "tiny_features.onnx", windows=Windows(2))


def test_other_features_than_promised_end_a_load(golden_folder, monkeypatch):
    monkeypatch.setattr("limen.tfidf.hashing.murmur3", lambda data: len(data))
    with pytest.raises(EngineError, match="golden text 0 gives other features"):
        limen.load(golden_folder / "tiny_features.onnx")


def test_word_characters_are_what_the_format_says():
    """docs/format.md: letters, numbers and the low line; white space by code point."""
    spaces = {*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)}
    spaces |= {0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
    for code in range(sys.maxunicode + 1):
        one = chr(code)
        known = unicodedata.category(one)[0] in "LN" or one == "_"
        assert bool(re.match(r"\w", one)) == known
        assert one.isspace() == (code in spaces)


@pytest.mark.parametrize("name", TOKEN_PATTERNS)
@settings(max_examples=50, deadline=None)
@given(text=st.text(st.sampled_from(ALPHABET + "xyZ-'")))
def test_every_spelling_of_a_pattern_cuts_alike(name, text):
    words = re.findall(TOKEN_PATTERNS[name].expression, text)
    assert words == re.findall(plain.PATTERNS[name], text)
    for spelling in TOKEN_PATTERNS[name].spellings:
        assert re.findall(spelling, text) == words
        assert pattern_named(spelling) == name


def test_scikit_learns_default_is_on_the_list():
    assert pattern_named(r"(?u)\b\w\w+\b") == "word2"
    assert pattern_named(r"(?u)\b\w+\b") == "word1"
    assert pattern_named(r"(a+)+$") is None


HASHES = {
    "": 0,
    "a": 1009084850,
    "ab": -1681926305,
    "abc": -1277324294,
    "abcd": 1139631978,
    "오늘": -1360296168,
    "hello world": 1586663183,
    "é": 269551495,
    "x" * 37: -1005983109,
}
"""From sklearn.utils.murmurhash3_32(term.encode(), 0)."""


@pytest.mark.parametrize("term", HASHES)
def test_hashes_are_murmurs(term):
    assert murmur3(term.encode()) == plain.murmur(term.encode()) == HASHES[term]


def test_hashed_terms_forget_instead_of_growing(monkeypatch):
    monkeypatch.setattr("limen.tfidf.hashing.MOST_TERMS", 10)
    terms = HashedTerms(1000, alternate_sign=True)
    found = [terms[f"t{place}"] for place in range(100)]
    assert len(terms) <= 10
    assert [terms[f"t{place}"] for place in range(100)] == found
