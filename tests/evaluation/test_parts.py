"""Splitting by a hash of the text: equal texts together, shares kept, salts independent."""

import hashlib
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.parts import Parts, folds, part_of, text_key

THREE = Parts({"fit": 0.4, "select": 0.2, "certify": 0.4})
KEYS = np.array([text_key(f"sentence {number}") for number in range(20_000)], dtype=np.uint64)
FREE = settings(deadline=None)

SHARES = st.lists(st.integers(1, 20), min_size=1, max_size=6).map(
    lambda weights: {str(at): weight / sum(weights) for at, weight in enumerate(weights)}
)


def array(keys):
    return np.array(keys, dtype=np.uint64)


def chi_square(found, expected):
    return float(((found - expected) ** 2 / expected).sum())


def test_a_key_is_the_beginning_of_sha_256():
    digest = hashlib.sha256("안녕".encode()).hexdigest()
    assert text_key("안녕") == int(digest[:16], 16)


@FREE
@given(st.text(), st.sampled_from(["", " ", "\n", "\t \u3000"]))
def test_texts_that_look_alike_have_the_same_key(text, space):
    assert text_key(space + normalize("NFD", text) + space) == text_key(text)


def test_other_texts_have_other_keys_even_with_lone_surrogates():
    assert len(set(KEYS.tolist())) == len(KEYS)
    assert text_key("\ud800") != text_key("\ud801")


@FREE
@given(st.lists(st.integers(0, 2**64 - 1), max_size=50), SHARES, st.text(), st.randoms())
def test_a_part_depends_on_the_key_alone(keys, shares, salt, random):
    parts = Parts(shares)
    found = part_of(array(keys), parts, salt)
    assert found.dtype == np.int8
    assert found.shape == (len(keys),)
    assert ((found >= 0) & (found < len(shares))).all()
    by_key = dict(zip(keys, found.tolist(), strict=True))
    random.shuffle(keys)
    assert part_of(array(keys), parts, salt).tolist() == [by_key[key] for key in keys]


@FREE
@given(SHARES, st.text(max_size=5))
def test_parts_have_their_shares(shares, salt):
    found = np.bincount(part_of(KEYS, Parts(shares), salt), minlength=len(shares))
    wanted = np.array(list(shares.values()))
    spread = np.sqrt(len(KEYS) * wanted * (1 - wanted))
    assert (np.abs(found - len(KEYS) * wanted) <= 6 * spread + 1e-6).all()


@FREE
@given(st.lists(st.text(max_size=5), min_size=2, max_size=2, unique=True))
def test_salts_give_independent_splits(salts):
    first, second = (part_of(KEYS, THREE, salt) for salt in salts)
    together = np.bincount(first * 3 + second, minlength=9)
    shares = np.array(list(THREE.shares.values()))
    # 8 degrees of freedom; 50 is passed by chance once in ten million.
    assert chi_square(together, len(KEYS) * np.outer(shares, shares).ravel()) < 50


def test_splits_stay_as_they_are_from_version_to_version():
    assert part_of(KEYS[:12], THREE).tolist() == PINNED_PARTS
    assert folds(KEYS[:12], 5, "salt").tolist() == PINNED_FOLDS


PINNED_PARTS = [0, 2, 0, 1, 0, 2, 2, 2, 2, 0, 2, 2]
PINNED_FOLDS = [4, 4, 2, 3, 0, 4, 1, 1, 0, 4, 1, 1]


def test_keys_at_both_ends():
    keys = array([0, 2**64 - 1])
    assert set(part_of(keys, Parts({"all": 1.0})).tolist()) == {0}
    assert part_of(array([]), THREE).shape == (0,)
    assert folds(array([]), 2).shape == (0,)


@FREE
@given(st.integers(2, 127), st.text(max_size=5))
def test_folds_are_of_like_size(count, salt):
    found = folds(KEYS, count, salt)
    assert found.dtype == np.int8
    sizes = np.bincount(found, minlength=count)
    assert len(sizes) == count
    # Loosely: the mean of chi-square is count - 1, its variance twice that.
    assert chi_square(sizes, len(KEYS) / count) < count + 8 * np.sqrt(2 * count)


@FREE
@given(st.text(max_size=5))
def test_folds_are_independent_of_parts_with_the_same_salt(salt):
    inside = folds(KEYS[part_of(KEYS, THREE, salt) == 0], 4, salt)
    sizes = np.bincount(inside, minlength=4)
    assert chi_square(sizes, len(inside) / 4) < 50


def test_parts_have_names_and_numbers():
    assert THREE.names == ("fit", "select", "certify")
    assert THREE.number("select") == 1
    with pytest.raises(InputError, match="no part 'test'; there are fit, select, certify"):
        THREE.number("test")


def test_parts_keep_a_copy():
    shares = {"a": 0.5, "b": 0.5}
    parts = Parts(shares)
    shares["a"] = 2.0
    assert parts.shares["a"] == 0.5
    with pytest.raises(TypeError):
        parts.shares["a"] = 1.0


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "0 parts; expected 1 to 127"),
        ({str(at): 1 / 128 for at in range(128)}, "128 parts"),
        ({"a": 1.0, "b": 0.0}, "part 'b' has share 0.0"),
        ({"a": 1.5, "b": -0.5}, "part 'b' has share -0.5"),
        ({"a": float("nan")}, "part 'a' has share nan"),
        ({"a": float("inf")}, "part 'a' has share inf"),
        ({"a": 0.5, "b": 0.4}, "sum to 0.9; expected 1"),
    ],
)
def test_shares_that_do_not_make_a_whole_are_refused(shares, message):
    with pytest.raises(InputError, match=message):
        Parts(shares)


@pytest.mark.parametrize("count", [-1, 0, 1, 128])
def test_numbers_of_folds_that_make_no_sense_are_refused(count):
    with pytest.raises(InputError, match=f"{count} folds; expected 2 to 127"):
        folds(KEYS, count)
