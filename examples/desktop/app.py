"""A window that decides about a sentence while it is typed.

python app.py emotion.onnx
python app.py emotion.onnx --say "what a day"
"""

import argparse
import sys
from io import TextIOWrapper
from pathlib import Path

import limen

BESIDE = Path(__file__).parent / "classifier.onnx"


def say(file: Path, text: str) -> int:
    """Print what is decided about one text, without a window, and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # Labels may hold any character; a console's own encoding does not.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        with limen.load(file) as model:
            print(model(text))
    except limen.LimenError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def main() -> int:
    """Open the window on the file that is named, or on the one beside this program."""
    parser = argparse.ArgumentParser(description="decide about sentences while they are typed")
    parser.add_argument("file", nargs="?", type=Path, default=BESIDE, help="a classifier file")
    parser.add_argument("--say", metavar="TEXT", help="print what is decided; no window")
    asked = parser.parse_args()
    if asked.say is not None:
        return say(asked.file, asked.say)
    # Here, so that --say does without the libraries of a display.
    from window import open_window

    open_window(asked.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
