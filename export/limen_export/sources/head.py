"""What a checkpoint's head decides: number of outputs, labels, rule and link."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from limen.counted import counted
from limen.errors import ExportError
from limen.format import Link, Rule
from limen.format.rules import outputs_of
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForSequenceClassification, PretrainedConfig

_REGRESSION = "regression"
_PROBLEMS: dict[str, Rule] = {
    "single_label_classification": "multiclass",
    "multi_label_classification": "multilabel",
}


@dataclass(frozen=True)
class Head:
    """Outputs of a classification head and what they mean.

    Attributes:
        outputs: width of the logits.
        labels: names, in order; two for a head of one output that decides yes or no.
        rule: multiclass or multilabel.
        link: logits to scores.
        notices: what was assumed.
    """

    outputs: int
    labels: tuple[str, ...]
    rule: Rule
    link: Link
    notices: tuple[str, ...]


def read_head(config: PretrainedConfig, folder: Path, name: str, asked: Rule | None) -> Head:
    """Read labels and rule from a config and the number of outputs from the weights themselves.

    Args:
        config: the checkpoint's config (`id2label`, `problem_type`).
        folder: where its safetensors files are.
        name: the checkpoint's name, for messages.
        asked: the rule the user wants; None follows `problem_type`.

    Raises:
        ExportError: a regression head, no head, labels that do not fit the outputs, or a rule that
            does not.
    """
    labels = label_names(config.id2label or {}, name)
    stored = _stored_outputs(config, folder)
    outputs = len(labels) if stored is None else stored
    return decided_head(labels, outputs, asked, config.problem_type, name)


def decided_head(
    labels: tuple[str, ...], outputs: int, asked: Rule | None, problem: str | None, name: str
) -> Head:
    """Say what outputs mean.

    Args:
        labels: their names, in order; two for one output that decides yes or no.
        outputs: how many logits the head gives.
        asked: the rule that the user or the source names; None follows `problem`.
        problem: transformers' `problem_type`; None where the source has none.
        name: the source's name, for messages.

    Raises:
        ExportError: a regression head, labels that do not fit the outputs, or a rule that does not.
    """
    if problem == _REGRESSION and asked is None:
        raise ExportError(
            f"{name}: problem_type is regression; limen decides about labels, not numbers"
        )
    if outputs == 1 and len(labels) == 2 and asked != "multilabel":
        return Head(1, labels, "multiclass", "sigmoid", _notices(labels, None))
    if asked == "one_vs_one" and outputs == outputs_of(asked, "sigmoid", len(labels)):
        return Head(outputs, labels, asked, "sigmoid", _notices(labels, None))
    _check_count(labels, outputs, name)
    if outputs == 1 and asked is None and problem is None:
        raise ExportError(
            f"{name}: one output and no problem_type, which transformers trains as regression; "
            "for one yes-or-no label pass --rule multilabel"
        )
    assumed = None
    if asked is None and problem is None:
        assumed = (
            "no rule and no problem_type is given: taken as multi-class; "
            "pass --rule multilabel if a text can have several labels"
        )
    rule = asked or _PROBLEMS.get(problem or "single_label_classification")
    if rule is None:
        raise ExportError(f"{name}: problem_type {problem!r} is none of {', '.join(_PROBLEMS)}")
    if rule == "multiclass" and outputs == 1:
        raise ExportError(
            f"{name}: multi-class with one output can only ever give one label; pass --rule "
            f"multilabel"
        )
    link: Link = "softmax" if rule == "multiclass" else "sigmoid"
    return Head(outputs, labels, rule, link, _notices(labels, assumed))


def _check_count(labels: tuple[str, ...], outputs: int, name: str) -> None:
    if len(labels) != outputs:
        less = "fewer" if len(labels) < outputs else "more"
        raise ExportError(
            f"{name}: {counted(len(labels), 'label')} for {counted(outputs, 'output')}, {less} "
            "than the head has; name each output once: id2label in config.json, --classes or "
            "--labels-file"
        )


def label_names(names: dict[Any, str], name: str) -> tuple[str, ...]:
    """Return the labels of an `id2label`, in order.

    Raises:
        ExportError: they are not numbered 0, 1, 2, ..., or two are alike.
    """
    if sorted(names) != list(range(len(names))) or not names:
        raise ExportError(
            f"{name}: id2label numbers its labels {sorted(names)[:5]}; expected 0, 1, 2, ..."
        )
    labels = tuple(str(names[index]) for index in range(len(names)))
    doubled = sorted({label for label in labels if labels.count(label) > 1})
    if doubled:
        raise ExportError(
            f"{name}: label {doubled[0]!r} stands twice in id2label; give each output its own name"
        )
    return labels


def _stored_outputs(config: PretrainedConfig, folder: Path) -> int | None:
    """Find the weight whose size follows the number of labels, and read its size from the file.

    Two skeletons without memory (torch's meta device), of two and of three labels, differ exactly
    there; so no list of architectures is needed. None where the file has no such weight.
    """
    shapes = []
    for count in (2, 3):
        skeleton_config = copy.deepcopy(config)
        skeleton_config.num_labels = count
        with torch.device("meta"):
            skeleton: torch.nn.Module = AutoModelForSequenceClassification.from_config(  # type: ignore[no-untyped-call]
                skeleton_config
            )
        shapes.append({key: tuple(value.shape) for key, value in skeleton.named_parameters()})
    head = [key for key, shape in shapes[0].items() if shapes[1].get(key) != shape]
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(str(file), framework="pt") as weights:
                for key in head:
                    if key in weights.keys():  # noqa: SIM118  (safe_open offers no `in`)
                        return int(weights.get_slice(key).get_shape()[0])
        except (SafetensorError, OSError) as error:
            raise ExportError(
                f"{folder.name}: its weights cannot be loaded ({file.name}: {error}); "
                "save them again"
            ) from error
    return None


def _notices(labels: tuple[str, ...], assumed: str | None) -> tuple[str, ...]:
    notices = [] if assumed is None else [assumed]
    if all(label == f"LABEL_{index}" for index, label in enumerate(labels)):
        notices.append("the labels have no names (LABEL_0, ...): set id2label in config.json")
    return tuple(notices)
