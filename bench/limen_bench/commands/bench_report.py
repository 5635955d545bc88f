"""`limen bench report`: results as one HTML page, as Markdown tables, or as one picture."""

import argparse
from pathlib import Path

from limen.errors import InputError
from limen.format import check_writable, write_whole

from limen_bench.results import read_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="files that `limen bench` wrote; a section for each run",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.html", help="one HTML page")
    parser.add_argument("--markdown", type=Path, metavar="FILE.md", help="the tables as Markdown")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="the ratios as one picture for a README"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write what is asked for: the page, the tables, the picture."""
    asked = (arguments.output, arguments.markdown, arguments.picture)
    outputs = [path for path in asked if path is not None]
    if not outputs:
        raise InputError("nowhere to write; give -o FILE.html, --markdown FILE.md or --picture")
    _check_apart(arguments.results, outputs)
    # matplotlib takes half a second to import; bad arguments should not wait for it.
    from limen_bench.report.markdown import markdown
    from limen_bench.report.page import page
    from limen_bench.report.picture import picture
    from limen_bench.summary import summarise

    summaries = summarise(read_results(arguments.results))
    if arguments.output is not None:
        write_whole(arguments.output, page(summaries).encode("utf-8"))
    if arguments.markdown is not None:
        write_whole(arguments.markdown, markdown(summaries).encode("utf-8"))
    if arguments.picture is not None:
        write_whole(arguments.picture, picture(summaries))
    for path in outputs:
        print(f"{path}: {len(summaries)} run{'s' if len(summaries) != 1 else ''}")
    return 0


def _check_apart(results: list[Path], outputs: list[Path]) -> None:
    """Refuse to write over the results, or one output over the other, before any work."""
    taken = {path.resolve() for path in results}
    for path in outputs:
        if path.resolve() in taken:
            raise InputError(f"{path}: given twice; an output needs a name of its own")
        taken.add(path.resolve())
        check_writable(path)
