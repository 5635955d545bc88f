"""The corpus that limen ships: enough of it, rightly labelled, and no two texts from one mould."""

import re
import unicodedata
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from limen.corpus import EMOTIONS, sentences

SPLITS = ("train", "dev", "test")
FUNCTION_WORDS = frozenset(
    """
    a about after again all also always am an and any are as at back be because been before but by
    can could did do does down even ever every few for from get go got had has have he her here hers
    him his how i if in into is it its just like more most much my never no not now of off on once
    one only or other our out over own per quite rather same she should since so some still such
    than that the their them then there these they this those though through till to too two under
    until up us very was we well were what when where which while who whole whose why will with
    without would yes yet you your yours
    i'm i've i'll i'd you're you've you'll he's she's it's we're we've they're that's there's isn't
    wasn't don't doesn't didn't can't couldn't won't wouldn't haven't hasn't
    """.split()
)
"""English words that carry a sentence's form rather than its content."""

LIMIT = 3
NEAR = 0.5
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")


@pytest.fixture(scope="module", params=["en", "ko"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def corpus(language):
    return sentences(language)


def pieces(text):
    """Words in lower case, and every punctuation mark or symbol."""
    return WORD.findall(unicodedata.normalize("NFKC", text).lower().replace("’", "'"))


def english_skeleton(text):
    """Function words and punctuation stay, every run of other words is one slot; None for texts of
    fewer than five words.
    """
    found = pieces(text)
    if sum(piece[0].isalnum() for piece in found) < 5:
        return None
    slots = [piece if piece in FUNCTION_WORDS or not piece[0].isalnum() else "_" for piece in found]
    return tuple(
        one for one, before in zip(slots, ["", *slots], strict=False) if (one, before) != ("_", "_")
    )


def korean_skeleton(text):
    """The last syllable of each eojeol, where particles and endings are, and punctuation; None for
    texts of fewer than four eojeols.
    """
    found = pieces(text)
    words = [piece for piece in found if piece[0].isalnum()]
    if len(words) < 4:
        return None
    return tuple("_" + piece[-1] if piece[0].isalnum() else piece for piece in found)


def overused(moulds):
    """Moulds with more texts than the limit."""
    counted = Counter(mould for mould in moulds if mould is not None)
    return {mould: count for mould, count in counted.items() if count > LIMIT}


def normalised(text):
    return " ".join(piece for piece in pieces(text) if piece[0].isalnum())


def trigrams(text):
    padded = f" {normalised(text)} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


def likeness(texts):
    """Jaccard similarity of the trigrams of every two texts: float64, (texts, texts)."""
    sets = [trigrams(text) for text in texts]
    numbers = {gram: index for index, gram in enumerate(sorted(set().union(*sets)))}
    marks = np.zeros((len(texts), len(numbers)), dtype=np.float32)
    for row, grams in enumerate(sets):
        marks[row, [numbers[gram] for gram in grams]] = 1.0
    shared = (marks @ marks.T).astype(np.float64)
    sizes = np.diag(shared)
    return shared / np.maximum(sizes[:, None] + sizes[None, :] - shared, 1.0)


def test_there_is_enough(corpus):
    assert len(corpus) >= 800
    counts = Counter(sentence.split for sentence in corpus)
    assert set(counts) == set(SPLITS)
    assert counts["train"] > counts["dev"] + counts["test"]


def test_a_split_is_asked_for_by_name(corpus, language):
    parts = {split: sentences(language, split) for split in SPLITS}
    assert sum(map(len, parts.values())) == len(corpus)
    for split, part in parts.items():
        assert part == [sentence for sentence in corpus if sentence.split == split]


def test_labels_are_known_and_in_order_and_stand_once(corpus):
    for sentence in corpus:
        assert sentence.labels == tuple(one for one in EMOTIONS if one in sentence.labels), sentence


def test_every_split_holds_every_label_and_texts_without(corpus):
    for split in SPLITS:
        counts = Counter(
            label for one in corpus if one.split == split for label in one.labels or ("none",)
        )
        assert [label for label in (*EMOTIONS, "none") if counts[label] < 5] == [], split


def test_a_tenth_has_no_label_and_many_have_several(corpus):
    none = sum(not sentence.labels for sentence in corpus) / len(corpus)
    several = sum(len(sentence.labels) > 1 for sentence in corpus) / len(corpus)
    assert 0.08 <= none <= 0.12
    assert several >= 0.15


def test_no_kind_is_most_of_it(corpus):
    counts = Counter(sentence.kind for sentence in corpus)
    assert len(counts) >= 5
    assert max(counts.values()) < len(corpus) / 2
    assert all(re.fullmatch("[a-z]+", kind) for kind in counts)


def test_texts_are_clean(corpus):
    for sentence in corpus:
        text = sentence.text
        assert text, sentence
        assert text == text.strip(), text
        assert text == unicodedata.normalize("NFC", text), text
        assert "  " not in text, text
        odd = [one for one in text if unicodedata.category(one) in ("Cc", "Cs", "Co", "Cn", "Zl")]
        assert odd == [], (text, odd)
        assert not re.search(r"https?://|\S@\S+\.\S|\ufeff|\ufffd", text), text


def test_texts_are_in_their_language(corpus, language):
    for sentence in corpus:
        hangul = any("가" <= one <= "힣" or "ㄱ" <= one <= "ㅣ" for one in sentence.text)
        assert hangul is (language == "ko"), sentence.text


def test_no_text_stands_twice(corpus):
    counted = Counter(normalised(sentence.text) or sentence.text for sentence in corpus)
    assert [text for text, count in counted.items() if count > 1] == []


def test_no_text_of_one_split_is_nearly_one_of_another(corpus):
    alike = likeness([sentence.text for sentence in corpus])
    split = np.array([sentence.split for sentence in corpus])
    across = np.argwhere((alike >= NEAR) & (split[:, None] < split[None, :]))
    assert [(corpus[a].text, corpus[b].text) for a, b in across] == []


def test_no_more_than_three_texts_have_one_skeleton(corpus, language):
    skeleton = english_skeleton if language == "en" else korean_skeleton
    assert overused(skeleton(sentence.text) for sentence in corpus) == {}


def test_no_more_than_three_texts_begin_alike(corpus):
    begun = (normalised(sentence.text).split()[:3] for sentence in corpus)
    assert overused(tuple(words) if len(words) == 3 else None for words in begun) == {}


def test_the_skeleton_sees_a_mould():
    """Texts from one template fall into one skeleton, unlike ones do not."""
    one = [
        english_skeleton(f"I was so {a} when the {b} broke!") for a in ("mad", "sad") for b in "xy"
    ]
    assert len(set(one)) == 1
    assert english_skeleton("I was so glad that the rain came") != one[0]
    assert english_skeleton("too short for it") is None
    two = [
        korean_skeleton(f"오늘 {a}에서 {b}를 봤어!") for a in ("집", "학교") for b in ("나비", "새")
    ]
    assert len(set(two)) == 1
    assert korean_skeleton("내일 비가 오면 안 간다") != two[0]
    assert korean_skeleton("너무 짧은 글") is None
    assert overused([*one, *two, None, None, None, None]) == {one[0]: 4, two[0]: 4}


def test_likeness_is_jaccards():
    texts = ["The cat sat down.", "the CAT sat down", "The cat sat up", "완전히 다른 글"]
    found = likeness(texts)
    for (a, one), (b, other) in combinations(enumerate(texts), 2):
        mine, others = trigrams(one), trigrams(other)
        assert found[a, b] == pytest.approx(len(mine & others) / len(mine | others))
    assert found[0, 1] == 1.0
    assert found[0, 2] > NEAR > found[0, 3]
