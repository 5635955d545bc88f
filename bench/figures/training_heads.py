"""Linear heads trained on features with every loss, sampler and rule."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from limen.arrays import FloatArray
from limen.format import Rule
from limen_export.training.examples import Places
from limen_export.training.loss_settings import LossSettings
from limen_export.training.losses import make_loss
from limen_export.training.resampling import Sampler, resampled
from limen_export.training.smoting import Features, smote
from scipy import sparse
from torch import Tensor
from torch.nn import functional
from training_subjects import Subject

_BATCH, _EPOCHS, _SEED = 256, 30, 13
_PLAIN = LossSettings()


@dataclass(frozen=True)
class Variant:
    """A way to train the head.

    Attributes:
        name: what the tables call it.
        loss: of the training.
        sampler: of the texts, or of their features.
        rule: of the head.
    """

    name: str
    loss: LossSettings = _PLAIN
    sampler: Sampler = "none"
    rule: Rule = "multiclass"


def trained(subject: Subject, variant: Variant) -> tuple[FloatArray, int]:
    """Train a head; return its logits of the held-out texts, and how many rows it learned from."""
    train, features = subject.train, subject.features
    labels = len(train.labels)
    if variant.sampler == "smote":
        made = smote(features, train.classes, _SEED)
        features, truth = made.features, np.eye(labels, dtype=np.bool_)[made.classes]
    else:
        places = resampled(train, variant.sampler, _SEED)
        features, truth = features[places], train.truth[places]
    loss = make_loss(variant.loss, variant.rule, truth)
    pairs = labels * (labels - 1) // 2
    outputs = pairs if variant.rule == "one_vs_one" else labels
    weights = torch.zeros((features.shape[1], outputs), requires_grad=True)
    shifts = torch.zeros(outputs, requires_grad=True)
    wanted = torch.from_numpy(truth).float()
    # As many steps for every sampler, so that none has learned for longer.
    steps = _EPOCHS * -(-len(train) // _BATCH)
    fitting = torch.optim.Adam([weights, shifts], lr=subject.rate, fused=True)
    falling = torch.optim.lr_scheduler.LinearLR(fitting, 1.0, 0.0, total_iters=steps)
    for rows in _batches(len(truth), steps):
        fitting.zero_grad()
        loss(_product(features[rows], weights) + shifts, wanted[torch.from_numpy(rows)]).backward()
        fitting.step()
        falling.step()
    with torch.inference_mode():
        logits = _product(subject.held_out_features, weights) + shifts
    return logits.numpy(), len(truth)


def _batches(texts: int, steps: int) -> Iterator[Places]:
    draw = np.random.default_rng(_SEED)
    order = draw.permutation(texts)
    for _ in range(steps):
        while len(order) < _BATCH:
            order = np.concatenate([order, draw.permutation(texts)])
        yield order[:_BATCH]
        order = order[_BATCH:]


def _product(features: Features, weights: Tensor) -> Tensor:
    if not sparse.issparse(features):
        return torch.from_numpy(features) @ weights
    return functional.embedding_bag(
        torch.from_numpy(features.indices).long(),
        weights,
        torch.from_numpy(features.indptr[:-1]).long(),
        mode="sum",
        per_sample_weights=torch.from_numpy(features.data),
    )
