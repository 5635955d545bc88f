"""Build `tiny_features.onnx`: a classifier file of kind `tfidf`. Run by make_golden.py."""

import numpy as np
from limen.encoder import open_encoder
from limen.engine import Engine
from limen.format import (
    DecisionBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Metadata,
    OperatingPoint,
    Provenance,
    Rung,
    TfidfBlock,
    Vectoriser,
    Weighting,
    stamp,
)
from limen.format.vocabulary import Vocabulary
from onnx import TensorProto, helper, numpy_helper

NAME = "tiny_features.onnx"
TERMS = ("happy", "day", "happy day", "angry", "오늘", "행복해요", "오늘 행복해요", "tears", "é")
HASHED = 16
LABELS = ("joy", "anger", "슬픔")
TEXTS = ("A happy day, a HAPPY day!", "오늘 행복해요", "the angry day, the sad tears", "...")


def block() -> TfidfBlock:
    """Words and pairs of words, and hashed characters inside words, weighted alike in the end."""
    idf = np.linspace(1.0, 2.0, len(TERMS), dtype=np.float32)
    words = Vectoriser(
        analyzer="word",
        ngram_range=(1, 2),
        lowercase=True,
        strip_accents="none",
        token_pattern="word1",  # noqa: S106
        stop_words=("the",),
        features=len(TERMS),
        vocabulary=Vocabulary.of(TERMS),
        weightings=(Weighting(sublinear=True, idf=idf, norm="l2"),),
    )
    characters = Vectoriser(
        analyzer="char_wb",
        ngram_range=(2, 3),
        lowercase=True,
        strip_accents="unicode",
        token_pattern="",
        stop_words=(),
        features=HASHED,
        vocabulary=None,
        alternate_sign=True,
        weightings=(Weighting(norm="l1"),),
        scale=0.5,
    )
    return TfidfBlock((words, characters), (Weighting(norm="max"),))


def graph() -> bytes:
    """Gather rows, multiply by values, add up by text."""
    generator = np.random.default_rng(21)
    table = generator.normal(0.0, 1.0, (len(TERMS) + HASHED, len(LABELS))).astype(np.float32)
    constants = {
        "table": table,
        "one": np.array([1]),
        "intercept": np.array([[0.1, 0.0, -0.1]]),
    }
    double = {"to": TensorProto.DOUBLE}
    nodes = [
        helper.make_node("Gather", ["table", "indices"], ["gathered"]),
        helper.make_node("Cast", ["gathered"], ["wide"], **double),
        helper.make_node("Unsqueeze", ["values", "one"], ["column"]),
        helper.make_node("Cast", ["column"], ["factors"], **double),
        helper.make_node("Mul", ["wide", "factors"], ["weighted"]),
        helper.make_node("Concat", ["texts", "one"], ["shape"], axis=0),
        helper.make_node("Expand", ["intercept", "shape"], ["starts"]),
        helper.make_node("Unsqueeze", ["rows", "one"], ["places"]),
        helper.make_node("ScatterND", ["starts", "places", "weighted"], ["sums"], reduction="add"),
        helper.make_node("Cast", ["sums"], ["logits"], to=TensorProto.FLOAT),
    ]
    whole = TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("indices", whole, ["features"]),
        helper.make_tensor_value_info("values", TensorProto.FLOAT, ["features"]),
        helper.make_tensor_value_info("rows", whole, ["features"]),
        helper.make_tensor_value_info("texts", whole, [1]),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    body = helper.make_graph(nodes, "features", inputs, [output], initializers)
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(body, ir_version=10, opset_imports=[opset], producer_name="golden")
    return model.SerializeToString(deterministic=True)


def features_file() -> bytes:
    """The stamped file; its golden logits are what onnxruntime gives, to six digits."""
    encoder, model = block(), graph()
    engine = Engine(model, NAME, len(LABELS))
    encoded = [open_encoder(encoder).encode(text) for text in TEXTS]
    golden = Golden(
        texts=TEXTS,
        ids=tuple(tuple(one.ids) for one in encoded),
        logits=tuple(
            tuple(round(float(x), 6) for x in engine.logits(one.feeds)) for one in encoded
        ),
        tolerance=1e-4,
    )
    decision = DecisionBlock(
        "multiclass", LABELS, "softmax", (OperatingPoint("argmax", None),), "argmax"
    )
    evidence = Evidence(
        "golden texts", len(TEXTS), (Rung("fp32", len(model), 0.0, 1.0, 1.0, None),)
    )
    origin = Provenance("make_features", (("limen", "0.1.0"),), "2026-01-01", "CC0-1.0")
    execution = ExecutionBlock("fp32", optimised=True)
    return stamp(model, Metadata(decision, encoder, execution, evidence, golden, origin))
