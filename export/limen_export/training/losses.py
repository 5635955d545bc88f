"""Losses for every rule, with the weights that rare classes get.

What a text adds to the loss, p being the probability of an answer, q its target and w its weight:

    sum over answers of  w q (1 - p)^gamma (-log p)

The answers are the labels with `multiclass`, and yes and no for each output with every other rule.
gamma is 0 for `plain`, which leaves cross-entropy; with gamma above 0 it is the focal loss (Lin et
al.: Focal loss for dense object detection, ICCV 2017, equation 4), whose modulating factor stands
here before each answer's own term, so that it is defined for smoothed targets too. Smoothed with e,
q is (1 - e) truth + e / answers.

The loss is the mean over the texts, and over the outputs that are asked about a text. Weights
are not divided out again in each batch, as torch's weighted mean does: the expectation over batches
is then the loss of all texts, whatever the batch size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from limen.arrays import WideArray
from limen.errors import InputError
from limen.evaluation.judged import Cells
from limen.format import Rule
from limen.format.rules import RULES
from torch import Tensor, nn
from torch.nn import functional

from limen_export.training.loss_settings import LossSettings

_LEAST_DOUBT = torch.finfo(torch.float32).tiny
"""Of 1 - p: a power of 0 below 1 would have an infinite slope."""


@dataclass(frozen=True)
class AnswerWeights:
    """Weights of the two answers of each output.

    Attributes:
        yes, no: float64, (outputs,), above 0.
    """

    yes: WideArray
    no: WideArray


def make_loss(settings: LossSettings, rule: Rule, truth: Cells) -> nn.Module:
    """Make the loss of a rule, its weights computed from the training texts.

    - `multiclass`: with `weighted`, a class of n texts among N of K classes weighs N / (K n), as
      scikit-learn's `class_weight="balanced"`
      (https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html).
    - `multilabel`, `one_vs_rest`: a yes weighs negatives / positives of its label, at most the cap,
      and a no 1: `pos_weight` of
      https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html.
    - `one_vs_one`: outputs are pairs, in the order of limen.decision.pairs, and the yes is the
      later label's; a text is asked only the K - 1 pairs that its class takes part in. The two
      classes of a pair weigh as with `class_weight="balanced"` on their texts alone, at most the
      cap apart.
    - `class_balanced_focal`: a class of n texts weighs (1 - beta) / (1 - beta^n), divided so that
      the weights of all classes have the mean 1 (Cui et al.: Class-balanced loss based on effective
      number of samples, CVPR 2019). Where outputs are yes-or-no questions, the classes are the two
      answers of each.

    A class or answer without a text has nothing to be weighed by: it, and the other answer of
    its output, weighs 1.

    Args:
        settings: which loss.
        rule: how outputs become labels.
        truth: bool, (texts, labels): of the training texts.

    Returns:
        A module from logits, float32 (batch, outputs), and truth, float (batch, labels) of 0 and 1,
        to a scalar of float32. Half precision is widened first. The weights are buffers that move
        with `to(device)` and are not saved.

    Raises:
        InputError: an unknown rule, no text, fewer than two labels where a rule needs two, or with
            `multiclass` or `one_vs_one` a text that has not exactly one label.
    """
    _check_truth(rule, truth)
    support = truth.sum(axis=0)
    if rule == "multiclass":
        return ClassLoss(settings, _class_weights(settings, support))
    if rule == "one_vs_one":
        first, later = np.triu_indices(len(support), 1)
        weights = _answer_weights(settings, support[later], support[first], balanced=True)
        return PairLoss(settings, weights, len(support))
    weights = _answer_weights(settings, support, len(truth) - support, balanced=False)
    return AnswerLoss(settings, weights)


class ClassLoss(nn.Module):
    """Loss of outputs that share one unit of probability."""

    weights: Tensor

    def __init__(self, settings: LossSettings, weights: WideArray) -> None:
        """Keep one weight for each class: float64, (classes,)."""
        super().__init__()
        self._gamma, self._smoothing = _gamma(settings), settings.smoothing
        self.register_buffer("weights", _tensor(weights), persistent=False)

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Return the loss; shapes and types as `make_loss` says."""
        _check_shape(logits, truth, len(self.weights), len(self.weights))
        logs = functional.log_softmax(logits.float(), dim=1)
        wanted = (1.0 - self._smoothing) * truth + self._smoothing / truth.shape[1]
        terms = -self.weights * wanted * logs
        if self._gamma > 0:
            terms = terms * (-torch.expm1(logs)).clamp(min=_LEAST_DOUBT) ** self._gamma
        return terms.sum(dim=1).mean()


class AnswerLoss(nn.Module):
    """Loss of outputs that each answer yes or no, with labels as outputs."""

    yes: Tensor
    no: Tensor

    def __init__(self, settings: LossSettings, weights: AnswerWeights) -> None:
        """Keep the weights of the answers of each output."""
        super().__init__()
        self._gamma, self._smoothing = _gamma(settings), settings.smoothing
        self.register_buffer("yes", _tensor(weights.yes), persistent=False)
        self.register_buffer("no", _tensor(weights.no), persistent=False)

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Return the loss; shapes and types as `make_loss` says."""
        _check_shape(logits, truth, len(self.yes), len(self.yes))
        return self._mean(logits, truth, self.yes, self.no)

    def _mean(self, logits: Tensor, truth: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        """Return the mean loss of questions; all arguments of one shape, or broadcast to it."""
        for_yes = functional.logsigmoid(logits.float())
        for_no = functional.logsigmoid(-logits.float())
        wanted = (1.0 - self._smoothing) * truth + self._smoothing / 2.0
        missed_yes, missed_no = -yes * wanted * for_yes, -no * (1.0 - wanted) * for_no
        if self._gamma > 0:
            missed_yes = missed_yes * torch.exp(self._gamma * for_no)
            missed_no = missed_no * torch.exp(self._gamma * for_yes)
        return (missed_yes + missed_no).mean()


class PairLoss(AnswerLoss):
    """Loss of pairs, each asked only about texts of its two classes."""

    places: Tensor
    wins: Tensor

    def __init__(self, settings: LossSettings, weights: AnswerWeights, classes: int) -> None:
        """Keep which pairs each class takes part in, and where it is the later one."""
        super().__init__(settings, weights)
        first, later = np.triu_indices(classes, 1)
        parts = [np.flatnonzero((first == one) | (later == one)) for one in range(classes)]
        wins = [later[places] == one for one, places in enumerate(parts)]
        self.register_buffer("places", torch.from_numpy(np.stack(parts)), persistent=False)
        self.register_buffer("wins", _tensor(np.stack(wins)), persistent=False)

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Return the loss; shapes and types as `make_loss` says."""
        _check_shape(logits, truth, len(self.yes), len(self.places))
        classes = truth.argmax(dim=1)
        # Only (batch, K - 1) of the (batch, K (K - 1) / 2) outputs are looked at.
        asked = self.places[classes]
        own = logits.gather(1, asked)
        return self._mean(own, self.wins[classes], self.yes[asked], self.no[asked])


def _gamma(settings: LossSettings) -> float:
    return 0.0 if settings.kind == "plain" else settings.gamma


def _tensor(values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _class_weights(settings: LossSettings, support: npt.NDArray[np.int64]) -> WideArray:
    weights = np.ones(len(support))
    seen = support > 0
    if settings.kind == "class_balanced_focal":
        weights[seen] = _of_effective_numbers(support[seen], settings.beta)
    elif settings.weighted:
        weights[seen] = support.sum() / (seen.sum() * support[seen])
    return weights


def _answer_weights(
    settings: LossSettings,
    positives: npt.NDArray[np.int64],
    negatives: npt.NDArray[np.int64],
    *,
    balanced: bool,
) -> AnswerWeights:
    yes, no = np.ones((2, len(positives)))
    seen = (positives > 0) & (negatives > 0)
    above, below = positives[seen], negatives[seen]
    if settings.kind == "class_balanced_focal":
        yes[seen], no[seen] = _of_effective_numbers(np.stack([above, below]), settings.beta)
    elif settings.weighted:
        cap = settings.pos_weight_cap
        yes[seen] = np.clip(below / above, 1.0 / cap if balanced else 0.0, cap)
        if balanced:
            # Their ratio stays, and the weights of all texts of the pair have the mean 1.
            no[seen] = (above + below) / (above * yes[seen] + below)
            yes[seen] *= no[seen]
    return AnswerWeights(yes, no)


def _of_effective_numbers(support: npt.NDArray[np.int64], beta: float) -> WideArray:
    """One over the effective number of texts, (classes, ...), with the mean 1 over the classes."""
    shares: WideArray = 1.0 / (1.0 - beta ** support.astype(np.float64))
    weights: WideArray = shares / shares.mean(axis=0)
    return weights


def _check_truth(rule: Rule, truth: Cells) -> None:
    if rule not in RULES:
        raise InputError(f"rule {rule!r}, expected one of {', '.join(RULES)}")
    if truth.ndim != 2 or truth.dtype != np.bool_ or 0 in truth.shape:
        raise InputError(
            f"truth is {truth.dtype} of shape {truth.shape}, expected bool of (texts, labels), at "
            "least one of each"
        )
    if rule != "multilabel" and truth.shape[1] < 2:
        raise InputError(f"rule {rule} needs two labels or more, found one; choose multilabel")
    if rule in ("multilabel", "one_vs_rest"):
        return
    counts = truth.sum(axis=1)
    wrong = np.flatnonzero(counts != 1)
    if len(wrong):
        raise InputError(
            f"{len(wrong):,} texts do not have exactly one label; the first is text {wrong[0]} "
            f"with {counts[wrong[0]]}; rule {rule} needs one each: choose multilabel or "
            "one_vs_rest, or leave these texts out"
        )


def _check_shape(logits: Tensor, truth: Tensor, outputs: int, labels: int) -> None:
    if logits.ndim != 2 or logits.shape[1] != outputs or truth.shape != (len(logits), labels):
        raise InputError(
            f"logits of shape {tuple(logits.shape)} and truth of {tuple(truth.shape)}, expected "
            f"(batch, {outputs:,}) and (batch, {labels:,}); make the loss from truth with the "
            "labels of these texts"
        )
