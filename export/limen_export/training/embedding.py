"""A backbone as it is, and a linear head on its rows, which are computed once and scaled to length
1.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from limen.arrays import FloatArray
from limen.progress import Progress
from torch import nn

from limen_export.sources.fitted_head import fitted_head
from limen_export.sources.pooling import Normalised, pooled
from limen_export.sources.sentence_folder import MODULES_FILE
from limen_export.training.backbones import Backbone, HeadSaid, head_outputs, save_with_head
from limen_export.training.examples import Examples
from limen_export.training.linear import (
    LinearSettings,
    SampledRows,
    fit_linear,
    sampled_rows,
)
from limen_export.training.loss_settings import LossSettings
from limen_export.training.losses import make_loss
from limen_export.training.recipes import EmbedRecipe

_STEPS = 200
"""Of L-BFGS, at most."""
_MODULES = "sentence_transformers.models"
_PATHS = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
_FLAGS = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
"""As every version of sentence-transformers reads them."""


@dataclass(frozen=True, eq=False)
class EmbeddedHead:
    """A linear head on the rows of a backbone.

    Attributes:
        layer: float32 (texts, width) to (texts, outputs).
        said: labels in the order of the outputs, rule and pooling.
        notices: what the user should know.
    """

    layer: nn.Linear
    said: HeadSaid
    notices: tuple[str, ...] = ()


def embed(
    backbone: Backbone, recipe: EmbedRecipe, texts: tuple[str, ...], told: Progress
) -> FloatArray:
    """Run texts through a backbone, the longest first; on the GPU where there is one.

    Returns:
        float32, (texts, width), in the order of the texts; each row has length 1.
    """
    normalised = Normalised()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model: nn.Module = backbone.model
    model.to(device)
    encoded = backbone.tokenizer(list(texts), truncation=True, max_length=backbone.max_tokens)
    order = sorted(range(len(texts)), key=lambda place: -len(encoded["input_ids"][place]))
    rows: list[FloatArray] = [np.zeros(0, np.float32)] * len(texts)
    with torch.inference_mode():
        for start in range(0, len(order), recipe.batch_size):
            places = order[start : start + recipe.batch_size]
            batch = backbone.tokenizer.pad(
                {key: [values[place] for place in places] for key, values in encoded.items()},
                return_tensors="pt",
            ).to(device)
            made = normalised(pooled(model(**batch), recipe.pooling, batch["attention_mask"]))
            for place, row in zip(places, made.float().cpu().numpy(), strict=True):
                rows[place] = row
            told.count(f"{start + len(places):,} of {len(texts):,} texts embedded")
    model.to("cpu")
    return np.stack(rows)


def fit_head(
    rows: FloatArray,
    train: Examples,
    linear: LinearSettings,
    loss: LossSettings,
    recipe: EmbedRecipe,
) -> EmbeddedHead:
    """Fit the head: by scikit-learn's own estimators, or by L-BFGS where the loss is another.

    Args:
        rows: float32, (texts, width), of the texts of `train`.
        train: what is true of them.
        linear: rule, strength, sampler.
        loss: what is minimised.
        recipe: pooling.

    Raises:
        InputError: a sampler that does not fit the data.
    """
    sampled = sampled_rows(rows, train, linear)
    # scikit-learn knows no cap on what a yes weighs.
    capped = loss.weighted and linear.rule in ("multilabel", "one_vs_rest")
    if loss.kind != "plain" or loss.smoothing or capped:
        layer = _minimised(sampled, linear, loss)
        said = HeadSaid(train.labels, linear.rule, recipe.pooling)
        return EmbeddedHead(layer, said, sampled.notices)
    estimator = fit_linear(sampled, train.labels, linear)
    names = train.labels if train.task == "multilabel" else None
    found = fitted_head(estimator, names, rows.shape[1], train.name)
    said = HeadSaid(found.head.labels, found.head.rule, recipe.pooling)
    return EmbeddedHead(found.layer, said, sampled.notices)


def save_embedded(backbone: Backbone, head: EmbeddedHead, output: Path) -> None:
    """Write a folder of sentence-transformers with a head (docs/sources.md).

    Raises:
        OSError: it cannot be written.
    """
    save_with_head(backbone.model, backbone.tokenizer, head.layer, head.said, output)
    width = head.layer.in_features
    pooling = {"word_embedding_dimension": width, f"pooling_mode_{_FLAGS[head.said.pooling]}": True}
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"{_MODULES}.{kind}"}
        for place, (kind, path) in enumerate(_PATHS.items())
    ]
    (output / _PATHS["Pooling"]).mkdir()
    for name, content in (
        (MODULES_FILE, modules),
        (f"{_PATHS['Pooling']}/config.json", pooling),
        ("sentence_bert_config.json", {"max_seq_length": backbone.max_tokens}),
    ):
        (output / name).write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _minimised(sampled: SampledRows, linear: LinearSettings, loss: LossSettings) -> nn.Linear:
    """The same penalty as scikit-learn's: half the squared weights, over `C` and the texts."""
    measured = make_loss(loss, linear.rule, sampled.truth)
    inputs = torch.from_numpy(np.asarray(sampled.features, dtype=np.float32))
    wanted = torch.from_numpy(sampled.truth.astype(np.float32))
    outputs = head_outputs(linear.rule, sampled.truth.shape[1])
    layer = nn.Linear(inputs.shape[1], outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe"
    )
    share = 1.0 / (2.0 * linear.strength * len(inputs))

    def objective() -> torch.Tensor:
        optimizer.zero_grad()
        value: torch.Tensor = measured(layer(inputs), wanted) + share * layer.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(objective)  # type: ignore[no-untyped-call]
    return layer.requires_grad_(False)
