"""Build the three tiny classifier files of this folder and `cases.json`.

Run by hand: `python tests/golden/make_golden.py [FOLDER]`. Needs onnx and numpy beside limen. Two
runs give the same bytes. What the cases expect is computed here from the weights in float64, not by
limen, so that the tests of the runtime compare it with something else than itself.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from limen.encoder import TokenEncoder
from limen.engine import Engine
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
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PULLS = (
    ("happy", "bright", "행복", "설레"),
    ("angry", "mad", "화", "짜증"),
    ("sad", "tears", "슬프", "눈물"),
    ("wow", "sudden", "깜짝", "놀라"),
)
"""Words that pull the logits of output 0, 1, 2 and 3 up."""
PLAIN = ("the", "a", "day", "is", "and", "##ly", "##er", ".", ",", "!", "오늘", "##해요", "##고")
WIDTH, MAX_TOKENS = 6, 16
LONG = "the day is a day and the day is a day and the day is a sad day and wow"
GOLDEN_TEXTS = ("a bright happy day!", "오늘 행복해요", "the angry day, the sad day")


@dataclass(frozen=True)
class Recipe:
    """One file, and texts that reach every cell."""

    name: str
    decision: DecisionBlock
    seed: int
    bias: tuple[float, ...]
    texts: tuple[str, ...]
    side: str = "right"
    special_tokens_in_text: bool = True


COMMON = ("", " \t\n ", "a\0day", "\0", "the day is", "오늘 행복해요!", "슬프고 눈물")
COMMON += ("[MASK] happy [SEP]", "[PAD]", LONG, "wow " + LONG)
RECIPES = (
    Recipe(
        "tiny_multilabel.onnx",
        DecisionBlock(
            "multilabel",
            ('joy, "bright"', "anger/disgust", "슬픔", "🙂 surprise"),
            "sigmoid",
            (
                OperatingPoint("f1", (0.55, 0.4, 0.6, 0.3)),
                OperatingPoint("half", (0.5, 0.5, 0.5, 0.5)),
            ),
            "f1",
        ),
        seed=11,
        bias=(-1.5, -1.5, -1.5, -1.5),
        texts=(
            *COMMON,
            "happy bright",
            "angry mad 짜증",
            "wow sudden",
            "happy mad wow tears 화 눈물",
        ),
    ),
    Recipe(
        "tiny_multiclass.onnx",
        DecisionBlock(
            "multiclass",
            ("positive", "negative", "sorrow"),
            "softmax",
            (OperatingPoint("argmax", None), OperatingPoint("custom", (0.5, 0.6, 0.7))),
            "argmax",
        ),
        seed=12,
        bias=(0.1, 0.0, -0.1),
        texts=(*COMMON, "happy bright happy", "angry mad", "sad tears sad", "happy angry sad"),
        side="left",
    ),
    Recipe(
        "tiny_binary.onnx",
        DecisionBlock(
            "multiclass",
            ("other", "happy"),
            "sigmoid",
            (OperatingPoint("argmax", None), OperatingPoint("sure", (0.55, 0.7))),
            "argmax",
        ),
        seed=13,
        bias=(-0.4,),
        texts=(*COMMON, "happy bright", "happy", "the and", "a happy day", "is is is is"),
        special_tokens_in_text=False,
    ),
)


def tokenizer() -> Tokenizer:
    """WordPiece with a template, like BERT's, over a few words."""
    words = (*SPECIAL, *PLAIN, *sum(PULLS, ()))
    vocabulary = {word: index for index, word in enumerate(words)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(list(SPECIAL))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    return made


def weights(recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embedding (tokens, width), matrix (width, outputs), bias (outputs,): noise, and the pulls."""
    outputs = recipe.decision.outputs
    noise, made = np.random.default_rng(recipe.seed), tokenizer()
    table = noise.normal(0.0, 0.3, (made.get_vocab_size(), WIDTH))
    matrix = noise.normal(0.0, 0.2, (WIDTH, outputs))
    for output, group in enumerate(PULLS[:outputs]):
        matrix[output, output] += 2.0
        for word in group:
            table[made.token_to_id(word), output] += 4.0
    return table.astype(np.float32), matrix.astype(np.float32), np.array(recipe.bias, np.float32)


def graph(recipe: Recipe) -> bytes:
    """input_ids -> Gather -> ReduceMean over tokens -> MatMul -> Add -> logits."""
    table, matrix, bias = weights(recipe)
    constants = {"table": table, "axis": np.array([1]), "matrix": matrix, "bias": bias}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceMean", ["rows", "axis"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    ports = (
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(bias)]),
    )
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    body = helper.make_graph(nodes, "tiny", [ports[0]], [ports[1]], initializers)
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(body, ir_version=10, opset_imports=[opset], producer_name="golden")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def classifier_file(recipe: Recipe) -> bytes:
    """The stamped file; its golden logits are what onnxruntime gives, to six digits."""
    encoder = EncoderBlock(
        tokenizer().to_str(), MAX_TOKENS, recipe.side, recipe.special_tokens_in_text
    )
    model = graph(recipe)
    engine = Engine(model, recipe.name, recipe.decision.outputs)
    feeds = [TokenEncoder(encoder).encode(text).feeds for text in GOLDEN_TEXTS]
    golden = Golden(
        texts=GOLDEN_TEXTS,
        ids=tuple(tuple(feed["input_ids"][0].tolist()) for feed in feeds),
        logits=tuple(tuple(round(float(x), 6) for x in engine.logits(feed)) for feed in feeds),
        tolerance=1e-4,
    )
    rung = Rung("fp32", len(model), 0.0, 1.0, 1.0, None)
    evidence = Evidence("golden texts", len(GOLDEN_TEXTS), (rung,))
    origin = Provenance("make_golden", (("limen", "0.1.0"),), "2026-01-01", "CC0-1.0")
    execution = ExecutionBlock("fp32")
    return stamp(model, Metadata(recipe.decision, encoder, execution, evidence, golden, origin))


def encoded(recipe: Recipe, text: str) -> tuple[list[int], bool]:
    """The ids of a text, cut by hand to the room that [CLS] and [SEP] leave."""
    made = tokenizer()
    made.encode_special_tokens = not recipe.special_tokens_in_text
    inner = made.encode(text, add_special_tokens=False).ids
    room = MAX_TOKENS - 2
    kept = inner[-room:] if recipe.side == "left" else inner[:room]
    return [made.token_to_id("[CLS]"), *kept, made.token_to_id("[SEP]")], len(kept) < len(inner)


def linked(recipe: Recipe, logits: np.ndarray) -> np.ndarray:
    """Scores by the textbook's formulas; these logits are too small to overflow."""
    if recipe.decision.link == "softmax":
        return np.exp(logits) / np.exp(logits).sum()
    scores = 1.0 / (1.0 + np.exp(-logits))
    return np.array([1.0 - scores[0], scores[0]]) if len(scores) == 1 else scores


def expected(recipe: Recipe, text: str, point: OperatingPoint) -> dict:
    """What the file must say about a text at a point, from its weights, step by step."""
    ids, truncated = encoded(recipe, text)
    table, matrix, bias = (part.astype(np.float64) for part in weights(recipe))
    logits = table[ids].mean(axis=0) @ matrix + bias
    scores = linked(recipe, logits)
    names, best = recipe.decision.labels, int(np.argmax(scores))
    floors = point.thresholds or (0.0,) * len(names)
    nearest = min(abs(score - floor) for score, floor in zip(scores, floors, strict=True))
    if nearest < 1e-4 or np.sort(scores)[-1] - np.sort(scores)[-2] < 1e-4:
        raise SystemExit(f"{recipe.name}: {text!r} is too close to a threshold to be a case")
    candidates = range(len(names)) if recipe.decision.rule == "multilabel" else [best]
    labels = [names[index] for index in candidates if scores[index] >= floors[index]]
    return {
        "text": text,
        "point": point.name,
        "ids": ids,
        "logits": [round(float(value), 6) for value in logits],
        "scores": {name: round(float(x), 6) for name, x in zip(names, scores, strict=True)},
        "labels": labels,
        "top": names[best],
        "abstained": recipe.decision.rule == "multiclass" and not labels,
        "truncated": truncated,
    }


def build(folder: Path) -> None:
    """Write the files and the cases into a folder."""
    cases: dict[str, list[dict]] = {}
    for recipe in RECIPES:
        (folder / recipe.name).write_bytes(classifier_file(recipe))
        pairs = [(text, point) for text in recipe.texts for point in recipe.decision.points]
        cases[recipe.name] = [expected(recipe, *pair) for pair in pairs]
    shown = json.dumps(cases, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "cases.json").write_text(shown + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
