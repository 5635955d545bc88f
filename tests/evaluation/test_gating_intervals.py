"""The interval of the drop covers the drop that more texts would show."""

import numpy as np
from limen.evaluation.gating import Gate, TrueLabels
from limen.format import DecisionBlock, OperatingPoint

DRAWS, TEXTS = 80, 250
HALF = DecisionBlock(
    "multilabel", ("a", "b", "c"), "sigmoid", (OperatingPoint("half", (0.5,) * 3),), "half"
)


def draws(count, seed):
    """Source and rung, both at given thresholds, and what is true."""
    draw = np.random.default_rng(seed)
    truth = draw.random((count, 3)) < 0.3
    source = draw.normal(size=(count, 3)) + 3.0 * truth - 1.5
    rung = source + 0.5 * draw.normal(size=(count, 3))
    keys = draw.integers(0, 2**64, count, dtype=np.uint64)
    labelled = TrueLabels(truth, keys, fit=None)
    return source.astype(np.float32), rung.astype(np.float32), labelled


def test_coverage():
    source, rung, labelled = draws(200_000, 1)
    chosen = [logits >= 0 for logits in (source, rung)]
    each = [
        2 * (cells & labelled.truth).sum(axis=0) / (cells.sum(axis=0) + labelled.truth.sum(axis=0))
        for cells in chosen
    ]
    true = float(each[0].mean() - each[1].mean())
    held = 0
    for seed in range(DRAWS):
        source, rung, labelled = draws(TEXTS, 100 + seed)
        quality = Gate(HALF, source, labelled).judge(rung).quality
        assert quality.drop_low <= quality.drop <= quality.drop_high
        held += quality.drop_low <= true <= quality.drop_high
    # Three standard errors below 95 %.
    assert held / DRAWS > 0.95 - 3 * np.sqrt(0.05 * 0.95 / DRAWS)
