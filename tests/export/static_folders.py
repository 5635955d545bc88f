"""Folders as Model2Vec saves them, made by hand with random numbers."""

import json
from itertools import pairwise

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH = 16
LABELS = ["joy", "anger", "fear"]


def word_pieces():
    words = "the day was good bad not very 오늘 정말 행복 하루 . , ! ?".split()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *"abcdefgh", *(f"##{c}" for c in "abcd")]
    ids = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    # Model2Vec adds no special tokens, whatever the tokenizer would add.
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding()
    return tokenizer


def unigrams():
    words = "the day was good bad not very 오늘 정말 행복".split()
    pieces = ["<unk>", "▁", *(f"▁{word}" for word in words), *"abcdefghxyz"]
    scored = [(piece, -float(place)) for place, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def byte_pairs():
    """Every text has tokens but the empty one, and none is unknown."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, "Ġt", "he"]
    ids = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(ids, [("Ġ", "t"), ("h", "e")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


TOKENIZERS = {"bytes": byte_pairs, "wordpiece": word_pieces, "unigram": unigrams}


def made(folder, **kind):
    """Write a folder with random numbers; large enough for logits to span about -5 to 5."""
    generator = np.random.default_rng(3)
    tokenizer = kind.get("tokenizer", "wordpiece")
    tokenizer = TOKENIZERS[tokenizer]() if isinstance(tokenizer, str) else tokenizer
    ids = tokenizer.get_vocab_size()
    rows, width = 7 if kind.get("mapped") else ids, kind.get("width", WIDTH)
    tensors = {"embeddings": generator.normal(size=(rows, width)).astype(kind.get("dtype", "f4"))}
    if kind.get("weighted"):
        tensors["weights"] = generator.uniform(0.2, 2, ids).astype(np.float32)
    if kind.get("mapped"):
        tensors["mapping"] = generator.integers(0, rows, ids).astype(np.int64)
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    widths = [width, *kind.get("hidden", (8,)), len(LABELS)]
    head = {}
    for place, (given, wanted) in enumerate(pairwise(widths)):
        weight = generator.normal(size=(wanted, given)).astype(np.float32)
        head[f"head.{place}.weight"] = weight
        head[f"head.{place}.bias"] = generator.normal(size=wanted).astype(np.float32)
    save_file(head, folder / "head.safetensors")
    stated = {
        "n_layers": len(widths) - 1,
        "activation": kind.get("activation", "sigmoid"),
        "classes": LABELS,
    }
    config = {
        "model_type": "model2vec",
        "normalize": kind.get("normalize", False),
        "max_length": kind.get("max_length", 512),
        "head_config": stated,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
