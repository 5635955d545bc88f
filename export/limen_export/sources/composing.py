"""Binary classifiers put together under a rule: what the caller says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from limen.errors import InputError
from limen.format import Rule

if TYPE_CHECKING:
    from torch import nn

    from limen_export.sources.given_module import GivenTokenizer

PartSource: TypeAlias = "str | nn.Module"
PartName: TypeAlias = str | tuple[str, str]
COMPOSED_RULES: tuple[Rule, ...] = ("one_vs_rest", "one_vs_one", "multilabel")
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Part:
    """A classifier that says yes or no.

    Attributes:
        named: the label that its yes is for; for a pair the label that its no is for, and that of
            its yes.
        source: a folder, a hub name, a file of weights, or a module in memory.
    """

    named: tuple[str, ...]
    source: PartSource

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
    """

    rule: Rule
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    tokenizer: "GivenTokenizer | None" = None


def compose(
    parts: Mapping[PartName, PartSource],
    *,
    rule: Rule,
    labels: Sequence[str] | None = None,
    tokenizer: "GivenTokenizer | None" = None,
) -> Composition:
    """Put binary classifiers on one backbone together, for `limen_export.export`.

    Args:
        parts: from label to a classifier of one output (its logit for yes) or two (no, yes); with
            `one_vs_one` from a pair, `("joy", "anger")` or `"joy:anger"`, the second being that of
            yes. Where a part's own labels name the two, they decide which is which.
        rule: `one_vs_rest`, `one_vs_one` or `multilabel`.
        labels: their order; None takes the order in which `parts` names them.
        tokenizer: of parts that are modules in memory.

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
        raise InputError(f"{len(order)} labels ({', '.join(order)}); expected two or more, unlike")
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
    return Composition(rule, order, complete, tokenizer)


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
