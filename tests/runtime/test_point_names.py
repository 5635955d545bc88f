"""Names of operating points that say what they were fitted for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.format.point_names import PointName, canonical, parse_point_name

KNOWN = {
    "argmax": PointName("argmax"),
    "half": PointName("half"),
    "f1": PointName("f1"),
    "micro_f1": PointName("micro_f1"),
    "precision@0.90": PointName("precision", 0.9),
    "precision@0.905": PointName("precision", 0.905),
    "recall@0.80": PointName("recall", 0.8),
    "coverage@0.95": PointName("coverage", 0.95),
    "precision@0.90:conf0.95": PointName("precision", 0.9, 0.95),
    "cost(1,5)": PointName("cost", costs=(1.0, 5.0)),
    "cost(0.5,12.25)": PointName("cost", costs=(0.5, 12.25)),
}
OTHER_SPELLINGS = {
    "precision@0.9": "precision@0.90",
    "precision@.9": "precision@0.90",
    "precision@0.900": "precision@0.90",
    "recall@0.5": "recall@0.50",
    "precision@.9:conf.95": "precision@0.90:conf0.95",
    "cost(1.0, 5)": "cost(1,5)",
    "cost( 10 ,.5 )": "cost(10,0.5)",
}
FREE = [
    "custom",
    "",
    "F1",
    "precision",
    "precision@",
    "precision@0",
    "precision@1",
    "precision@1.5",
]
FREE += ["precision@-0.5", "precision@0.9 ", "precision@0.9:conf1", "recall@0.9:conf0.95"]
FREE += ["coverage@0.9:conf0.95", "precision@nan", "precision@9e-1", "precision@٠.٩", "cost(0,1)"]
FREE += ["cost(1)", "cost(1,2,3)", "cost(-1,1)", "cost(1,1e9)", "argmax@0.5", "precision@0.9:conf"]
DIGITS = st.integers(1, 999_999_999)
SHARES = st.integers(1, 9).flatmap(
    lambda places: st.integers(1, 10**places - 1).map(lambda number: f"0.{number:0{places}d}")
)


@pytest.mark.parametrize("name", KNOWN)
def test_known_names_are_taken_apart_and_put_together(name):
    assert parse_point_name(name) == KNOWN[name]
    assert str(KNOWN[name]) == name
    assert canonical(name) == name


@pytest.mark.parametrize("name", OTHER_SPELLINGS)
def test_another_spelling_is_the_same_point(name):
    assert canonical(name) == OTHER_SPELLINGS[name]


@pytest.mark.parametrize("name", FREE)
def test_a_free_name_stands_for_itself(name):
    assert parse_point_name(name) is None
    assert canonical(name) == name


@pytest.mark.parametrize("name", KNOWN)
def test_what_promises(name):
    assert KNOWN[name].promises is ("conf" in name or "coverage" in name)


@given(st.sampled_from(["precision", "recall", "coverage"]), SHARES, st.none() | SHARES)
def test_every_share_is_written_so_that_it_reads_back(kind, share, confidence):
    more = f":conf{confidence}" if confidence and kind == "precision" else ""
    found = parse_point_name(f"{kind}@{share}{more}")
    assert parse_point_name(str(found)) == found
    assert canonical(str(found)) == str(found)


@given(DIGITS, DIGITS, DIGITS)
def test_no_two_costs_have_one_name(wrong, missed, other):
    """Six digits would not do: 1234567 and 1234568 are two costs."""
    found = parse_point_name(f"cost({wrong},{missed})")
    assert found.costs == (wrong, missed)
    assert parse_point_name(str(found)) == found
    assert (canonical(f"cost({other},{missed})") == str(found)) is (other == wrong)


@given(st.text(max_size=30))
def test_any_text_has_one_canonical_form(text):
    assert canonical(canonical(text)) == canonical(text)
