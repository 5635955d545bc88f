"""Slope and intercept of Platt's calibration.

Newton's method with backtracking, as Lin, Lin and Weng advise (A note on Platt's probabilistic
outputs for support vector machines, 2007). Written out because the general optimisers at hand call
a linear algebra library for two parameters, whose idle threads spin.
"""

import numpy as np
from scipy.special import expit, log_expit

from limen.arrays import WideArray
from limen.evaluation.thresholds import Truth

_STEPS = 100
_SMALLEST_GRADIENT = 1e-12
_RIDGE = 1e-12
"""Keeps the Hessian from being singular where all log-odds are alike."""
_ENOUGH = 1e-4
_SHORTEST = 1e-10
_LARGEST_PARAMETER = 1e5


def fit_platt(log_odds: WideArray, truth: Truth) -> tuple[float, float]:
    """Fit slope and intercept with the least log loss against Platt's smoothed targets: with n true
    and m false texts (n + 1) / (n + 2) for a true one, 1 / (m + 2) for a false one.

    Args:
        log_odds: float64, (texts,), finite; at least one.
        truth: bool, (texts,).

    Returns:
        Slope in [0, 1e5], intercept in [-1e5, 1e5]. The slope is 0 where the best one would turn
        the scores round; the loss is convex, so nothing between is better.
    """
    true = int(truth.sum())
    false = len(truth) - true
    wanted = np.where(truth, (true + 1) / (true + 2), 1 / (false + 2))
    level = float(np.log(wanted.mean() / (1.0 - wanted.mean())))
    width = max(float(np.abs(log_odds).max()), np.finfo(np.float64).tiny)
    slope, intercept = _minimum(log_odds / width, wanted, level)
    if slope < 0.0:
        slope, intercept = 0.0, level
    return (
        min(slope / width, _LARGEST_PARAMETER),
        float(np.clip(intercept, -_LARGEST_PARAMETER, _LARGEST_PARAMETER)),
    )


def _minimum(scaled: WideArray, wanted: WideArray, level: float) -> tuple[float, float]:
    """Find the minimum from slope 0 on; `scaled` are log-odds in [-1, 1]."""
    place = np.array([0.0, level])
    reached = _loss(place, scaled, wanted)
    for _ in range(_STEPS):
        shares = expit(place[0] * scaled + place[1])
        gradient = np.array([((shares - wanted) * scaled).mean(), (shares - wanted).mean()])
        if np.abs(gradient).max() < _SMALLEST_GRADIENT:
            break
        step = -_solved(shares * (1.0 - shares), scaled, gradient)
        downhill = float(gradient[0] * step[0] + gradient[1] * step[1])
        length = 1.0
        while length > _SHORTEST:
            there = _loss(place + length * step, scaled, wanted)
            if there <= reached + _ENOUGH * length * downhill:
                break
            length /= 2.0
        if length <= _SHORTEST:
            break
        place, reached = place + length * step, there
    return float(place[0]), float(place[1])


def _loss(place: WideArray, scaled: WideArray, wanted: WideArray) -> float:
    odds = place[0] * scaled + place[1]
    return float(-(wanted * log_expit(odds) + (1.0 - wanted) * log_expit(-odds)).mean())


def _solved(weights: WideArray, scaled: WideArray, gradient: WideArray) -> WideArray:
    """Solve Hessian times step = gradient, for two unknowns."""
    first = float((weights * scaled * scaled).mean()) + _RIDGE
    mixed = float((weights * scaled).mean())
    second = float(weights.mean()) + _RIDGE
    determinant = first * second - mixed * mixed
    return (
        np.array(
            [
                second * gradient[0] - mixed * gradient[1],
                first * gradient[1] - mixed * gradient[0],
            ]
        )
        / determinant
    )
