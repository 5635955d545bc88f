"""Terms stay in one text: found by number, told apart by hash, and exact where hashes are equal."""

from collections import Counter
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limen.format import Vectoriser
from limen.format import pieces as pieces_module
from limen.format import vocabulary as vocabulary_module
from limen.format.pieces import Pieces, code_points, piece_hashes, windows
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.format.vocabulary import Vocabulary
from limen.tfidf import grams, kept, token_runs, words
from limen.tfidf.analysis import lookup
from limen.tfidf.grams import Grams, Terms

plain = SimpleNamespace(**run_path(str(Path(__file__).with_name("plain_vectoriser.py"))))

TERMS = st.lists(st.text("ab \0가🙂", max_size=6), max_size=30)
WORDS = st.lists(st.sampled_from(["a", "b", "ab", "가", "나"]), min_size=1, max_size=4)


def part(vocabulary, **options):
    usual = {
        "analyzer": "word",
        "ngram_range": (1, 3),
        "lowercase": True,
        "strip_accents": "none",
        "token_pattern": "word1",
        "stop_words": (),
        "features": len(vocabulary),
        "vocabulary": vocabulary,
    }
    return Vectoriser(**usual | options)


def counted(found):
    """(text, feature) -> how often, without what is not known."""
    features, rows = found
    pairs, counts = np.unique(
        np.stack([rows, features])[:, features >= 0], axis=1, return_counts=True
    )
    return {
        tuple(pair): count for pair, count in zip(pairs.T.tolist(), counts.tolist(), strict=True)
    }


@given(TERMS)
def test_a_mapping_of_terms_to_their_features(terms):
    terms = [*dict.fromkeys(terms)]
    made = Vocabulary.of(terms)
    assert dict(made) == {term: place for place, term in enumerate(terms)}
    assert made.terms() == terms
    assert "".join(map(chr, made.codes)) == made.text
    assert not made.has_a_term_twice()


@given(TERMS, st.data())
def test_a_term_that_stands_twice_is_found(terms, data):
    terms = ["x", *terms]
    again = data.draw(st.sampled_from(terms))
    assert Vocabulary.of([*terms, again]).has_a_term_twice()


def test_equal_hashes_of_unequal_terms_are_no_term_twice(monkeypatch):
    monkeypatch.setattr(vocabulary_module, "piece_hashes", lambda _, starts, __: starts * 0)
    assert not Vocabulary.of(["a", "b"]).has_a_term_twice()
    assert Vocabulary.of(["a", "b", "a"]).has_a_term_twice()


LONG = pytest.mark.parametrize("long", [64, 8, 9, 17])
"""Characters from which on a piece is taken by itself."""


@settings(deadline=None)
@given(st.lists(st.lists(st.text("ab\0🙂", max_size=24), max_size=6), min_size=1, max_size=3))
@example([["a" * 64, "a" * 65, "a" * 72], ["ㅋㅎ" * 32, "ㅋㅎ" * 33, "ㅋㅎ" * 32]])
@example([["a" * size for size in range(7, 19)]])
@LONG
@pytest.mark.parametrize("together", [1, 3, 1 << 15])
def test_pieces_with_one_hash_are_equal_in_whatever_text(together, long, texts):
    hashes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces_module, "_LONG", long)
        patch.setattr(pieces_module, "TOGETHER", together)
        for each in texts:
            # Something stands between the pieces that belongs to none.
            starts = np.cumsum([1 + len(one) for one in each], dtype=np.int64)
            starts -= np.array([len(one) for one in each], np.int64)
            lengths = np.array([len(one) for one in each], np.int64)
            codes = code_points("".join(f"-{one}" for one in each))
            hashes += piece_hashes(windows(codes), starts, lengths).tolist()
    pieces = [one for each in texts for one in each]
    for hashed, piece in zip(hashes, pieces, strict=True):
        assert [one == hashed for one in hashes] == [one == piece for one in pieces]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab", max_size=24), st.text("ab", max_size=24), st.booleans())))
@example([("a" * 64, "a" * 65, False), ("a" * 8, "a" * 9, False), ("a" * 70, "", True)])
@example([("ab" * 40, "ab" * 39 + "aa", False), ("b" + "a" * 70, "a" * 71, False)])
@LONG
def test_pieces_are_compared_one_with_one(long, drawn):
    # Two texts drawn apart are hardly ever equal.
    pairs = [(one, one if alike else other) for one, other, alike in drawn]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces_module, "_LONG", long)
        ours, theirs = (
            Pieces.of(windows(made.codes), made.starts, made.lengths)
            for made in (Vocabulary.of([pair[side] for pair in pairs]) for side in (0, 1))
        )
        found = ours.unlike(theirs).tolist()
    assert found == [place for place, (one, other) in enumerate(pairs) if one != other]


@settings(deadline=None)
@given(st.text("ab가", min_size=1, max_size=24), st.data())
@LONG
def test_one_code_point_makes_pieces_unlike(long, text, data):
    place = data.draw(st.integers(0, len(text) - 1))
    other = text[:place] + "🙂" + text[place + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces_module, "_LONG", long)
        made = Vocabulary.of([text, other, text])
        all_three = Pieces.of(windows(made.codes), made.starts, made.lengths)
        found = all_three.take(np.array([0, 0])).unlike(all_three.take(np.array([1, 2])))
        hashes = all_three.hashes()
    assert found.tolist() == [0]
    assert hashes[0] == hashes[2] != hashes[1]


@settings(deadline=None)
@given(st.lists(WORDS, max_size=20), st.lists(st.lists(st.sampled_from("ab가나"), max_size=8)))
@pytest.mark.parametrize("together", [1, 1 << 15])
def test_words_whose_hashes_are_equal_are_told_apart(together, terms, texts):
    terms = [*dict.fromkeys(" ".join(one) for one in terms)] or ["a"]
    joined = [" ".join(one) for one in texts] or [""]
    expected = counted(lookup(part(Vocabulary.of(terms)))(joined))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "TOGETHER", together)
        patch.setattr(words, "piece_hashes", lambda _, starts, __: starts * 0)
        assert counted(lookup(part(Vocabulary.of(terms)))(joined)) == expected


@settings(deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1), st.text("abcd", max_size=20))
def test_numbers_that_would_grow_too_large_are_renumbered(terms, text):
    terms = [*dict.fromkeys(terms)]
    made = part(Vocabulary.of(terms), analyzer="char", token_pattern="", ngram_range=(1, 6))
    expected = counted(lookup(made)([text, text[::-1]]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "_MOST", 10)
        assert counted(lookup(made)([text, text[::-1]])) == expected


@settings(deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=15), min_size=1), st.text("abc", max_size=30))
def test_many_parts_are_looked_up_as_few(terms, text):
    made = part(
        Vocabulary.of([*dict.fromkeys(terms)]),
        analyzer="char",
        token_pattern="",
        ngram_range=(1, 6),
    )
    expected = counted(lookup(made)([text, text[::-1]]))
    for most in (grams._MOST, 10):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grams, "_MOST", most)
            patch.setattr(grams, "_FEW", 0)
            assert counted(lookup(made)([text, text[::-1]])) == expected


def test_terms_of_more_parts_than_64_bits_hold():
    parts = 1 << 20
    one = np.array([parts, 5, 7, 9, 11])
    other = np.array([parts, 5, 7, 9])
    found = Grams(
        Terms(np.concatenate([one, other]), np.array([5, 4]), np.array([0, 1]), parts)
    ).found(np.concatenate([one, [grams.NO_PART], other, one[:2]]), np.repeat([0, 0, 1], [5, 1, 6]))
    assert counted(found) == {(0, 0): 1, (0, 1): 1, (1, 1): 1}


def test_no_ngram_reaches_from_one_text_into_the_next():
    made = part(Vocabulary.of(["a", "a b", "b", "ab"]))
    assert counted(lookup(made)(["a", "b", "", "a b"])) == {
        (0, 0): 1, (1, 2): 1, (3, 0): 1, (3, 1): 1, (3, 2): 1,
    }  # fmt: skip
    made = part(Vocabulary.of(["a", "ab", "b"]), analyzer="char", token_pattern="")
    assert counted(lookup(made)(["a", "b", "ab"])) == {
        (0, 0): 1, (1, 2): 1, (2, 0): 1, (2, 1): 1, (2, 2): 1,
    }  # fmt: skip


KEPT = {
    "all of them": {},
    "three words": {"MOST_WORDS": 3},
    "short words": {"LONGEST": 1},
    "words of few n-grams": {"MOST_FEATURES": 2},
}


@pytest.mark.parametrize("bounds", KEPT.values(), ids=KEPT)
def test_kept_words_are_bounded_forgotten_and_found_again(bounds, monkeypatch):
    for name, value in bounds.items():
        monkeypatch.setattr(kept, name, value)
    made = part(
        Vocabulary.of([" a", "ab", "b "]), analyzer="char_wb", token_pattern="", ngram_range=(2, 3)
    )
    found = lookup(made)
    for texts in (["ab a"], ["b ab", "c d e"], ["ab ab a b"], [""], [], ["f"], ["g h"]) * 8:
        assert counted(found(texts)) == counted(lookup(made)(texts))
        assert len(found._kept) <= kept.MOST_WORDS
        assert all(len(word) <= kept.LONGEST for word in found._kept)
        assert all(len(own) <= kept.MOST_FEATURES for own in found._kept.values())
    assert counted(found(["ab c", "ab"])) == {
        (0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 0): 1, (1, 1): 1, (1, 2): 1,
    }  # fmt: skip
    assert counted(found(["a ab"])) == {(0, 0): 2, (0, 1): 1, (0, 2): 1}
    assert found._kept
    assert bounds or found._kept.keys() == {*"abcdefgh", "ab"}


def test_words_are_kept_whatever_the_turns_of_the_caller():
    made = part(
        Vocabulary.of([" a", "ab", "b "]), analyzer="char_wb", token_pattern="", ngram_range=(2, 3)
    )
    for turns in (1, 2, 4, 8):
        found = lookup(made)
        for number in range(16 * turns):
            found([f"word{number % turns}"])
        assert len(found._kept) == turns


@settings(deadline=None)
@given(
    st.lists(st.text(" abc가", min_size=1, max_size=6), min_size=1, max_size=30),
    st.lists(
        st.lists(st.text("abc가나", min_size=1, max_size=5), max_size=6), min_size=1, max_size=6
    ),
    st.integers(1, 5),
)
def test_texts_one_at_a_time_are_looked_up_as_together(terms, drawn, low):
    terms = [*dict.fromkeys(terms)]
    texts = [" ".join(each) for each in drawn]
    for analyzer, least in (("char_wb", low), ("char", low), ("word", min(low, 2))):
        made = part(Vocabulary.of(terms), analyzer=analyzer, ngram_range=(least, least + 2))
        expected = [
            Counter(terms.index(gram) for gram in plain.grams(made, text) if gram in terms)
            for text in texts
        ]
        found = lookup(made)
        for _ in range(6):
            # Each time more words have been kept.
            for text, own in zip(texts, expected, strict=True):
                assert counted(found([text])) == {(0, each): own[each] for each in own}
        together = lookup(made)(texts)
        assert counted(together) == {
            (place, each): own[each] for place, own in enumerate(expected) for each in own
        }


def test_a_word_that_is_shorter_than_every_ngram_counts_whole():
    made = part(
        Vocabulary.of([" a ", " ab ", " abc "]),
        analyzer="char_wb", token_pattern="", ngram_range=(5, 6),
    )  # fmt: skip
    assert counted(lookup(made)(["a ab abc a x"])) == {(0, 0): 2, (0, 1): 1, (0, 2): 1}


def test_a_vocabulary_without_a_term_of_its_sizes():
    for options in ({}, {"analyzer": "char"}, {"analyzer": "char_wb"}):
        made = part(Vocabulary.of(["a b c d e f"]), **options, ngram_range=(1, 2))
        assert counted(lookup(made)(["a b", "c"])) == {}


def test_a_token_whose_hash_is_that_of_a_word_is_no_such_word(monkeypatch):
    # Hashes so small that all words begin with the same bits.
    monkeypatch.setattr(Pieces, "hashes", lambda self: self.lengths.astype(np.uint64))
    known = {"ab": 1, "a": 2, "가나다": 3, "stop": token_runs.STOP}
    known |= {"x" * size: size for size in range(5, 12)}
    made = token_runs.WordNumbers(known)
    assert made.usable
    text = "ab ba b a stop spot 가나다 가나라 unheard xxxxx xxxxxxxxxx yyyyyyyyyyy xxxxxxxxxxxxx"
    codes = code_points(text)
    starts, lengths = token_runs.TokenRuns(TOKEN_PATTERNS["word1"])(codes)
    found = made(windows(codes), starts, lengths).tolist()
    assert found == [1, 0, 0, 2, token_runs.STOP, 0, 3, 0, 0, 5, 10, 0, 0]
    assert not token_runs.WordNumbers({"ab": 1, "ba": 2}).usable


def test_the_largest_hash_of_all_is_found_as_any(monkeypatch):
    largest = np.uint64(2**64 - 1)
    monkeypatch.setattr(Pieces, "hashes", lambda self: largest - self.lengths.astype(np.uint64))
    codes = code_points("a bb ccc")
    starts, lengths = token_runs.TokenRuns(TOKEN_PATTERNS["word1"])(codes)
    made = token_runs.WordNumbers({"": 1, "bb": 2})
    assert made(windows(codes), starts, lengths).tolist() == [0, 2, 0]
    lengths[0] = 0
    assert made(windows(codes), starts, lengths).tolist() == [1, 2, 0]
    assert token_runs.WordNumbers({"bb": 2})(windows(codes), starts, lengths).tolist() == [0, 2, 0]


def test_no_word_is_known():
    codes = code_points("a bb")
    starts, lengths = token_runs.TokenRuns(TOKEN_PATTERNS["word1"])(codes)
    assert token_runs.WordNumbers({})(windows(codes), starts, lengths).tolist() == [0, 0]


def test_words_are_looked_up_one_by_one_where_hashes_do_not_tell_them_apart(monkeypatch):
    made = part(Vocabulary.of(["ab", "ba", "c"]), ngram_range=(1, 1))
    texts = ["ab c", "ba ba", "cd"]
    monkeypatch.setattr(words, "_MANY", 0)
    expected = counted(lookup(made)(texts))
    assert expected == {(0, 0): 1, (0, 2): 1, (1, 1): 2}
    monkeypatch.setattr(Pieces, "hashes", lambda self: self.starts.astype(np.uint64) * 0)
    assert counted(lookup(made)(texts)) == expected


def test_a_stop_word_that_is_a_term_as_well_is_left_out(monkeypatch):
    made = part(Vocabulary.of(["a", "a b", "b", "c b"]), stop_words=("a",), ngram_range=(1, 2))
    texts = ["a b", "c a b"]
    expected = counted(lookup(made)(texts))
    assert expected == {(0, 2): 1, (1, 2): 1, (1, 3): 1}
    monkeypatch.setattr(words, "_MANY", 0)
    found = lookup(made)
    assert counted(found(texts)) == expected
    assert found._by_hash.usable
