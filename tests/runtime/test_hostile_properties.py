"""Files whose digest is right and whose `limen.*` properties are not as docs/format.md says
(`limen.decision`: test_hostile_decision.py).
"""

import base64
import json
import zlib

import limen
import pytest
from limen.errors import EngineError, FormatError, InputError
from limen.format import parse
from limen.format.wire import encode_bytes as block

NEXT_STEP = r"(export|upgrade|fetch|inline|load and save)"
DECISION, ENCODER, GOLDEN = "limen.decision", "limen.encoder", "limen.golden"
BLOCKS = (DECISION, ENCODER, GOLDEN, "limen.evidence", "limen.execution", "limen.provenance")


def tokenizer(data, size=None, encoding="zlib+base64"):
    """The tokenizer's object around deflated bytes."""
    packed = zlib.compress(data, 9)
    return {
        "bytes": len(data) if size is None else size,
        "data": base64.b64encode(packed).decode("ascii"),
        "encoding": encoding,
    }


def with_tokenizer(forge, **fields):
    stored = json.loads(forge.properties()[ENCODER])["tokenizer"]
    return forge.with_block(ENCODER, tokenizer=stored | fields)


def with_text(forge, key, old, new):
    """Change the JSON text of a property."""
    text = forge.properties()[key]
    assert old in text
    return forge.with_property(key, text.replace(old, new, 1))


def twice(forge, key):
    return forge.added(forge.entry(key, forge.properties()[key]))


CASES = {
    "newer format": (lambda f: f.with_property("limen.format", "2"), "format number '2'.*reads 1"),
    "format is no number": (lambda f: f.with_property("limen.format", "x"), "format number 'x'"),
    "format spelt another way": (lambda f: f.with_property("limen.format", "01"), "number '01'"),
    "no format": (lambda f: f.with_property("limen.format", None), "format number none"),
    "no digest": (lambda f: f.with_property("limen.digest", None), "digest"),
    "wrong digest": (
        lambda f: f.with_property("limen.digest", "sha256:" + "0" * 64),
        "its digest does not match its content",
    ),
    "digest in capitals": (
        lambda f: f.with_property("limen.digest", f.properties()["limen.digest"].upper()),
        "digest",
    ),
    "two keys in an entry": (
        lambda f: f.added(block(14, block(1, b"a") + block(1, b"limen.golden") + block(2, b"{}"))),
        "two keys or two values",
    ),
    "two values in an entry": (
        lambda f: f.added(block(14, block(1, b"a") + block(2, b"b") + block(2, b"c"))),
        "two keys or two values",
    ),
    "a key that is not UTF-8": (
        lambda f: f.sealed(f.bare() + block(14, block(1, b"\xff"))),
        "not UTF-8",
    ),
    "unknown property": (
        lambda f: f.with_property("limen.plugin", "{}"),
        "properties that format 1 does not have: limen.plugin",
    ),
    "two digests": (lambda f: f.data + f.entry("limen.digest", "x"), "'limen.digest' stands twice"),
    "NaN": (lambda f: with_text(f, GOLDEN, '"tolerance":0.0001', '"tolerance":NaN'), "NaN is not"),
    "infinity": (lambda f: with_text(f, GOLDEN, ":0.0001", ":-Infinity"), "-Infinity is not"),
    "a number too large": (lambda f: with_text(f, GOLDEN, ":0.0001", ":1e999"), "finite number"),
    "ten thousand digits": (
        lambda f: with_text(f, GOLDEN, ":0.0001", ":" + "9" * 10_000),
        "limen.golden: ",
    ),
    "duplicate key": (
        lambda f: with_text(f, DECISION, '"rule":', '"rule":"multiclass","rule":'),
        "limen.decision: a key stands twice",
    ),
    "duplicate key further in": (
        lambda f: with_text(f, DECISION, '"half":', '"half":null,"half":'),
        "limen.decision: a key stands twice",
    ),
    "100,000 brackets": (lambda f: f.with_property(DECISION, "[" * 100_000), "nested deeper|JSON"),
    "33 levels": (
        lambda f: f.with_block(DECISION, more=json.loads("[" * 32 + "]" * 32)),
        "limen.decision: JSON nested deeper than 32",
    ),
    "not JSON": (lambda f: f.with_property(DECISION, "{'rule': 'x'}"), "limen.decision: not JSON"),
    "Python's JSON": (lambda f: f.with_property(DECISION, "{} {}"), "limen.decision: not JSON"),
    "empty": (lambda f: f.with_property(DECISION, ""), "limen.decision: not JSON"),
    "a list": (lambda f: f.with_property(DECISION, "[]"), "limen.decision: a JSON object"),
    "unknown encoder": (lambda f: f.with_block(ENCODER, kind="words"), "kind: one of tokens"),
    "max_tokens 0": (lambda f: f.with_block(ENCODER, max_tokens=0), "max_tokens: 1 to 1048576"),
    "max_tokens 16.5": (lambda f: f.with_block(ENCODER, max_tokens=16.5), "max_tokens: an integer"),
    "unknown side": (lambda f: f.with_block(ENCODER, truncation_side="up"), "one of left, right"),
    "zip bomb": (
        lambda f: f.with_block(ENCODER, tokenizer=tokenizer(b"\0" * 50_000_000)),
        "over 200:1",
    ),
    "zip bomb that lies": (
        lambda f: f.with_block(ENCODER, tokenizer=tokenizer(b"\0" * 50_000_000, size=1_000)),
        "does not inflate to the 1,000 bytes",
    ),
    "size over the cap": (lambda f: with_tokenizer(f, bytes=2**26 + 1), "bytes: 1 to 67108864"),
    "size too small": (lambda f: with_tokenizer(f, bytes=100), "does not inflate to the 100 bytes"),
    "size too large": (lambda f: with_tokenizer(f, bytes=9_999), "does not inflate to the 9,999"),
    "bad base64": (lambda f: with_tokenizer(f, data="ab$="), "data is not base64"),
    "base64 beyond ASCII": (lambda f: with_tokenizer(f, data="행복"), "data is not base64"),
    "no zlib": (lambda f: with_tokenizer(f, data="AAAAAAAA" * 50), "not a zlib stream"),
    "another packing": (lambda f: with_tokenizer(f, encoding="pickle"), "one of zlib.base64"),
    "tokenizer not UTF-8": (
        lambda f: f.with_block(ENCODER, tokenizer=tokenizer(b"\xff\xfe\xfd")),
        "the tokenizer is not UTF-8",
    ),
    "another device": (lambda f: f.with_block("limen.execution", device="tpu"), "device: one of"),
    "a device without its name": (lambda f: f.with_block("limen.execution", device=None), "device"),
    "fp16 for the CPU": (
        lambda f: f.with_block("limen.execution", precision="fp16"),
        "precision fp16 for device cpu",
    ),
    "int8 for a GPU": (
        lambda f: f.with_block("limen.execution", precision="int8", device="cuda", shape="padded"),
        "precision int8 for device cuda",
    ),
    "padded for the CPU": (
        lambda f: f.with_block("limen.execution", shape="padded"),
        "shape padded for device cpu, expected exact",
    ),
    "exact for a GPU": (
        lambda f: f.with_block("limen.execution", device="cuda"),
        "shape exact for device cuda, expected padded",
    ),
    "another shape": (lambda f: f.with_block("limen.execution", shape="packed"), "shape: one of"),
    "padded without a mask": (
        lambda f: f.with_block("limen.execution", device="cuda", shape="padded"),
        "expected .'attention_mask', 'input_ids'. of a padded file",
    ),
    "another precision": (lambda f: f.with_block("limen.execution", precision="fp8"), "fp32, int8"),
    "golden texts over the cap": (
        lambda f: f.with_block(GOLDEN, texts=["a"] * 65),
        "texts: at most 64 items",
    ),
    "golden texts without ids": (lambda f: f.with_block(GOLDEN, ids=[]), "differ in number"),
    "golden logits of another width": (
        lambda f: f.with_block(GOLDEN, logits=[[0.0]] * 3),
        "rows of 4 logits expected",
    ),
    "golden ids that are no whole numbers": (
        lambda f: f.with_block(GOLDEN, ids=[[2.5, 3.0]] * 3),
        "limen.golden: ids",
    ),
    "golden tolerance below zero": (lambda f: f.with_block(GOLDEN, tolerance=-1), "tolerance: a"),
}
CASES |= {
    f"no {key}": (lambda f, key=key: f.with_property(key, None), f"properties missing: {key}")
    for key in BLOCKS
}
CASES |= {f"{key} twice": (lambda f, key=key: twice(f, key), "stands twice") for key in BLOCKS}
CASES |= {
    f"{key} without {field}": (
        lambda f, key=key, field=field: f.without_field(key, field),
        f"{key}: field '{field}' is missing",
    )
    for key, field in [
        *((DECISION, name) for name in ("labels", "link", "block", "rule", "abstain")),
        *((ENCODER, name) for name in ("kind", "long_text", "max_tokens", "tokenizer")),
        *((GOLDEN, name) for name in ("texts", "ids", "logits", "tolerance")),
        ("limen.execution", "precision"),
        ("limen.evidence", "rungs"),
        ("limen.provenance", "versions"),
    ]
}


@pytest.mark.parametrize("case", CASES)
def test_refused_by_name(forge, case):
    make, message = CASES[case]
    with pytest.raises(FormatError, match=rf"(?s)^hostile\.onnx: .*{message}"):
        parse(make(forge), "hostile.onnx")


@pytest.mark.parametrize("case", CASES)
def test_message_says_what_to_do_on_one_short_line(forge, case):
    with pytest.raises(FormatError, match=NEXT_STEP) as caught:
        parse(CASES[case][0](forge), "hostile.onnx")
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_is_none_is_refused_by_load(forge, tmp_path):
    for broken in (b"{}", b"not JSON", b'{"model": {"type": "WordPiece"}}'):
        (tmp_path / "x.onnx").write_bytes(forge.with_block(ENCODER, tokenizer=tokenizer(broken)))
        with pytest.raises(EngineError, match="tokenizer cannot be built"):
            limen.load(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ids": [[2, 3]] * 3}, "golden text 0 gives other token ids"),
        ({"logits": [[0.0] * 4] * 3}, "golden text 0: a logit is off by"),
    ],
)
def test_golden_texts_are_run_by_load(forge, tmp_path, fields, message):
    (tmp_path / "x.onnx").write_bytes(forge.with_block(GOLDEN, **fields))
    with pytest.raises(EngineError, match=rf"^x\.onnx: {message}.*(export|use)"):
        limen.load(tmp_path / "x.onnx")


def test_a_file_without_golden_texts_is_loaded(forge, tmp_path):
    (tmp_path / "x.onnx").write_bytes(forge.with_block(GOLDEN, texts=[], ids=[], logits=[]))
    assert limen.load(tmp_path / "x.onnx")("happy bright").labels == ('joy, "bright"',)


def test_ids_beyond_the_embedding_are_an_engine_error(forge, tmp_path):
    stored = json.loads(forge.properties()[ENCODER])["tokenizer"]["data"]
    plain = zlib.decompress(base64.b64decode(stored)).decode()
    assert '"day":7' in plain
    moved = tokenizer(plain.replace('"day":7', '"day":7000').encode())
    golden = {"texts": [], "ids": [], "logits": []}
    other = type(forge)(forge.with_block(ENCODER, tokenizer=moved))
    (tmp_path / "x.onnx").write_bytes(other.with_block(GOLDEN, **golden))
    model = limen.load(tmp_path / "x.onnx")
    with pytest.raises(EngineError, match="onnxruntime failed on a text of 3 tokens"):
        model("day")
    with pytest.raises(InputError):
        model(b"day")
