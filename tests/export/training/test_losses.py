"""Losses against the formulas of their sources, in plain numbers or as other libraries do."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from limen.decision import decide, score
from limen.errors import InputError
from limen.format import DecisionBlock, OperatingPoint
from limen_export.training.loss_settings import LOSS_KINDS, LossSettings
from limen_export.training.losses import make_loss
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsOneClassifier
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

RULES = ("multiclass", "multilabel", "one_vs_rest", "one_vs_one")
CLASSES = 4


def classes_of(texts=60, seed=0):
    """Unequal classes, each with a text: (texts,)."""
    draw = np.random.default_rng(seed)
    return np.concatenate(
        [np.arange(CLASSES), draw.choice(CLASSES, texts - CLASSES, p=[0.6, 0.25, 0.1, 0.05])]
    )


def one_hot(classes):
    return np.eye(CLASSES, dtype=np.bool_)[classes]


def multilabel_truth(texts=60, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.random((texts, CLASSES)) < [0.6, 0.3, 0.1, 0.05]
    truth[0] = True
    truth[1] = False
    return truth


def truth_for(rule):
    return multilabel_truth() if rule == "multilabel" else one_hot(classes_of())


def logits_for(rule, texts, seed=1, scale=3.0):
    outputs = CLASSES * (CLASSES - 1) // 2 if rule == "one_vs_one" else CLASSES
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.normal(0, scale, (texts, outputs)).astype(np.float32))


def value(settings, rule, truth, logits, batch=None):
    """The loss of a batch, the weights being those of `truth`."""
    batch = truth if batch is None else batch
    return float(make_loss(settings, rule, truth)(logits, torch.from_numpy(batch).float()))


def sigmoid(number):
    return 1.0 / (1.0 + math.exp(-number))


def answer(logit, yes, weight_yes, weight_no, gamma=0.0, smoothing=0.0):
    """Loss of one question, in plain numbers."""
    share = sigmoid(float(logit))
    wanted = (1 - smoothing) * yes + smoothing / 2
    for_yes = weight_yes * wanted * (1 - share) ** gamma * -math.log(share)
    return for_yes + weight_no * (1 - wanted) * share**gamma * -math.log(1 - share)


def pairs_by_hand(logits, truth, weights, gamma=0.0, smoothing=0.0):
    """Mean over the pairs that each text's class takes part in; weights of (first, later)."""
    told = []
    for row, true in zip(logits.tolist(), truth, strict=True):
        for place, (first, later) in enumerate(combinations(range(CLASSES), 2)):
            if true[first] or true[later]:
                no, yes = weights(first, later)
                told.append(answer(row[place], bool(true[later]), yes, no, gamma, smoothing))
    return np.mean(told)


# Multi-class


def test_cross_entropy_is_that_of_torch_and_of_scikit_learn():
    classes = classes_of()
    logits = logits_for("multiclass", len(classes))
    found = value(LossSettings(), "multiclass", one_hot(classes), logits)
    assert found == pytest.approx(
        float(functional.cross_entropy(logits, torch.from_numpy(classes))), rel=1e-6
    )
    shares = torch.softmax(logits.double(), dim=1).numpy()
    assert found == pytest.approx(log_loss(classes, shares), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_balanced_weights_and_smoothing_are_those_of_torch(smoothing):
    classes = classes_of()
    logits = logits_for("multiclass", len(classes))
    weights = compute_class_weight("balanced", classes=np.arange(CLASSES), y=classes)
    found = value(
        LossSettings(weighted=True, smoothing=smoothing), "multiclass", one_hot(classes), logits
    )
    summed = functional.cross_entropy(
        logits,
        torch.from_numpy(classes),
        weight=torch.from_numpy(weights).float(),
        label_smoothing=smoothing,
        reduction="sum",
    )
    assert found == pytest.approx(float(summed) / len(classes), rel=1e-5)


def test_over_all_training_texts_the_weighted_loss_is_scikit_learns():
    classes = classes_of()
    logits = logits_for("multiclass", len(classes))
    weights = compute_class_weight("balanced", classes=np.arange(CLASSES), y=classes)
    shares = torch.softmax(logits.double(), dim=1).numpy()
    found = value(LossSettings(weighted=True), "multiclass", one_hot(classes), logits)
    assert found == pytest.approx(
        log_loss(classes, shares, sample_weight=weights[classes]), rel=1e-5
    )


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_of_classes(gamma):
    classes = classes_of()
    logits = logits_for("multiclass", len(classes))
    shares = torch.softmax(logits.double(), dim=1).numpy()[np.arange(len(classes)), classes]
    found = value(LossSettings(kind="focal", gamma=gamma), "multiclass", one_hot(classes), logits)
    assert found == pytest.approx(np.mean((1 - shares) ** gamma * -np.log(shares)), rel=1e-4)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999])
def test_class_balanced_focal_loss_of_classes(beta):
    classes = classes_of()
    logits = logits_for("multiclass", len(classes))
    weights = np.array([(1 - beta) / (1 - beta**count) for count in np.bincount(classes)])
    weights *= CLASSES / weights.sum()
    shares = torch.softmax(logits.double(), dim=1).numpy()[np.arange(len(classes)), classes]
    settings = LossSettings(kind="class_balanced_focal", beta=beta, gamma=2.0)
    found = value(settings, "multiclass", one_hot(classes), logits)
    wanted = np.mean(weights[classes] * (1 - shares) ** 2 * -np.log(shares))
    assert found == pytest.approx(wanted, rel=1e-4)


# Labels that are each asked about


@pytest.mark.parametrize("rule", ["multilabel", "one_vs_rest"])
def test_binary_cross_entropy_with_pos_weight_is_that_of_torch(rule):
    truth = truth_for(rule)
    logits = logits_for(rule, len(truth))
    positives = truth.sum(axis=0)
    pos_weight = torch.from_numpy((len(truth) - positives) / positives).float()
    wanted = torch.from_numpy(truth).float()
    plain = functional.binary_cross_entropy_with_logits(logits, wanted)
    weighted = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=pos_weight)
    assert value(LossSettings(), rule, truth, logits) == pytest.approx(float(plain), rel=1e-5)
    assert value(LossSettings(weighted=True), rule, truth, logits) == pytest.approx(
        float(weighted), rel=1e-5
    )


def test_positive_weights_stop_at_the_cap():
    truth = np.zeros((1_001, 3), dtype=np.bool_)
    truth[:1, 0], truth[:10, 1], truth[:600, 2] = True, True, True
    for cap, expected in ((100.0, [100, 99.1, 401 / 600]), (20.0, [20, 20, 401 / 600])):
        loss = make_loss(LossSettings(weighted=True, pos_weight_cap=cap), "multilabel", truth)
        logits = torch.zeros((1, 3), requires_grad=True)
        loss(logits, torch.ones((1, 3))).backward()
        # At logit 0 the gradient of a missed yes is half its weight, here over three outputs.
        assert (-logits.grad[0] * 6).numpy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_focal_loss_of_answers(weighted, smoothing):
    truth = multilabel_truth()
    logits = logits_for("multilabel", len(truth))
    positives = truth.sum(axis=0)
    yes = np.minimum((len(truth) - positives) / positives, 5.0) if weighted else np.ones(CLASSES)
    settings = LossSettings(
        kind="focal", weighted=weighted, gamma=1.5, smoothing=smoothing, pos_weight_cap=5.0
    )
    wanted = np.mean(
        [
            answer(logits[row, label], truth[row, label], yes[label], 1.0, 1.5, smoothing)
            for row in range(len(truth))
            for label in range(CLASSES)
        ]
    )
    assert value(settings, "multilabel", truth, logits) == pytest.approx(wanted, rel=1e-4)


def test_class_balanced_focal_loss_weighs_both_answers_of_each_label():
    truth = multilabel_truth()
    logits = logits_for("multilabel", len(truth))
    beta, told = 0.99, []
    for label in range(CLASSES):
        positives = int(truth[:, label].sum())
        yes = (1 - beta) / (1 - beta**positives)
        no = (1 - beta) / (1 - beta ** (len(truth) - positives))
        yes, no = 2 * yes / (yes + no), 2 * no / (yes + no)
        told += [
            answer(logits[row, label], truth[row, label], yes, no, 2.0) for row in range(len(truth))
        ]
    settings = LossSettings(kind="class_balanced_focal", beta=beta)
    assert value(settings, "multilabel", truth, logits) == pytest.approx(np.mean(told), rel=1e-4)


# Pairs


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_pairs_are_asked_about_their_own_classes(gamma, smoothing):
    truth = one_hot(classes_of())
    logits = logits_for("one_vs_one", len(truth))
    kind = "focal" if gamma else "plain"
    settings = LossSettings(kind=kind, gamma=gamma, smoothing=smoothing)
    wanted = pairs_by_hand(logits, truth, lambda *_: (1.0, 1.0), gamma, smoothing)
    assert value(settings, "one_vs_one", truth, logits) == pytest.approx(wanted, rel=1e-4)


def test_classes_of_a_pair_are_balanced_within_it():
    classes = classes_of()
    truth = one_hot(classes)
    logits = logits_for("one_vs_one", len(truth))

    def weights(first, later):
        own = classes[(classes == first) | (classes == later)]
        return compute_class_weight("balanced", classes=np.array([first, later]), y=own)

    wanted = pairs_by_hand(logits, truth, weights)
    found = value(LossSettings(weighted=True), "one_vs_one", truth, logits)
    assert found == pytest.approx(wanted, rel=1e-4)


def test_weights_of_a_pair_stay_within_the_cap_and_have_the_mean_one():
    truth = one_hot(np.repeat([0, 1, 2, 3], [1_000, 1, 900, 2]))
    cap = 7.0
    loss = make_loss(LossSettings(weighted=True, pos_weight_cap=cap), "one_vs_one", truth)
    counts = truth.sum(axis=0)
    for place, (first, later) in enumerate(combinations(range(CLASSES), 2)):
        weights = []
        for own in (first, later):
            logits = torch.zeros((1, 6), requires_grad=True)
            loss(logits, torch.from_numpy(one_hot(np.array([own]))).float()).backward()
            # Half the weight at logit 0, over the three pairs of the class.
            weights.append(abs(float(logits.grad[0, place])) * 6)
        ratio = np.clip(counts[first] / counts[later], 1 / cap, cap)
        assert weights[1] / weights[0] == pytest.approx(ratio, rel=1e-4)
        mean = np.average(weights, weights=counts[[first, later]])
        assert mean == pytest.approx(1.0, rel=1e-4)


def test_class_balanced_focal_loss_of_pairs():
    classes = classes_of()
    truth = one_hot(classes)
    logits = logits_for("one_vs_one", len(truth))
    beta, counts = 0.95, np.bincount(classes)

    def weights(first, later):
        no, yes = ((1 - beta) / (1 - beta ** counts[one]) for one in (first, later))
        return 2 * no / (no + yes), 2 * yes / (no + yes)

    settings = LossSettings(kind="class_balanced_focal", beta=beta)
    found = value(settings, "one_vs_one", truth, logits)
    assert found == pytest.approx(pairs_by_hand(logits, truth, weights, 2.0), rel=1e-4)


@pytest.mark.parametrize("kind", LOSS_KINDS)
def test_pairs_without_the_texts_class_have_no_gradient(kind):
    truth = one_hot(np.arange(CLASSES))
    logits = logits_for("one_vs_one", CLASSES).requires_grad_()
    make_loss(LossSettings(kind=kind), "one_vs_one", truth)(
        logits, torch.from_numpy(truth).float()
    ).backward()
    for own in range(CLASSES):
        holds = [own in pair for pair in combinations(range(CLASSES), 2)]
        assert ((logits.grad[own] != 0).numpy() == holds).all()


@pytest.mark.parametrize("pairs", ["vote", "max"])
@pytest.mark.parametrize("kind", LOSS_KINDS)
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_the_runtime_decides_for_the_class_that_the_pairs_were_taught(classes, kind, pairs):
    """Free logits, moved against the gradient: what comes out is what limen.decision reads."""
    truth = np.eye(classes, dtype=np.bool_)
    loss = make_loss(LossSettings(kind=kind), "one_vs_one", truth)
    logits = torch.zeros((classes, classes * (classes - 1) // 2), requires_grad=True)
    loss(logits, torch.from_numpy(truth).float()).backward()
    taught = (-100.0 * logits.grad).numpy()
    point = OperatingPoint("argmax", None)
    labels = tuple(f"class {place}" for place in range(classes))
    decision = DecisionBlock("one_vs_one", labels, "sigmoid", (point,), "argmax", pairs=pairs)
    assert (decide(score(taught, decision), decision, point).chosen == truth).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_pairs_become_those_of_scikit_learn(weighted):
    """The minimum of the loss is that of scikit-learn's own pairs, each fitted alone."""
    draw = np.random.default_rng(5)
    classes = classes_of(300)
    features = (
        draw.normal(0, 1, (300, 2)) + 0.7 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[classes]
    )
    weight = "balanced" if weighted else None
    theirs = OneVsOneClassifier(
        LogisticRegression(C=np.inf, class_weight=weight, tol=1e-8, max_iter=1_000)
    ).fit(features, classes)
    truth = one_hot(classes)
    loss = make_loss(LossSettings(weighted=weighted), "one_vs_one", truth)
    linear = torch.nn.Linear(2, 6).double()
    loss.double()
    inputs, wanted = torch.from_numpy(features), torch.from_numpy(truth).double()
    fitting = torch.optim.LBFGS(
        linear.parameters(), max_iter=500, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure():
        fitting.zero_grad()
        reached = loss(linear(inputs), wanted)
        reached.backward()
        return reached

    fitting.step(closure)
    ours = linear.weight.detach().numpy()
    expected = np.concatenate([part.coef_ for part in theirs.estimators_])
    assert ours == pytest.approx(expected, abs=2e-2)


# All rules


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", RULES)
@given(seed=st.integers(0, 2**32 - 1), smoothing=st.floats(0, 0.9))
def test_focal_without_focus_is_plain(rule, weighted, seed, smoothing):
    truth = truth_for(rule)
    logits = logits_for(rule, len(truth), seed)
    plain = LossSettings(weighted=weighted, smoothing=smoothing)
    focal = LossSettings(kind="focal", gamma=0.0, weighted=weighted, smoothing=smoothing)
    assert value(focal, rule, truth, logits) == value(plain, rule, truth, logits)


@pytest.mark.parametrize("rule", RULES)
@given(seed=st.integers(0, 2**32 - 1), gamma=st.floats(0, 6), smoothing=st.floats(0, 0.9))
def test_focus_never_adds(rule, seed, gamma, smoothing):
    truth = truth_for(rule)
    logits = logits_for(rule, len(truth), seed)
    plain = value(LossSettings(smoothing=smoothing), rule, truth, logits)
    focal = value(LossSettings("focal", gamma=gamma, smoothing=smoothing), rule, truth, logits)
    assert 0.0 <= focal <= plain * (1 + 1e-5)


@pytest.mark.parametrize("rule", RULES)
@given(scale=st.sampled_from([0.0, 1e2, 1e4, 1e10, 1e30]), gamma=st.sampled_from([0, 0.1, 0.5, 2]))
def test_loss_and_gradient_are_finite_for_any_logits(rule, scale, gamma):
    truth = truth_for(rule)
    for kind in LOSS_KINDS:
        settings = LossSettings(kind=kind, gamma=gamma, smoothing=0.1)
        logits = (logits_for(rule, len(truth), scale=1.0) * scale).requires_grad_()
        loss = make_loss(settings, rule, truth)(logits, torch.from_numpy(truth).float())
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_the_loss_of_all_is_the_mean_of_batches(rule, weighted):
    truth = truth_for(rule)
    logits = logits_for(rule, len(truth))
    settings = LossSettings(weighted=weighted)
    parts = [
        value(settings, rule, truth, logits[start : start + 12], truth[start : start + 12])
        for start in range(0, len(truth), 12)
    ]
    assert value(settings, rule, truth, logits) == pytest.approx(np.mean(parts), rel=1e-5)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(rule, kind):
    truth = truth_for(rule)
    logits = logits_for(rule, len(truth)).to(kind)
    loss = make_loss(LossSettings("focal"), rule, truth)(logits, torch.from_numpy(truth).float())
    assert loss.dtype == torch.float32
    assert float(loss) == value(LossSettings("focal"), rule, truth, logits.float())


@pytest.mark.parametrize(
    "settings", [LossSettings(weighted=True), LossSettings("class_balanced_focal")]
)
@pytest.mark.parametrize("rule", RULES)
def test_a_label_without_texts_disturbs_nothing(rule, settings):
    truth = truth_for(rule)
    truth = truth[~truth[:, 3]]
    logits = logits_for(rule, len(truth)).requires_grad_()
    loss = make_loss(settings, rule, truth)(logits, torch.from_numpy(truth).float())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_weights_are_not_saved_with_a_model():
    assert (
        make_loss(LossSettings(weighted=True), "one_vs_one", truth_for("one_vs_one")).state_dict()
        == {}
    )


# Bad input


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "hinge"}, "expected one of plain, focal, class_balanced_focal"),
        ({"kind": "class_balanced_focal", "weighted": True}, "weights of its own"),
        ({"pos_weight_cap": 0.5}, "pos_weight_cap of the loss is 0.5; expected a number of 1 or"),
        ({"pos_weight_cap": math.inf}, "pos_weight_cap"),
        ({"gamma": -1.0}, "gamma of the loss is -1.0; expected a number of 0 or more"),
        ({"gamma": math.nan}, "gamma"),
        ({"beta": 1.0}, "beta of the loss is 1.0; expected a number of 0 or more and below 1"),
        ({"smoothing": 1.0}, "smoothing"),
        ({"smoothing": -0.1}, "smoothing"),
    ],
)
def test_settings_that_no_loss_can_have(wrong, told):
    with pytest.raises(InputError, match=told):
        LossSettings(**wrong)


@pytest.mark.parametrize(
    ("rule", "truth", "told"),
    [
        ("softmax", np.eye(3, dtype=np.bool_), "rule 'softmax', expected one of multiclass"),
        ("multilabel", np.eye(3), "truth is float64 of shape"),
        ("multilabel", np.zeros((0, 3), dtype=np.bool_), "at least one of each"),
        ("multilabel", np.zeros(3, dtype=np.bool_), "at least one of each"),
        ("multiclass", np.ones((2, 2), dtype=np.bool_), "2 texts do not have exactly one label"),
        ("one_vs_one", np.zeros((2, 2), dtype=np.bool_), "the first is text 0 with 0"),
        ("one_vs_rest", np.ones((2, 1), dtype=np.bool_), "needs two labels or more"),
    ],
)
def test_truth_that_a_rule_cannot_learn_from(rule, truth, told):
    with pytest.raises(InputError, match=told):
        make_loss(LossSettings(), rule, truth)


@pytest.mark.parametrize("rule", RULES)
def test_logits_and_truth_of_other_labels(rule):
    truth = truth_for(rule)
    loss = make_loss(LossSettings(), rule, truth)
    with pytest.raises(InputError, match="make the loss from truth with the labels of these texts"):
        loss(torch.zeros((2, 9)), torch.zeros((2, CLASSES)))
    with pytest.raises(InputError, match="truth of"):
        loss(logits_for(rule, 2), torch.zeros((3, CLASSES)))
