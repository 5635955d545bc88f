"""Binary classifiers put together under a rule: what the caller says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from limen.counted import counted
from limen.errors import InputError
from limen.format import Rule

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from torch import nn

    from limen_export.sources.given_module import GivenTokenizer

PartSource: TypeAlias = "str | nn.Module | BaseEstimator"
PartName: TypeAlias = str | tuple[str, str]
COMPOSED_RULES: tuple[Rule, ...] = ("one_vs_rest", "one_vs_one", "multilabel")
REST = "rest"
"""What a part's no is called where nothing else names it."""
_SHOWN, _SHOWN_NAMES = 5, 8


@dataclass(frozen=True, eq=False)
class Part:
    """A classifier that says yes or no.

    Attributes:
        named: the label that its yes is for; for a pair the label that its no is for, and that of
            its yes.
        source: a folder, a hub name, a file of weights, a module in memory, or a scikit-learn
            pipeline, fitted, as a file or in memory.
    """

    named: tuple[str, ...]
    source: PartSource

    @property
    def yes(self) -> str:
        """The label that its yes is for."""
        return self.named[-1]

    @property
    def no(self) -> str:
        """The label that its no is for; REST where that is no label."""
        return self.named[0] if len(self.named) == 2 else REST

    def place_of_yes(self, names: Sequence[str]) -> int:
        """Return which of a part's own labels its yes is; the last one where their names do not say
        it.
        """
        if self.yes in names:
            return names.index(self.yes)
        if self.no in names and len(names) == 2:
            return 1 - names.index(self.no)
        return len(names) - 1

    def is_turned(self, labels: Sequence[str]) -> bool:
        """Say whether its yes is for the earlier label of a pair, where outputs are about the
        later one.
        """
        return len(self.named) == 2 and labels.index(self.yes) < labels.index(self.no)

    @property
    def name(self) -> str:
        """What messages call it."""
        return ":".join(self.named)


@dataclass(frozen=True, eq=False)
class Composition:
    """Parts, complete for their rule.

    Attributes:
        rule: `one_vs_rest` (the surest yes), `one_vs_one` (pairs), or `multilabel` (every yes).
        labels: in order.
        parts: in the order of the outputs: that of the labels, or of the pairs (0, 1), (0, 2), ...
        tokenizer: of parts that are modules; None where all bring their own.
        only_labels: a part's yes or no counts, and not how sure it is.
    """

    rule: Rule
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    tokenizer: "GivenTokenizer | None" = None
    only_labels: bool = False

    def name_of(self, names: Sequence[str]) -> str:
        """Return what the file says that it was made from.

        Args:
            names: of the parts' sources.
        """
        unlike = [*dict.fromkeys(names)]
        more = ", ..." if len(unlike) > _SHOWN_NAMES else ""
        return f"composed of {', '.join(unlike[:_SHOWN_NAMES])}{more}"


def compose(
    parts: Mapping[PartName, PartSource],
    *,
    rule: Rule,
    labels: Sequence[str] | None = None,
    tokenizer: "GivenTokenizer | None" = None,
    only_labels: bool = False,
) -> Composition:
    """Put binary classifiers together, for `limen_export.export`: on one backbone, or pipelines of
    scikit-learn, which need not share anything.

    Args:
        parts: from label to a classifier of one output (its logit for yes) or two (no, yes); with
            `one_vs_one` from a pair, `("joy", "anger")` or `"joy:anger"`, the second being that of
            yes. Where a part's own labels name the two, they decide which is which. A pipeline
            has two classes, of which the second is yes unless they are named.
        rule: `one_vs_rest`, `one_vs_one` or `multilabel`.
        labels: their order; None takes the order in which `parts` names them.
        tokenizer: of parts that are modules in memory.
        only_labels: take a part's yes or no alone, for parts whose values say nothing of how sure
            they are: a yes is a vote; with `one_vs_rest` ties go to the earlier label, and a
            text without a yes gets none.

    Raises:
        InputError: another rule, or parts that are missing, doubled or of unknown labels.
    """
    if rule not in COMPOSED_RULES:
        raise InputError(
            f"rule {rule!r} for parts that say yes or no; expected {', '.join(COMPOSED_RULES)}"
        )
    size = 2 if rule == "one_vs_one" else 1
    named = [Part(_named(name, labels, size), source) for name, source in parts.items()]
    order = tuple(labels or dict.fromkeys(label for part in named for label in part.named))
    if len(set(order)) != len(order) or len(order) < 2:
        raise InputError(
            f"{counted(len(order), 'label')} ({', '.join(order)}); expected two or more, unlike"
        )
    by_labels: dict[frozenset[str], Part] = {}
    for part in named:
        unknown = [label for label in part.named if label not in order]
        if unknown:
            raise InputError(f"part {part.name} is about {unknown[0]!r}, none of the labels")
        if frozenset(part.named) in by_labels:
            raise InputError(
                f"part {part.name} is there twice; expected one for each {_unit(size)}"
            )
        by_labels[frozenset(part.named)] = part
    expected = [*combinations(order, size)]
    missing = [":".join(labels) for labels in expected if frozenset(labels) not in by_labels]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(expected)} parts are missing: {', '.join(missing[:_SHOWN])}; "
            f"{rule} over {len(order)} labels needs one for each {_unit(size)}"
        )
    complete = tuple(by_labels[frozenset(labels)] for labels in expected)
    return Composition(rule, order, complete, tokenizer, only_labels)


def _unit(size: int) -> str:
    return "pair" if size == 2 else "label"


def _named(name: PartName, labels: Sequence[str] | None, size: int) -> tuple[str, ...]:
    if size == 1:
        if not isinstance(name, str):
            raise InputError(f"part {name!r}; expected one label for each part")
        return (name,)
    pair = name if isinstance(name, tuple) else _split(name, labels)
    if len(pair) != 2 or pair[0] == pair[1] or not all(pair):
        raise InputError(
            f"part {name!r}; expected a pair of unlike labels, such as joy:anger, for each part"
        )
    return pair


def _split(name: str, labels: Sequence[str] | None) -> tuple[str, ...]:
    """A label may itself hold a colon."""
    cuts = [at for at, one in enumerate(name) if one == ":"]
    for at in cuts:
        if labels is not None and {name[:at], name[at + 1 :]} <= set(labels):
            return name[:at], name[at + 1 :]
    return tuple(name.split(":", 1))
