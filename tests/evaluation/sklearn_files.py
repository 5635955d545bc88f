"""Classifier files made of fitted scikit-learn parts, and texts to fit them on.

A text is a bag of words. The graph adds up a row of weights for every word, which is what a linear
model does with counts, and gives the decision value of every part.
"""

from dataclasses import dataclass

import limen
import numpy as np
import onnx
from limen.format import (
    DecisionBlock,
    EncoderBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Metadata,
    OperatingPoint,
    Provenance,
    Rung,
    stamp,
)
from onnx import TensorProto, helper, numpy_helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = tuple(f"w{number}" for number in range(60))
NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
SPLIT = {"token_pattern": r"\S+"}


@dataclass(frozen=True)
class Texts:
    """Texts of so many classes, some of unknown words alone, with their counts."""

    train: list[str]
    classes: np.ndarray
    several: np.ndarray
    test: list[str]
    counts: CountVectorizer

    def table(self, texts):
        return self.counts.transform(texts).toarray().astype(np.float64)


def make_texts(classes, seed=7):
    """Texts of words that lean to their class; a share of them to two classes."""
    draw = np.random.default_rng(seed)
    lean = draw.dirichlet(np.full(len(WORDS), 0.4), size=classes)

    def text(place, other):
        shares = (lean[place] + lean[other] + 0.6 / len(WORDS)) / 2.6
        size = int(draw.integers(1, 12))
        return " ".join([*draw.choice(WORDS, size, p=shares), *["unknown"] * (size % 3 == 0)])

    def some(count):
        first, second = draw.integers(0, classes, (2, count))
        marks = np.zeros((count, classes), dtype=int)
        marks[np.arange(count), first] = marks[np.arange(count), second] = 1
        pairs = zip(first, second, strict=True)
        return [text(place, other) for place, other in pairs], first, marks

    train, first, marks = some(300)
    test, _, _ = some(400)
    test += ["unknown", "nothing here is known", "unknown w1", *WORDS]
    counts = CountVectorizer(lowercase=False, vocabulary=WORDS, **SPLIT)
    named = np.array(NAMES)[first]
    return Texts(train, named, marks, test, counts)


def linear(fitted):
    """Weights (words, outputs) and intercepts of parts that say yes or no.

    The decision value of naive Bayes is the difference of its two joint log-likelihoods.
    """
    rows = []
    for one in fitted:
        if isinstance(one, MultinomialNB):
            weights = one.feature_log_prob_[1] - one.feature_log_prob_[0]
            rows.append((weights, one.class_log_prior_[1] - one.class_log_prior_[0]))
        else:
            rows.extend(zip(one.coef_, one.intercept_, strict=True))
    weights, intercepts = zip(*rows, strict=True)
    return np.stack(weights, axis=1), np.array(intercepts)


ENDINGS = {
    "sigmoid": [("Identity", ["sum"], "logits", {})],
    "softmax": [("Identity", ["sum"], "logits", {})],
    "labels": [
        ("Greater", ["sum", "zero"], "yes", {}),
        ("Cast", ["yes"], "logits", {"to": TensorProto.FLOAT}),
    ],
    "log": [  # log of the logistic function: min(x, 0) - log(1 + exp(-|x|))
        ("Abs", ["sum"], "size", {}),
        ("Neg", ["size"], "minus", {}),
        ("Exp", ["minus"], "small", {}),
        ("Add", ["small", "one"], "more", {}),
        ("Log", ["more"], "rest", {}),
        ("Min", ["sum", "zero"], "least", {}),
        ("Sub", ["least", "rest"], "logits", {}),
    ],
}


def graph(weights, intercepts, link):
    """input_ids -> Gather -> ReduceSum over tokens -> Add -> link; the last row is of [UNK]."""
    table = np.concatenate([weights, np.zeros((1, weights.shape[1]))]).astype(np.float32)
    constants = {"table": table, "bias": intercepts.astype(np.float32), "axis": np.array([1])}
    constants |= {"zero": np.float32([0.0]), "one": np.float32([1.0])}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["added"], keepdims=0),
        helper.make_node("Add", ["added", "bias"], ["sum"]),
    ]
    nodes += [
        helper.make_node(operator, taken, [given], **attributes)
        for operator, taken, given, attributes in ENDINGS[link]
    ]
    used = {name for node in nodes for name in node.input}
    body = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", table.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(body, ir_version=10, opset_imports=[opset])
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def load(folder, fitted, rule, link, labels, **options):
    """A classifier file of fitted parts, written and loaded."""
    vocabulary = {word: index for index, word in enumerate((*WORDS, "[UNK]"))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    any_number = rule == "multilabel" or options.get("several", False)
    point = OperatingPoint("p", (0.5,) * len(labels) if any_number else None)
    content = graph(*linear(fitted), link)
    metadata = Metadata(
        DecisionBlock(rule, tuple(map(str, labels)), link, (point,), "p", **options),
        EncoderBlock(tokenizer.to_str(), 64),
        ExecutionBlock("fp32"),
        Evidence("none", 0, (Rung("fp32", len(content), 0.0, 1.0, 1.0, None),)),
        Golden((), (), (), 0.0),
        Provenance("scikit-learn", (("limen", limen.__version__),), "2026-01-01"),
    )
    (folder / "parts.onnx").write_bytes(stamp(content, metadata))
    return limen.load(folder / "parts.onnx")
