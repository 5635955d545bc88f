"""What goes with the file that an export replaces."""

from pathlib import Path

from limen.errors import LimenError
from limen.evaluation.retuning import tuned_blocks
from limen.format import read


def lost_fits(output: Path) -> tuple[str, ...]:
    """Say, in a notice, that a file about to be replaced holds what `limen tune` fitted into it.

    Replacing is not refused, since scripts export again and again; and what is no classifier file
    has nothing to lose here.

    Args:
        output: where the new file goes; there may be nothing yet.
    """
    if not output.is_file():
        return ()
    try:
        decision = read(output).metadata.decision
    except LimenError:
        return ()
    names = tuned_blocks(decision)
    if not names:
        return ()
    return (
        f"{output}: the file that was replaced held thresholds fitted by limen tune "
        f"({', '.join(names)}), which the new one does not have; run limen tune on it to fit them "
        "again",
    )
