"""The head of a Model2Vec folder: `head.safetensors`, or `pipeline.skops` of versions before."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from limen.errors import ExportError, reason
from limen.format import Rule
from safetensors import SafetensorError
from safetensors.numpy import load_file

from limen_export.graph.row_means import Activation, Layer
from limen_export.sources.head import Head, decided_head

HEAD, LEGACY_HEAD = "head.safetensors", "pipeline.skops"
_PROBLEMS = {"softmax": "single_label_classification", "sigmoid": "multi_label_classification"}
_HIDDEN: dict[str, Activation] = {
    "relu": "Relu",
    "tanh": "Tanh",
    "logistic": "Sigmoid",
    "identity": "Identity",
}
_TRUSTED = frozenset(
    """
    sklearn.linear_model._logistic.LogisticRegression
    sklearn.neural_network._multilayer_perceptron.MLPClassifier
    sklearn.neural_network._stochastic_optimizers.AdamOptimizer
    sklearn.neural_network._stochastic_optimizers.SGDOptimizer
    sklearn.pipeline.Pipeline
    sklearn.preprocessing._label.LabelBinarizer """.split()
)
"""Types that such a file may hold beside what skops trusts by itself."""


@dataclass(frozen=True, eq=False)
class StaticHead:
    """Layers, the last of which gives the logits, and what these mean."""

    layers: tuple[Layer, ...]
    decides: Head


def read_static_head(
    folder: Path, config: dict[str, Any], name: str, asked: Rule | None
) -> StaticHead:
    """Read the head of a folder.

    Args:
        folder: that of the static embeddings.
        config: its config.json; `head_config` says what head.safetensors means.
        name: of the source, for messages.
        asked: the rule the user wants; None follows the head's own.

    Raises:
        ExportError: no head, a regression head, or one that cannot be read.
    """
    if (folder / HEAD).is_file():
        return _of_tensors(folder / HEAD, config.get("head_config"), name, asked)
    if (folder / LEGACY_HEAD).is_file():
        return _of_skops(folder / LEGACY_HEAD, name, asked)
    raise ExportError(
        f"{name}: static embeddings without a head ({HEAD}, or {LEGACY_HEAD} of older versions), "
        "which decide nothing; train one with model2vec's StaticModelForClassification and save it "
        "with to_pipeline().save_pretrained(FOLDER)"
    )


def _of_tensors(file: Path, stated: object, name: str, asked: Rule | None) -> StaticHead:
    if not isinstance(stated, dict) or not isinstance(stated.get("n_layers"), int):
        raise ExportError(f"{name}: config.json has no head_config for {HEAD}; save it again")
    activation, classes = stated.get("activation"), stated.get("classes")
    if activation not in _PROBLEMS or not isinstance(classes, list):
        raise ExportError(
            f"{name}: a head with activation {activation!r}, which predicts numbers; expected "
            f"{' or '.join(_PROBLEMS)} with classes"
        )
    try:
        stored = load_file(file)
        pairs = [
            (stored[f"head.{place}.weight"], stored[f"head.{place}.bias"])
            for place in range(stated["n_layers"])
        ]
    except (SafetensorError, OSError, KeyError) as error:
        raise ExportError(f"{name}: {file.name} cannot be read ({reason(error)})") from error
    return _head(pairs, "Relu", _labels(classes), _PROBLEMS[activation], (name, asked))


def _of_skops(file: Path, name: str, asked: Rule | None) -> StaticHead:
    estimator = _loaded(file, name)
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    kinds = [type(step).__name__ for step in steps]
    if kinds not in (["MLPClassifier"], ["LogisticRegression"]):
        raise ExportError(
            f"{name}: {file.name} holds {', '.join(kinds)}; expected an MLPClassifier or a "
            "LogisticRegression alone"
        )
    (head,) = steps
    labels = _labels(head.classes_)
    if kinds == ["LogisticRegression"]:
        pairs = [(head.coef_, head.intercept_)]
        return _head(pairs, "Identity", labels, _PROBLEMS["softmax"], (name, asked))
    pairs = [(weight.T, bias) for weight, bias in zip(head.coefs_, head.intercepts_, strict=True)]
    several = head.out_activation_ == "logistic" and len(pairs[-1][1]) > 1
    problem = _PROBLEMS["sigmoid" if several else "softmax"]
    return _head(pairs, _HIDDEN[head.activation], labels, problem, (name, asked))


def _loaded(file: Path, name: str) -> Any:  # noqa: ANN401  (an estimator of scikit-learn)
    try:
        from skops import io
    except ImportError as error:
        raise ExportError(
            f"{name}: {file.name} needs skops to be read; pip install skops, or save the folder "
            f"again with model2vec 0.10 or later, which writes {HEAD}"
        ) from error
    try:
        strange = set(io.get_untrusted_types(file=file)) - _TRUSTED
        if strange:
            raise ExportError(
                f"{name}: {file.name} holds types that are not read: {', '.join(sorted(strange))}"
            )
        return io.load(file, trusted=sorted(_TRUSTED))
    except ExportError:
        raise
    except Exception as error:
        raise ExportError(f"{name}: {file.name} cannot be read ({reason(error)})") from error


def _labels(classes: Any) -> tuple[str, ...]:  # noqa: ANN401  (a list, or an array of numpy)
    return tuple(str(label) for label in classes)


def _head(
    pairs: list[tuple[Any, Any]],
    hidden: Activation,
    labels: tuple[str, ...],
    problem: str,
    asked: tuple[str, Rule | None],
) -> StaticHead:
    name, rule = asked
    if not pairs:
        raise ExportError(f"{name}: a head without layers, which decides nothing")
    layers = tuple(
        Layer(
            np.asarray(weight, dtype=np.float32),
            np.asarray(bias, dtype=np.float32),
            hidden if place < len(pairs) - 1 else "Identity",
        )
        for place, (weight, bias) in enumerate(pairs)
    )
    for before, after in pairwise(layers):
        if after.weight.shape[1] != before.weight.shape[0]:
            raise ExportError(
                f"{name}: a layer of the head gives {before.weight.shape[0]:,} numbers, the next "
                f"takes {after.weight.shape[1]:,}; save the folder again"
            )
    return StaticHead(layers, decided_head(labels, len(layers[-1].bias), rule, problem, name))
