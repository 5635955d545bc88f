"""The command `limen`: finds a sub-command by name and runs it.

The table holds module names as text, so the runtime imports no heavier part until its command is
called.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Protocol, cast

from limen.errors import LimenError
from limen.extras import TRAINING, require

EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED = 0, 2, 130

COMMANDS = {
    "predict": ("limen.commands.predict", "decide about texts"),
    "inspect": ("limen.commands.inspect", "show what a classifier file carries"),
    "doctor": ("limen.commands.doctor", "say what limen will use on this machine, and why"),
    "tune": ("limen.commands.tune", "fit calibration and operating points on labelled texts"),
    "evaluate": ("limen.commands.evaluate", "judge a classifier file on labelled texts"),
    "train": ("limen_export.commands.train", "train a classifier on labelled texts"),
    "build": ("limen_export.commands.build", "train, and turn the result into a classifier file"),
    "export": ("limen_export.commands.export", "turn a trained checkpoint into a classifier file"),
    "bench": ("limen_bench.commands.bench", "measure a classifier file, and rivals beside it"),
    "bench report": ("limen_bench.commands.bench_report", "make a page of results"),
    "bench compare": ("limen_bench.commands.bench_compare", "compare results with older ones"),
    "demo": ("limen_export.commands.demo", "train, export and try a small emotion classifier"),
}
"""Sub-command, of one word or two, to (module, one line of help)."""
_TRAIN = ("train", "build", "demo")
"""They stand in a package that asks for the extra `export` alone; whoever installed that would be
sent away once more."""


class Command(Protocol):
    """What a sub-command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work and return the exit status."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run `limen` with the given arguments and return its exit status: 0, 2 for an error, 130 for
    Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # Labels and messages may hold any character; a Windows console's own encoding does not.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        try:
            return _dispatch(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone (`limen predict ... | head`): say nothing, and keep the
        # interpreter from flushing into the closed pipe at exit
        # (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return EXIT_OK if words else EXIT_ERROR
    if words[0] == "--version":
        from limen import __version__

        print(f"limen {__version__}")
        return EXIT_OK
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    if name not in COMMANDS:
        print(f"limen: no command {words[0]!r}; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return EXIT_ERROR
    own = words[: words.index("--")] if "--" in words else words
    return _guarded(name, words[len(name.split()) :], debug="--debug" in own)


def _guarded(name: str, words: list[str], *, debug: bool) -> int:
    """Run a sub-command; what stops it becomes one line and an exit status."""
    try:
        return _run(name, words)
    except LimenError as error:
        if debug:
            traceback.print_exc()
        else:
            print(f"limen {name}: {_one_line(error)}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt as error:
        notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
        print(f"limen {name}: interrupted{notes}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        # Libraries that are imported late turn an interrupt into an error of their own.
        if debug or not _was_interrupted(error):
            raise
        print(f"limen {name}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _was_interrupted(error: BaseException) -> bool:
    """Whether an interrupt is behind an error."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__cause__ or behind.__context__
    return behind is not None


def _run(name: str, words: list[str]) -> int:
    module, summary = COMMANDS[name]
    if name in _TRAIN:
        require("train", TRAINING)
    command = cast("Command", import_module(module))
    parser = argparse.ArgumentParser(
        prog=f"limen {name}", description=summary[0].upper() + summary[1:] + "."
    )
    parser.add_argument(
        "--debug", action="store_true", help="show a traceback when something fails"
    )
    command.add_arguments(parser)
    return command.run(parser.parse_intermixed_args(words))


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return (
        "usage: limen COMMAND [...]\n\ncommands:\n"
        + "\n".join(lines)
        + "\n\nlimen COMMAND --help tells more."
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
