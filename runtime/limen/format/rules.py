"""Which rules and links there are, and how many outputs a graph needs for them."""

from typing import Literal, TypeAlias, get_args

from limen.errors import InputError

Rule: TypeAlias = Literal["multiclass", "multilabel", "one_vs_rest", "one_vs_one"]
Link: TypeAlias = Literal["softmax", "sigmoid", "log", "labels"]
Pairs: TypeAlias = Literal["vote", "max"]
RULES: tuple[str, ...] = get_args(Rule)
LINKS: tuple[str, ...] = get_args(Link)
PAIRS: tuple[str, ...] = get_args(Pairs)
LINKS_OF: dict[str, tuple[str, ...]] = {
    "multiclass": ("softmax", "sigmoid", "log"),
    "multilabel": ("sigmoid", "log", "labels"),
    "one_vs_rest": ("sigmoid", "log", "labels"),
    "one_vs_one": ("sigmoid", "log", "labels"),
}
"""Links that each rule can take."""


def outputs_of(rule: Rule, link: Link, labels: int) -> int:
    """Return how many logits a graph must give for so many labels."""
    if rule == "one_vs_one":
        return labels * (labels - 1) // 2
    return 1 if rule == "multiclass" and link == "sigmoid" else labels


def check_rule(rule: Rule, link: Link, labels: int) -> None:
    """Check that rule, link and number of labels fit each other.

    Raises:
        InputError: they do not.
    """
    if link not in LINKS_OF[rule]:
        raise InputError(f"rule {rule} needs link {' or '.join(LINKS_OF[rule])}, found {link}")
    if rule != "multilabel" and labels < 2:
        raise InputError(f"rule {rule} needs two labels or more, found one")
    if rule == "multiclass" and link == "sigmoid" and labels != 2:
        raise InputError(f"rule multiclass with link sigmoid needs two labels, found {labels}")


def check_outputs(rule: Rule, link: Link, labels: int, outputs: int) -> None:
    """Check that a graph of so many outputs can serve the rule.

    Raises:
        InputError: it cannot; the message holds the numbers.
    """
    needed = outputs_of(rule, link, labels)
    if outputs != needed:
        raise InputError(
            f"{rule} over {labels:,} labels needs {needed:,} outputs, the graph has {outputs:,}"
        )
