"""How far logits are from expected ones."""

import numpy as np
import pytest
from limen.agreement import beyond_parity, compare
from limen.format import DecisionBlock, OperatingPoint

LABELS = ("joy", "anger")
MULTILABEL = DecisionBlock(
    "multilabel", LABELS, "sigmoid", (OperatingPoint("half", (0.5, 0.5)),), "half"
)
EXPECTED = np.array([[2.0, -2.0], [0.1, 3.0], [-1.0, -1.0]], dtype=np.float32)


def test_the_same_logits_agree_entirely():
    found = compare(EXPECTED, EXPECTED.copy(), MULTILABEL)
    assert (found.max_logit_difference, found.texts_alike, found.cells_alike) == (0.0, 1.0, 1.0)


def test_one_cell_that_flips_costs_its_text():
    moved = EXPECTED.copy()
    moved[1, 0] = -0.1
    found = compare(EXPECTED, moved, MULTILABEL)
    assert found.max_logit_difference == pytest.approx(0.2)
    assert found.texts_alike == pytest.approx(2 / 3)
    assert found.cells_alike == pytest.approx(5 / 6)


def test_parity_allows_float32_rounding_and_no_more():
    expected = np.array([[1.0, 1000.0]], dtype=np.float32)
    assert (beyond_parity(expected, expected + np.float32([9e-5, 9e-3])) <= 0).all()
    assert (beyond_parity(expected, expected + np.float32([2e-4, 2e-2])) > 0).all()
