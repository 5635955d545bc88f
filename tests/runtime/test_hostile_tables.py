"""Tables and settings of an encoder of kind tfidf that are not as docs/format.md says."""

import json

import numpy as np
import pytest
from limen.errors import FormatError
from limen.format import limits, parse
from limen.format.tables import read_tables
from limen.format.wire import encode_bytes, encode_varint, fields

ENCODER = "limen.encoder"
INITIALIZER, OUTPUT, INPUT = 5, 12, 11
IDF, LENGTHS, TERMS = 3, 4, 5
"""Places of the tables among the initializers, behind the graph's own three."""


@pytest.fixture(scope="module")
def features(forge, golden_folder):
    """A forge over the tiny file of features."""
    return type(forge)((golden_folder / "tiny_features.onnx").read_bytes())


def tensor(name, values, kind, dims=None):
    parts = [encode_varint(1, size) for size in (values.shape if dims is None else dims)]
    parts += [encode_varint(2, kind), encode_bytes(8, name), encode_bytes(9, values.tobytes())]
    return b"".join(parts)


def table(place, name, values, kind, dims=None):
    """Put a table in the place of one."""
    made = tensor(name, np.asarray(values), kind, dims)
    return lambda f: f.with_part(INITIALIZER, place, lambda _: made)


def part(**changed):
    """Change the settings of the first vectoriser."""

    def make(f):
        first, *others = settings(f)["parts"]
        return f.with_block(ENCODER, parts=[{**first, **changed}, *others])

    return make


def settings(f):
    return json.loads(f.properties()[ENCODER])


UTF8 = np.frombuffer("happydayhappy dayangry오늘행복해요오늘 행복해요tearsé".encode(), np.uint8)
SIZES = np.array([5, 3, 9, 5, 2, 4, 7, 5, 1], np.int32)
IDFS = np.ones(9, np.float32)
CASES = {
    "a term twice": (
        table(TERMS, b"limen.0.terms", np.frombuffer(b"ab" * 9, np.uint8), 2),
        "lengths of terms do not add up",
    ),
    "equal terms": (
        lambda f: f.with_graph(
            lambda graph: swapped(
                graph,
                {
                    b"limen.0.terms": (np.frombuffer(b"ab" * 9, np.uint8), 2),
                    b"limen.0.lengths": (np.full(9, 2, np.int32), 6),
                },
            )
        ),
        "a term stands twice among 9",
    ),
    "terms not UTF-8": (
        table(TERMS, b"limen.0.terms", np.full(len(UTF8), 0xFF, np.uint8), 2),
        "terms are not UTF-8",
    ),
    "terms too short": (table(TERMS, b"limen.0.terms", UTF8[:5], 2), "do not add up to 5"),
    "no terms": (table(TERMS, b"other", UTF8, 2), "'limen.0.terms' is missing"),
    "a length below 0": (
        table(LENGTHS, b"limen.0.lengths", SIZES - np.eye(9, dtype=np.int32)[0] * 9, 6),
        "do not add up",
    ),
    "huge lengths": (
        table(LENGTHS, b"limen.0.lengths", np.full(9, 2**31 - 1, np.int32), 6),
        "do not add up",
    ),
    "too few lengths": (table(LENGTHS, b"limen.0.lengths", SIZES[:8], 6), "8 lengths of terms"),
    "lengths as floats": (
        table(LENGTHS, b"limen.0.lengths", SIZES.astype(np.float32), 1),
        "'limen.0.lengths': float32, expected int32",
    ),
    "lengths in 64 bits": (
        table(LENGTHS, b"limen.0.lengths", SIZES.astype(np.int64), 7),
        "element type 7",
    ),
    "another rank": (table(IDF, b"limen.0.idf.0", IDFS, 1, (3, 3)), "rank 2, expected 1"),
    "no rank": (table(IDF, b"limen.0.idf.0", IDFS[:1], 1, ()), "rank 0, expected 1"),
    "bytes and shape": (table(IDF, b"limen.0.idf.0", IDFS, 1, (10,)), "do not fit its shape"),
    "a shape beyond numbers": (
        table(IDF, b"limen.0.idf.0", IDFS, 1, (2**63,)),
        "do not fit its shape",
    ),
    "idf too short": (table(IDF, b"limen.0.idf.0", IDFS[:8], 1), "idf: 9 finite numbers"),
    "idf NaN": (table(IDF, b"limen.0.idf.0", IDFS * np.nan, 1), "idf: 9 finite numbers"),
    "a table nobody asks for": (
        table(2, b"limen.9.idf.0", IDFS, 1),
        r"no setting asks for: limen\.9\.idf\.0",
    ),
    "a table twice": (table(2, b"limen.0.idf.0", IDFS, 1), "stands twice"),
    "no parts": (lambda f: f.with_block(ENCODER, parts=[]), "at least one vectoriser"),
    "65 parts": (lambda f: f.with_block(ENCODER, parts=[{}] * 65), "at most 64 items"),
    "an expression": (part(token_pattern="(a+)+$"), "token_pattern: one of word1"),  # noqa: S106
    "unknown analyzer": (part(analyzer="words"), "analyzer: one of word, char"),
    "unknown norm": (part(weightings=[{"idf": False, "norm": "l3", "sublinear": True}]), "norm"),
    "nine weightings": (
        part(weightings=[{"idf": False, "norm": "l2", "sublinear": True}] * 9),
        "at most 8",
    ),
    "n of 0": (part(ngram_low=0), "ngram_low: 1 to 100"),
    "n of 101": (part(ngram_high=101), "ngram_high: 1 to 100"),
    "n falling": (part(ngram_low=3), "ngram_high: 3 to 100"),
    "too many features": (part(features=2**26 + 1), "features: 1 to 67108864"),
    "too many features together": (
        lambda f: f.with_block(ENCODER, parts=[{**settings(f)["parts"][1], "features": 2**26}] * 2),
        "134,217,728 features, over",
    ),
    "other features": (part(features=8), "9 lengths of terms for 8 features"),
    "a sign without a hash": (part(alternate_sign=True), "alternate_sign without hashed"),
    "stop words no list": (part(stop_words="the"), "stop_words: a list"),
    "an infinite factor": (part(scale=2**60), "scale: a number of at most"),
    "ids for features": (
        lambda f: f.with_part(INPUT, 0, lambda port: port.replace(b"indices", b"input_i")),
        "expected .'indices', 'rows', 'texts', 'values'. for features",
    ),
    "values as integers": (
        lambda f: f.with_part(INPUT, 1, lambda port: port.replace(b"\x08\x01", b"\x08\x07", 1)),
        "graph input values: int64 of rank 1, expected float32",
    ),
    "for a GPU": (
        lambda f: f.with_block("limen.execution", device="cuda", precision="fp32", shape="padded"),
        "kind tfidf for device cuda, expected cpu",
    ),
    "one text behind another": (
        lambda f: f.with_block("limen.execution", shape="joined"),
        "kind tfidf of shape joined, expected exact",
    ),
}


def swapped(graph, changed):
    """Replace tables of a GraphProto by name."""
    kept = []
    for record in fields(memoryview(graph)):
        name = next(
            (
                name
                for name in changed
                if record.number == INITIALIZER and name in bytes(record.raw)
            ),
            None,
        )
        if name is None:
            kept.append(bytes(record.raw))
        else:
            values, kind = changed[name]
            kept.append(encode_bytes(INITIALIZER, tensor(name, values, kind)))
    return b"".join(kept)


@pytest.mark.parametrize("case", CASES)
def test_refused_by_name(features, case):
    make, message = CASES[case]
    with pytest.raises(FormatError, match=rf"(?s)^hostile\.onnx: .*{message}"):
        parse(make(features), "hostile.onnx")


def test_the_forge_itself_changes_nothing(features):
    parse(features.with_part(INITIALIZER, TERMS, lambda same: same), "same.onnx")


def test_more_tables_than_any_encoder_has():
    many = [
        encode_bytes(INITIALIZER, tensor(f"limen.{place}".encode(), IDFS, 1))
        for place in range(1_001)
    ]
    model = [*fields(memoryview(encode_bytes(7, b"".join(many))))]
    with pytest.raises(FormatError, match="more than 1,000 tables"):
        read_tables(model)


def test_more_bytes_of_terms_than_may_be(features, monkeypatch):
    monkeypatch.setattr(limits, "MAX_TERM_BYTES", len(UTF8) - 1)
    with pytest.raises(FormatError, match=f"{len(UTF8)} bytes of terms, over {len(UTF8) - 1}"):
        parse(features.data, "large.onnx")
