"""Token ids of a classifier file equal those of transformers, for every text of real data."""

import csv
import json
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice

import pytest
from limen.token_encoder import TokenEncoder
from limen_export.sources.tokens import encoder_block, longest_input, read_tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

BRACKETS = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
BRACKETS |= {"unk_token": "[UNK]", "mask_token": "[MASK]"}
ANGLES = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
ANGLES |= {"unk_token": "<unk>", "mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}
VOCABULARIES = {
    "bert-base-multilingual-cased": BRACKETS,
    "kcbert-base": BRACKETS,
    "roberta-base": ANGLES,
    "xlm-roberta-base": ANGLES,
}
MODELS = ("goemotions-minilm", "3i4k-ko-bert")
LONGEST = 512
BATCH = 2_000
SPELT = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "</s>", "<s>", "<pad>", "<mask>", "<unk>")
ODD = (
    *SPELT,
    *(f"good{token}day" for token in SPELT),
    *(f"  {token}  {token} day" for token in SPELT),
    "[pad]",
    "< pad >",
    "",
    " ",
    "\t\r\n \u3000\u00a0",
    "\x00",
    "a\x00b",
    "\ufffd\u200d\ufe0f",
    "😀👨‍👩‍👧‍👦🇰🇷 good😀day",
    "ㅋㅋㅋ 행복\u1112\u1161\u11ab",
    "cafe\u0301 café ﬁ Ⅳ １２",
    "x" * 300,
    "!?" * 400,
)


class Unshown(tuple):
    """Texts of the real data: pytest shows how many there are, never one of them."""

    def __repr__(self):
        return f"{len(self)} texts"


def rows(path, **dialect):
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.reader(lines, **dialect)


@pytest.fixture(scope="module")
def data(shared):
    """Every text of the real data, each once: set -> texts."""
    found = {"kote": [row[1] for row in rows(shared / "data/kote/val.tsv", delimiter="\t")]}
    for part in ("train", "dev"):
        lines = (shared / f"data/3i4k/{part}.txt").read_bytes().decode("utf-8").split("\r\n")
        found[f"3i4k {part}"] = [line.partition("\t")[2] for line in lines if line]
    plain = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    reviews = rows(shared / "data/nsmc/train_10k.tsv", **plain)
    found["nsmc"] = [row[1] for row in islice(reviews, 1, None)]
    for part in ("train_20k", "dev"):
        comments = rows(shared / f"data/goemotions/{part}.tsv", **plain)
        found[f"goemotions {part}"] = [row[0] for row in comments]
    queries = rows(shared / "data/banking77/train.csv")
    found["banking77"] = [row[0] for row in islice(queries, 1, None)]
    folds = sorted((shared / "data/nlupp").glob("*/fold*.json"))
    found["nlupp"] = [
        item["text"] for fold in folds for item in json.loads(fold.read_text(encoding="utf-8"))
    ]
    return {name: Unshown(dict.fromkeys(texts)) for name, texts in found.items()}


@pytest.fixture(scope="module")
def saved(shared, tmp_path_factory):
    """Return (vocabulary, settings) -> a folder that save_pretrained wrote."""

    @cache
    def save(name, **settings):
        folder = tmp_path_factory.mktemp("tokenizer") / name
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(shared / "data/tokenizers" / name / "derived_tokenizer.json"),
            **{"model_max_length": LONGEST, **VOCABULARIES[name], **settings},
        )
        tokenizer.save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="module", params=sorted(VOCABULARIES))
def folder(request, saved):
    return saved(request.param)


# Each of the two sides keeps a tokenizer of its own: a call changes its state. XLM-R's takes
# seconds to load.
@lru_cache(maxsize=2)
def of_transformers(folder):
    return AutoTokenizer.from_pretrained(str(folder))


@lru_cache(maxsize=2)
def of_limen(folder):
    return read_tokenizer(folder, folder.name)


def encoder(folder, longest=None):
    tokenizer = of_limen(folder)
    longest = longest_input(tokenizer, None, longest, folder.name)
    return TokenEncoder(encoder_block(tokenizer, longest))


def differing(folder, texts, longest=LONGEST):
    """Places of the texts whose ids differ."""
    tokenizer = of_transformers(folder)
    encode = encoder(folder, longest).encode
    places = []
    for start in range(0, len(texts), BATCH):
        batch = Unshown(texts[start : start + BATCH])
        wanted = tokenizer(list(batch), truncation=True, max_length=longest)["input_ids"]
        for place, (text, ids) in enumerate(zip(batch, wanted, strict=True), start):
            try:
                found = encode(text).feeds["input_ids"][0].tolist()
            except Exception as error:  # a traceback would show the text
                pytest.fail(f"text {place}: {type(error).__name__}", pytrace=False)
            if found != ids:
                places.append(place)
    return places


def test_all_of_the_data_is_read(data):
    """Rows as the sets state them; a text that occurs twice is compared once."""
    least = {"kote": 4_990, "3i4k train": 46_600, "3i4k dev": 5_140, "nsmc": 9_800}
    least |= {"goemotions train_20k": 19_900, "goemotions dev": 5_400}
    least |= {"banking77": 9_990, "nlupp": 2_700}
    assert {name: len(texts) >= least[name] for name, texts in data.items()} == dict.fromkeys(
        least, True
    )
    assert any("\n" in text for text in data["banking77"])


def test_every_text_of_the_data(folder, data):
    places = {name: differing(folder, texts) for name, texts in data.items()}
    assert {name: found for name, found in places.items() if found} == {}


@pytest.mark.parametrize("longest", [LONGEST, 16, 3])
def test_odd_texts(folder, longest):
    assert differing(folder, ODD, longest) == []


def test_special_tokens_that_a_text_spells_become_those_tokens(folder):
    tokenizer = of_transformers(folder)
    spelt = f"{tokenizer.pad_token} {tokenizer.sep_token}"
    ids = encoder(folder).encode(spelt).feeds["input_ids"][0].tolist()
    assert {tokenizer.pad_token_id, tokenizer.sep_token_id} <= set(ids[1:-1])


@pytest.mark.parametrize("longest", [LONGEST, 16])
def test_texts_at_the_longest_input(folder, longest):
    tokenizer = of_transformers(folder)
    word = next(word for word in (" a", " x", " 1") if len(tokenizer(word * 20)["input_ids"]) == 22)
    texts = [word * count for count in (longest - 3, longest - 2, longest - 1, 3 * longest)]
    assert differing(folder, texts, longest) == []
    encoded = [encoder(folder, longest).encode(text) for text in texts]
    lengths = [found.feeds["input_ids"].shape for found in encoded]
    assert lengths == [(1, longest - 1), (1, longest), (1, longest), (1, longest)]
    assert [found.truncated for found in encoded] == [False, False, True, True]


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_truncation_on_the_left(saved, data, name):
    folder = saved(name, truncation_side="left")
    texts = Unshown((*ODD, *data["kote"][:500], *data["goemotions dev"][:500]))
    assert differing(folder, texts, 16) == []
    block = encoder_block(of_limen(folder), 16)
    assert block.truncation_side == "left"
    long = "one " * 30 + "two " * 30
    left, right = (
        TokenEncoder(replace(block, truncation_side=side)).encode(long).feeds["input_ids"].tolist()
        for side in ("left", "right")
    )
    assert left != right


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_special_tokens_split_like_other_text(saved, name):
    folder = saved(name, split_special_tokens=True)
    assert of_transformers(folder).split_special_tokens is True
    assert encoder_block(of_limen(folder), 16).special_tokens_in_text is False
    assert differing(folder, ODD) == []


@pytest.mark.parametrize("name", MODELS)
def test_tokenizers_of_the_real_checkpoints(shared, data, name):
    folder = shared / "models" / name
    texts = Unshown(text for found in data.values() for text in found[:1_500])
    assert differing(folder, texts, 128) == []
    for longest in (128, 16):
        assert differing(folder, ODD, longest) == []
