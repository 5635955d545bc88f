"""limen beside scikit-learn where the classifier is one regression, so that vectorisers alone are
compared: a table of docs/benchmarks.md.

`python bench/figures/one_regression.py` measures it, in about five minutes on two cores. It wants
real data that is not part of the project (CONTRIBUTING.md). Each engine runs in a process of its
own, on one thread, in turns.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from documents import replace_block
from make_figures import FIGURES, ROOT, WORK, real_data

FOUND = FIGURES / "one_regression.json"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
ROUNDS = 7
ENGINES = ("limen", "scikit-learn")
VECTORISERS: dict[str, dict[str, Any]] = {
    "single words": {},
    "words and pairs of words": {"ngram_range": (1, 2)},
    "1 to 3 characters": {"analyzer": "char", "ngram_range": (1, 3)},
    "1 to 4 characters inside words": {"analyzer": "char_wb", "ngram_range": (1, 4)},
}
ENGINE = Path(__file__).with_name("one_regression_engine.py")
Figures = dict[str, float]


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", action="store_true", help="measure nothing, write the table")
    if not parser.parse_args().documents:
        rows = [_row(name, given) for name, given in VECTORISERS.items()]
        found = {"date": date.today().isoformat(), "rounds": ROUNDS, "rows": rows}
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    replace_block(DOCUMENT, one_regression_markdown(FOUND), "one_regression")
    return 0


def _row(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Fit on four fifths of NSMC, then measure both engines on the others in turns."""
    source, texts = _fitted(real_data(), WORK / "regression", name, given)
    rounds: dict[str, list[Figures]] = {engine: [] for engine in ENGINES}
    for number in range(ROUNDS):
        for engine in ENGINES if number % 2 else ENGINES[::-1]:
            print(name, number, engine, file=sys.stderr, flush=True)
            words = [engine, str(source), str(texts), str(monotonic())]
            done = subprocess.run(  # noqa: S603  (our own file, in this interpreter)
                [sys.executable, "-P", str(ENGINE), *words],
                check=True,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            rounds[engine].append(json.loads(done.stdout))
    return {"name": name, "rounds": rounds}


def _fitted(real: Path, folder: Path, name: str, given: dict[str, Any]) -> tuple[Path, Path]:
    from limen_export import ExportSettings, export
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from skops import io

    folder.mkdir(parents=True, exist_ok=True)
    with (real / "data/nsmc/train_10k.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    kept = [row[1:3] for place, row in enumerate(rows) if place % 5]
    pipeline = make_pipeline(TfidfVectorizer(**given), LogisticRegression())
    pipeline.fit(*zip(*kept, strict=True))
    source = folder / f"{name.replace(' ', '-')}.skops"
    io.dump(pipeline, source)
    export(str(source), source.with_suffix(".onnx"), ExportSettings(precision="fp32"))
    texts = folder / "held-out.json"
    texts.write_text(json.dumps([row[1] for row in rows[::5]]), encoding="utf-8")
    return source, texts


def one_regression_markdown(path: Path) -> str:
    """Return the table: a line for each vectoriser."""
    found = json.loads(path.read_text(encoding="utf-8"))
    header = [
        *("vectoriser", "bulk, texts/s", "scikit-learn", "times faster"),
        *("one text, us", "scikit-learn", "times faster", "start, ms", "scikit-learn"),
    ]
    lines = [header, ["---", *["--:"] * (len(header) - 1)]]
    for row in found["rows"]:
        ours, theirs = (row["rounds"][engine] for engine in ENGINES)
        cells = [row["name"]]
        for figure in ("bulk", "one"):
            both = [[each[figure] for each in side] for side in (ours, theirs)]
            cells += [f"{median(side):,.0f}" for side in both]
            more = [a / b if figure == "bulk" else b / a for a, b in zip(*both, strict=True)]
            cells.append(f"{median(more):.2f} ({min(more):.2f} – {max(more):.2f})")
        cells += [f"{median(each['start'] for each in side):,.0f}" for side in (ours, theirs)]
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    said = (
        f"Measured on {found['date']} (`python bench/figures/one_regression.py`), "
        f"{found['rounds']} rounds in turns, a process for each engine and round, one thread; "
        "medians, in brackets the range of the rounds. Start: from that of the process to the "
        "first decision; scikit-learn loads a skops file."
    )
    return f"{said}\n\n{table}\n"


if __name__ == "__main__":
    sys.exit(main())
