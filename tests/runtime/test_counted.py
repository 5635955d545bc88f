"""Numbers with their nouns."""

import pytest
from limen.counted import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 texts"), (1, "1 text"), (2, "2 texts"), (1_000, "1,000 texts"), (1_001, "1,001 texts")],
)
def test_one_is_told_from_many(number, words):
    assert counted(number, "text") == words
