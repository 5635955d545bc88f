"""Near-duplicates: the same pairs as by comparing all with all, whatever the order."""

import csv
from itertools import combinations
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limen.corpus import sentences
from limen.errors import InputError
from limen.evaluation.parts import text_key

pytest.importorskip("imblearn")
pytest.importorskip("accelerate")

from limen_export.training.crossings import crossings
from limen_export.training.examples import Examples
from limen_export.training.near_duplicates import LEAST_SHINGLES, find_near_duplicates
from limen_export.training.shingles import normal_form

FREE = settings(deadline=None, max_examples=50)


def trigrams(form):
    return {form[at : at + 3] for at in range(max(len(form) - 2, 1))}


def brute_force(texts, limit=0.8):
    """Pairs of unlike forms, by their definition."""
    sets = {form: trigrams(form) for form in {normal_form(text) for text in texts}}
    long = sorted(form for form, own in sets.items() if len(own) >= LEAST_SHINGLES)
    return {
        (one, other)
        for one, other in combinations(long, 2)
        if len(sets[one] & sets[other]) / len(sets[one] | sets[other]) >= limit
    }


def found_pairs(texts, limit=0.8):
    found = find_near_duplicates(texts, limit)
    forms = sorted({normal_form(text) for text in texts})
    return {(forms[one], forms[other]) for one, other in found.pairs.tolist()}


def altered(texts, seed):
    """Each text three times more, with a letter or a word changed."""
    draw, made = np.random.default_rng(seed), []
    for text in texts:
        for _ in range(3):
            at, end = int(draw.integers(len(text))), int(draw.integers(1, 6))
            made.append(text[:at] + "q" + text[at + end :])
    return [*texts, *made]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("limit", [0.6, 0.8, 0.95])
def test_the_pairs_are_those_of_all_comparisons(language, limit):
    texts = altered([row.text for row in sentences(language, "train")][:60], 7)
    expected = brute_force(texts, limit)
    assert found_pairs(texts, limit) == expected
    assert len(expected) > 5


@FREE
@given(st.lists(st.text("ab ", min_size=8, max_size=30), max_size=25), st.randoms())
def test_random_texts_in_any_order(texts, random):
    expected = brute_force(texts)
    found = found_pairs(texts)
    assert found <= expected
    assert len(expected - found) <= 0.01 * len(expected)
    shuffled = [*texts]
    random.shuffle(shuffled)
    assert found_pairs(shuffled) == found


@FREE
@given(st.lists(st.text(), max_size=12))
@example(["", " ", "!", "\ud800", "a\x00b"])
def test_any_text_has_a_form_and_a_group(texts):
    found = find_near_duplicates(texts)
    assert len(found.forms) == len(found.groups) == len(texts)
    for one, other in combinations(range(len(texts)), 2):
        same = normal_form(texts[one]) == normal_form(texts[other])
        assert same == (found.forms[one] == found.forms[other])
        if same:
            assert found.groups[one] == found.groups[other]


@FREE
@given(st.text())
@example("ΐ\u0345É")
def test_texts_of_one_key_have_one_form(text):
    for other in (normalize("NFD", text), normalize("NFC", text), f" {text}\n"):
        assert text_key(other) == text_key(text)
        assert normal_form(other) == normal_form(text)


def test_case_punctuation_and_spaces_tell_no_texts_apart():
    same = [
        "Where is my card?",
        "where is my card",
        " where  is -- my CARD...",
        "WHERE IS MY CARD!",
    ]
    assert len({normal_form(text) for text in same}) == 1
    unlike = ["where is my card 2", "where is my card 😀", "where is my car", "सोमवार", "सामवार"]
    assert len({normal_form(text) for text in unlike}) == len(unlike)


def test_texts_of_punctuation_are_not_all_the_same():
    assert [normal_form(text) for text in ("!!", "? ?", "!! ")] == ["!!", "? ?", "!!"]


def test_short_texts_are_near_only_when_equal():
    """Seven of their eight trigrams are shared."""
    assert len(trigrams("abcdefghij") & trigrams("abcdefghi")) == 7
    found = find_near_duplicates(["abcdefghij", "abcdefghi", "Abcdefghi!"])
    assert len(found.pairs) == 0
    assert found.forms.tolist() == [1, 0, 0]


def test_thousands_of_texts_from_one_template_are_one_group():
    texts = [f"your parcel number {number} has arrived at the post" for number in range(1000)]
    found = find_near_duplicates([*texts, "something else that is not about parcels"])
    assert sorted(np.bincount(found.groups).tolist()) == [1, 1000]
    assert len(found.pairs) < 1000 * 200


def test_groups_reach_from_neighbour_to_neighbour():
    words = "one two three four five six seven eight nine ten eleven twelve".split()
    chain = [" ".join(words[start : start + 9]) for start in range(4)]
    assert len(brute_force([chain[0], chain[3]], 0.7)) == 0
    found = find_near_duplicates([*chain, "nothing of the kind"], limit=0.7)
    assert len({*found.groups[:4].tolist()}) == 1
    assert found.groups[4] != found.groups[0]


def test_no_texts_have_no_near_duplicates():
    found = find_near_duplicates([])
    assert (len(found.forms), len(found.pairs), len(found.groups)) == (0, 0, 0)


@pytest.mark.parametrize("limit", [0.0, 0.49, 1.01, float("nan")])
def test_other_limits_are_refused(limit):
    with pytest.raises(InputError, match=r"expected 0\.5 to 1"):
        find_near_duplicates(["a"], limit)


CARD = "I am still waiting for the new card that you sent a week ago"


def part(name, rows):
    truth = np.array([[label == "a", label == "b"] for _, label in rows])
    return Examples(name, tuple(text for text, _ in rows), truth, ("a", "b"), "multiclass")


def test_crossings_say_which_texts_have_a_near_duplicate_where():
    train = part("t", [("other", "a"), (CARD + " or more", "a"), (CARD, "a"), ("Hello!", "b")])
    dev = part("d", [("hello", "a"), ("nothing", "b")])
    test = part("e", [("nobody", "a"), (CARD.upper() + ".", "b"), ("hello...", "b")])
    found = crossings({"train": train, "dev": dev, "test": test})
    assert [(one.first, one.second) for one in found] == [
        ("train", "dev"),
        ("train", "test"),
        ("dev", "test"),
    ]
    assert [one.pairs.tolist() for one in found] == [[[3, 0]], [[2, 1], [3, 2]], [[0, 2]]]
    assert [(one.equal, one.unlike_labels) for one in found] == [(1, 1), (2, 1), (1, 1)]
    assert str(found[1]) == (
        "2 of 3 texts of test (66.7%) have a near-duplicate in train; 2 of them are equal but for "
        "case, punctuation and spaces, 1 have unlike labels"
    )


def test_crossings_of_similar_texts_take_the_nearest():
    train = part("t", [(CARD + " or more", "a"), (CARD + " or so", "a")])
    found = crossings({"train": train, "test": part("e", [(CARD + " or so ok", "a")])})[0]
    assert found.pairs.tolist() == [[1, 0]]
    assert found.equal == 0
    assert 0.8 <= found.similarities[0] < 1


# real data


def test_real_queries_by_all_comparisons(shared):
    with (shared / "data/banking77/train.csv").open(encoding="utf-8", newline="") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)][:500]
    expected = brute_force(texts)
    assert found_pairs(texts) == expected
    assert len(expected) > 5
