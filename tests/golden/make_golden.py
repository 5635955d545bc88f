"""Build the tiny classifier files of this folder and `cases.json`.

Run by hand: `python tests/golden/make_golden.py [FOLDER]`. Needs onnx and numpy beside limen. Two
runs give the same bytes. What the cases expect is computed here from the weights in float64, not by
limen, so that the tests of the runtime compare it with something else than itself.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
from expectations import expected
from limen.engine import Engine
from limen.format import (
    EncoderBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Metadata,
    Provenance,
    Rung,
    stamp,
)
from limen.token_encoder import TokenEncoder
from make_features import NAME, features_file
from onnx import TensorProto, helper, numpy_helper
from recipes import PULLS, RECIPES, Recipe
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PLAIN = ("the", "a", "day", "is", "and", "##ly", "##er", ".", ",", "!", "오늘", "##해요", "##고")
WIDTH, MAX_TOKENS = 6, 16
GOLDEN_TEXTS = ("a bright happy day!", "오늘 행복해요", "the angry day, the sad day")


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
    """Embedding (tokens, width), matrix (width, outputs), bias (outputs,): noise, and the pulls.
    An output of a pair is pulled up by the later label's words, and down by the earlier one's.
    """
    decision = recipe.decision
    outputs, pairs = decision.outputs, decision.rule == "one_vs_one"
    noise, made = np.random.default_rng(recipe.seed), tokenizer()
    table = noise.normal(0.0, 0.3, (made.get_vocab_size(), WIDTH))
    matrix = noise.normal(0.0, 0.2, (WIDTH, outputs))
    for label, group in enumerate(PULLS[: len(decision.labels) if pairs else outputs]):
        if not pairs:
            matrix[label, label] += 2.0
        for word in group:
            table[made.token_to_id(word), label] += 4.0
    for output, (first, later) in enumerate(combinations(range(len(decision.labels)), 2)):
        if pairs:
            matrix[[first, later], output] += (-2.0, 2.0)
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
    evidence = Evidence("golden texts", len(GOLDEN_TEXTS), (rung,), recipe.fits)
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


def cases_of(recipe: Recipe, text: str) -> list[dict]:
    """What the file must say about a text, at every point."""
    ids, truncated = encoded(recipe, text)
    table, matrix, bias = (part.astype(np.float64) for part in weights(recipe))
    logits = table[ids].mean(axis=0) @ matrix + bias
    return [
        {"text": text, **expected(recipe, point, logits, ids, truncated=truncated)}
        for point in recipe.decision.points
    ]


def build(folder: Path) -> None:
    """Write the files and the cases into a folder."""
    cases: dict[str, list[dict]] = {}
    for recipe in RECIPES:
        (folder / recipe.name).write_bytes(classifier_file(recipe))
        cases[recipe.name] = [case for text in recipe.texts for case in cases_of(recipe, text)]
    (folder / NAME).write_bytes(features_file())
    shown = json.dumps(cases, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "cases.json").write_text(shown + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
