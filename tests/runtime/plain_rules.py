"""docs/format.md, "limen.decision", written out slowly: one text at a time, with `math` alone.

Tests compare limen with this. Beside it: one DecisionBlock for every rule, link and calibration.
"""

import math
import struct
from itertools import combinations, pairwise

from limen.format import Curve, DecisionBlock, Isotonic, OperatingPoint, Platt, Temperature

RULES = [
    ("multiclass", "softmax", 4, {}),
    ("multiclass", "log", 4, {}),
    ("multiclass", "sigmoid", 2, {}),
    *(("multilabel", link, 3, {}) for link in ("sigmoid", "log", "labels")),
    ("multilabel", "sigmoid", 1, {}),
    *(("one_vs_rest", link, 4, {}) for link in ("sigmoid", "log", "labels")),
    *(("one_vs_rest", link, 4, {"several": True}) for link in ("sigmoid", "log", "labels")),
    *(("one_vs_one", link, 4, {}) for link in ("sigmoid", "log", "labels")),
    *(("one_vs_one", link, 4, {"pairs": "max"}) for link in ("sigmoid", "log")),
    *(("one_vs_one", link, 2, {}) for link in ("sigmoid", "log", "labels")),
]
SLOPES, INTERCEPTS = (1.3, 0.4, 1.0, 0.7, 0.0, 2.0), (-0.2, 0.5, 0.0, 0.1, 0.3, -1.0)
CURVES = (
    Curve((0.1, 0.4, 0.6, 0.9), (0.05, 0.5, 0.5, 0.8)),
    Curve((0.0, 1.0), (0.0, 1.0)),
    Curve((0.5,), (0.3,)),
    Curve((0.2, 0.3), (0.0, 1.0)),
    Curve((0.0, 1e-310, 0.7), (0.1, 0.2, 0.3)),
    Curve((0.05, 0.95), (0.25, 0.75)),
)


def calibrations(outputs, *, shared, link):
    """Each kind, with numbers for all outputs and for each; by name."""
    found = {"none": None}
    if link == "labels":
        return found
    found |= {
        "temperature": Temperature((1.7,)),
        "platt": Platt((0.8,), (0.3,)),
        "isotonic": Isotonic(CURVES[:1]),
        "platt each": Platt(SLOPES[:outputs], INTERCEPTS[:outputs]),
        "isotonic each": Isotonic(CURVES[:outputs]),
    }
    if not shared:
        found["temperature each"] = Temperature((0.5, 1.0, 3.0, 0.1, 20.0, 1.5)[:outputs])
    return found


def decision(rule, link, labels, options, calibration=None, **more):
    """A decision over labels a, b, c, ... with the one point p: thresholds of 1/2."""
    points = (OperatingPoint("p", (0.5,) * labels),)
    given = options | more
    return DecisionBlock(
        rule, tuple("abcdefgh"[:labels]), link, points, "p", calibration=calibration, **given
    )


def every_decision():
    """(name, DecisionBlock) for every rule, link and calibration."""
    for rule, link, labels, options in RULES:
        bare = decision(rule, link, labels, options)
        shared = rule == "multiclass" and bare.outputs > 1
        for kind, calibration in calibrations(bare.outputs, shared=shared, link=link).items():
            told = " ".join(map(str, (rule, link, labels, *options.values(), kind)))
            yield told, decision(rule, link, labels, options, calibration)


DECISIONS = dict(every_decision())


def f32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softmax(row):
    parts = [math.exp(x - max(row)) for x in row]
    return [part / math.fsum(parts) for part in parts]


def log_sum(row):
    return max(row) + math.log(math.fsum(math.exp(x - max(row)) for x in row))


def log_odds_of_log(x):
    if x >= 0:
        return 745.0
    return min(x - math.log(-math.expm1(x)), 745.0)


def raw(link, row):
    """p of every output."""
    if link == "softmax":
        return softmax(row)
    one = {
        "sigmoid": sigmoid,
        "log": lambda x: math.exp(min(x, 0.0)),
        "labels": lambda x: 1.0 if x >= 0.5 else 0.0,
    }
    return [one[link](x) for x in row]


def log_odds(link, row):
    """z of every output."""
    if link == "softmax":
        return [x - log_sum(row[:i] + row[i + 1 :]) for i, x in enumerate(row)]
    return [x if link == "sigmoid" else log_odds_of_log(x) for x in row]


def interpolated(curve, p):
    knots = list(zip(curve.raw, curve.calibrated, strict=True))
    if p <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if p < x1:
            return y0 + (y1 - y0) * ((p - x0) / (x1 - x0))
    return knots[-1][1]


def whole(shares, shared):
    if not shared:
        return shares
    total = math.fsum(shares)
    return [share / total for share in shares] if total > 0 else [1 / len(shares)] * len(shares)


def each(numbers, outputs):
    return list(numbers) * (outputs if len(numbers) == 1 else 1)


def calibrated(decision, row):
    """p of every output, and the value by which it ranks, with what orders equals."""
    shared = decision.rule == "multiclass" and len(row) > 1
    centred = decision.rule == "one_vs_one" or (decision.rule == "multiclass" and not shared)
    half, count = 0.5 if centred else 0.0, len(row)
    if decision.link == "labels":
        shares = raw("labels", row)
        return shares, [(share - half, 0) for share in shares]
    z = log_odds(decision.link, row)
    match decision.calibration:
        case None:
            return raw(decision.link, row), [(x, 0) for x in (row if shared else z)]
        case Temperature(temperatures):
            cooled = [
                x / t for x, t in zip(row if shared else z, each(temperatures, count), strict=True)
            ]
            shares = softmax(cooled) if shared else [sigmoid(x) for x in cooled]
            return shares, [(x, 0) for x in cooled]
        case Platt(slopes, intercepts):
            lines = zip(z, each(slopes, count), each(intercepts, count), strict=True)
            values = [slope * x + intercept for x, slope, intercept in lines]
            shares = whole([sigmoid(x) for x in values], shared)
            return shares, list(zip(values, z, strict=True))
        case Isotonic(curves):
            pairs = zip(each(curves, count), raw(decision.link, row), strict=True)
            values = [interpolated(curve, p) for curve, p in pairs]
            shares = whole(values, shared)
            return shares, list(zip([value - half for value in values], z, strict=True))


def scores_and_ranks(decision, row):
    """Scores of every label, and what they rank by: tuples, the largest first."""
    shares, values = calibrated(decision, row)
    if decision.rule == "multiclass" and len(row) == 1:
        return [1 - shares[0], shares[0]], [(0.0,), (values[0][0],)]
    if decision.rule != "one_vs_one":
        return shares, values
    k = len(decision.labels)
    numbers = [value for value, _ in values]
    if decision.link == "labels":
        sure = [0.0] * len(row)
    elif decision.link == "log" and decision.calibration is None:
        sure, numbers = shares, numbers if decision.pairs == "max" else [p - 0.5 for p in shares]
    else:
        sure = numbers
    means, votes, sums, best = [0.0] * k, [0] * k, [0.0] * k, [-math.inf] * k
    for place, (first, later) in enumerate(combinations(range(k), 2)):
        means[first] += (1 - shares[place]) / (k - 1)
        means[later] += shares[place] / (k - 1)
        votes[later if numbers[place] > 0 else first] += 1
        sums[first] -= sure[place]
        sums[later] += sure[place]
        best[first] = max(best[first], -numbers[place])
        best[later] = max(best[later], numbers[place])
    if decision.pairs == "max":
        return means, [(value,) for value in best]
    return means, [
        (own + total / (3 * (abs(total) + 1)),) for own, total in zip(votes, sums, strict=True)
    ]


def first_places(ranks, row, slack=1e-9):
    """Labels that may rank first: those of the best value, as far as rounding can tell. Values that
    are equal here may only be rounded alike, where the logits of `row` are not.
    """
    best = max(ranks)
    near = slack * (1 + abs(best[0]))
    exact = [place for place, rank in enumerate(ranks) if rank == best]
    close = [place for place, rank in enumerate(ranks) if best[0] - rank[0] <= near]
    alike = len(row) != len(ranks) or len({row[place] for place in exact}) == 1
    return exact[:1] if alike and len(close) == len(exact) else close


def decided(decision, point, scores, top):
    """(labels given, margin, reason) from scores as they are rounded."""
    rows = list(enumerate(scores))
    floors = [0.0] * len(rows) if point.thresholds is None else point.thresholds
    reached = [i for i, x in rows if floors[i] is not None and x >= f32(floors[i])]
    margin = f32(scores[top] - max((x for i, x in rows if i != top), default=0.0))
    promised = point.promise is not None
    if point.sets:
        return reached, margin, None if reached else "empty_set"
    if not decision.one_label:
        fallback = decision.abstain.fallback == "top1" and not promised and not reached
        return reached or [top] * (fallback and floors[top] is not None), margin, None
    if decision.rule == "one_vs_rest" and decision.link == "labels" and scores[top] == 0:
        return [], margin, "no_yes"
    if top not in reached:
        return [], margin, "threshold"
    least = 0.0 if promised else decision.abstain.margin
    if least > 0 and margin < f32(least):
        return [], margin, "margin"
    return [top], margin, None
