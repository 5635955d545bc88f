"""The gate on real classifiers: what rounding of the size of int8's does to their decisions."""

import numpy as np
from limen.evaluation.gating import Gate, GateSettings, TrueLabels
from limen.format import read


def noisy(logits, size):
    noise = np.random.default_rng(3).normal(size=logits.shape)
    return (logits + size * noise).astype(np.float32)


def gate_of(found):
    file, data = found
    decision = read(file).metadata.decision
    return Gate(decision, data.logits, TrueLabels(data.truth, data.keys), GateSettings()), data


def test_emotions(goemotions):
    gate, data = gate_of(goemotions)
    assert (gate.record.point, gate.record.fitted) == ("f1", True)
    near, far = (gate.judge(noisy(data.logits, size)) for size in (0.003, 1.0))
    assert near.passes
    assert near.cells_alike > 0.999
    # Thresholds are worth much here: at 0.5 the macro-F1 is below 0.3.
    assert near.quality.source > 0.35
    assert abs(near.quality.drop) < 0.005
    assert far.verdict == "failed"
    assert near.cells_alike > far.cells_alike


def test_intents(intents):
    gate, data = gate_of(intents)
    assert (gate.record.point, gate.record.unit) == ("argmax", "texts")
    near, far = (gate.judge(noisy(data.logits, size)) for size in (0.01, 3.0))
    assert near.verdict == "passed"
    assert near.quality.metric == "accuracy"
    assert near.texts_alike > 0.995
    assert far.verdict == "failed"
