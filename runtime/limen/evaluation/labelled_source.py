"""What labelled texts are, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from limen.errors import InputError


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its true labels.

    Attributes:
        text: as the data holds it.
        labels: places in the classifier's labels, ascending, each once; empty for none.
        where: file and line or record, for messages; empty where nobody said. Records that differ
            in nothing else are equal.
    """

    text: str
    labels: tuple[int, ...]
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class LabelledSource:
    """Where labelled texts are read from, and how their labels are written there.

    Attributes:
        path: a `.jsonl`, `.csv` or `.tsv` file, a folder that `datasets.save_to_disk` wrote, or
            `hf:NAME` or `hf:NAME:SPLIT` for a data set of the Hugging Face hub.
        text_column: field or column that holds the text.
        label_column: field or column that holds the labels.
        label_names: from a name in the data to the classifier's name for it; names that are left
            out mean themselves.
        separator: stands between the labels of one cell of a `.csv` or `.tsv` file.
        quoted: cells of a `.csv` or `.tsv` file may stand in quotes; False takes quotes as they
            are, as many public `.tsv` files want it.
    """

    path: Path | str
    text_column: str = "text"
    label_column: str = "labels"
    label_names: Mapping[str, str] | None = None
    separator: str = ","
    quoted: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that no data can fit.

        Raises:
            InputError: text and labels in the same column, or no separator.
        """
        if self.text_column == self.label_column:
            raise InputError(
                f"{self.path}: text and labels are both to be read from {self.text_column!r}; give "
                "the name of the column that holds the labels (--labels)"
            )
        if not self.separator:
            raise InputError(
                f"{self.path}: the separator of labels is empty; give at least one character"
            )


def text_of(value: object, column: str, where: str) -> str:
    """Check that a value of the data is a text.

    Args:
        value: what stands in the field `column`.
        column: its name, for the message.
        where: file and line or record, for the message.

    Raises:
        InputError: no str, or it holds lone surrogates.
    """
    if not isinstance(value, str):
        raise InputError(
            f"{where}: {column!r} holds {type(value).__name__} where a text is expected; correct "
            "it, or give the name of the column that holds the text (--column)"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{where}: the text ({len(value):,} characters) holds a lone surrogate at "
            f"{error.start}: not valid Unicode; correct it"
        ) from error
    return value
