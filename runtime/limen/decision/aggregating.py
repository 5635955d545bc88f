"""The windows of a long text to one row of logits: the largest or the mean of their scores.

What comes out are logits again, whose scores before calibration are the aggregate. Calibration and
thresholds are fitted and applied behind it, so that a text of one window is decided as ever.
"""

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.format import Aggregate, Link, Rule


def aggregate(
    logits: FloatArray, how: Aggregate, *, rule: Rule, link: Link, labels: int
) -> FloatArray:
    """Put the windows of one text together.

    `mean`: the mean of their probabilities. `max`: the largest; where an output weighs two labels
    or all of them share one unit, the largest of each label, divided by their sum, so that the
    order of the labels plays no part. Computed in log space, so that no probability is rounded to
    1. With link `labels` an output is the share of windows that say yes, or whether one does.

    Args:
        logits: float32, (windows, outputs), finite, at least one window.
        how: `max` or `mean`.
        rule: of the classifier.
        link: of the classifier.
        labels: how many it has.

    Returns:
        float32, (outputs,), finite; those of the window itself where there is one.
    """
    if len(logits) == 1:
        only: FloatArray = logits[0]
        return only
    wide = logits.astype(np.float64)
    two_sided = rule == "one_vs_one" or wide.shape[1] < labels
    if link == "labels":
        row = _of_votes(wide, how, two_sided)
    elif rule == "multiclass" and not two_sided:
        row = _normalised(_pooled(_normalised(wide), how))
    elif how == "max" and not two_sided:
        row = wide.max(axis=0)
    else:
        row = _of_outputs(wide, link, how, two_sided)
    aggregated: FloatArray = row.astype(np.float32)
    return aggregated


def _of_votes(outputs: WideArray, how: Aggregate, two_sided: bool) -> WideArray:
    """With two sides there is no larger one of yes and no: the majority decides."""
    votes = (outputs >= 0.5).astype(np.float64)
    row: WideArray = votes.max(axis=0) if how == "max" and not two_sided else votes.mean(axis=0)
    return row


def _of_outputs(logits: WideArray, link: Link, how: Aggregate, two_sided: bool) -> WideArray:
    if link == "sigmoid":
        yes = _pooled(-np.logaddexp(0.0, -logits), how)
        no = _pooled(-np.logaddexp(0.0, logits), how)
        odds: WideArray = yes - no
        return odds
    logs = np.minimum(logits, 0.0)
    yes = _pooled(logs, how)
    if not two_sided:
        return yes
    with np.errstate(divide="ignore"):
        no = _pooled(np.log(-np.expm1(logs)), how)
    share: WideArray = yes - np.logaddexp(yes, no)
    return share


def _pooled(logs: WideArray, how: Aggregate) -> WideArray:
    """The logarithm of the largest, or of the mean, over the windows."""
    row: WideArray = (
        logs.max(axis=0)
        if how == "max"
        else np.logaddexp.reduce(logs, axis=0) - np.log(float(len(logs)))
    )
    return row


def _normalised(logs: WideArray) -> WideArray:
    """Logarithms of shares whose sum is 1, along the last axis."""
    shares: WideArray = logs - np.logaddexp.reduce(logs, axis=-1, keepdims=True)
    return shares
