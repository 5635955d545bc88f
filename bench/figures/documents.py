"""docs/benchmarks.md, the page, the picture and the README's table, from results."""

import re
from collections.abc import Sequence
from pathlib import Path

from limen_bench.report.markdown import markdown, table_markdown
from limen_bench.report.page import page
from limen_bench.report.picture import picture
from limen_bench.report.readme import readme_table
from limen_bench.results import read_results
from limen_bench.summary import RunSummary, summarise
from pickled_start import pickled_start_markdown

_BLOCK = "<!-- {name}:{edge} -->"


def write_documents(results: Sequence[Path], others: Sequence[Path], root: Path) -> None:
    """Write everything that is made of results; nothing else in the documents is touched.

    Args:
        results: of the transformers.
        others: of other classifiers, which stand on the page alone.
        root: of the project.
    """
    summaries = summarise(read_results(results))
    figures = root / "docs" / "figures"
    whole = summarise(read_results([*results, *others]))
    (figures / "benchmarks.html").write_text(page(whole), encoding="utf-8")
    compared = [summary for summary in summaries if summary.names("one")]
    (figures / "ratios.svg").write_bytes(picture(compared))
    replace_block(root / "docs" / "benchmarks.md", markdown(summaries))
    replace_block(root / "README.md", _short(compared))


def write_features(results: Sequence[Path], start: Path | None, root: Path) -> None:
    """Write the tables of classifiers that are no transformers into docs/benchmarks.md, and two
    figures of each into the README.

    Args:
        results: of `limen bench`.
        start: what `pickled_start` measured; None where it is not there.
        root: of the project.
    """
    summaries = summarise(read_results(results))
    short = _short(summaries)
    replace_block(root / "README.md", short, "features")
    parts = [short, markdown(summaries)]
    if start is not None:
        parts.append(pickled_start_markdown(start))
    content = "\n\n".join(part.rstrip() for part in parts) + "\n"
    replace_block(root / "docs" / "benchmarks.md", content, "features")


def _short(summaries: Sequence[RunSummary]) -> str:
    """Write two figures of every engine for each run, with date and machine."""
    parts = [table_markdown(readme_table(summaries))]
    dates = sorted({summary.row.date[:10] for summary in summaries})
    machines = sorted({_machine(summary) for summary in summaries})
    parts.append(f"Measured on {', '.join(dates)}: {'; '.join(machines)}.")
    return "\n\n".join(parts) + "\n"


def _machine(summary: RunSummary) -> str:
    machine = summary.row.machine
    vnni = "with" if "avx512_vnni" in (machine.get("features") or []) else "without"
    return f"{machine.get('cores')} cores of an {machine.get('cpu')} {vnni} AVX512-VNNI"


def replace_block(document: Path, content: str, name: str = "figures") -> None:
    """Put content between the two marks of a document."""
    begin, end = (_BLOCK.format(name=name, edge=edge) for edge in ("begin", "end"))
    text = document.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{document.name}: the marks {begin} and {end} are gone")
    block = f"{begin}\n\n{content}\n{end}"
    document.write_text(pattern.sub(lambda _: block, text), encoding="utf-8")
