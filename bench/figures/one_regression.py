"""limen beside scikit-learn where the classifier is one product, so that vectorisers and what each
makes of the scores are compared: a table of docs/benchmarks.md.

`python bench/figures/one_regression.py` measures it, in about seven minutes on two cores. It wants
real data that is not part of the project (CONTRIBUTING.md). Each engine runs in a process of its
own, on one thread, in turns.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
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
REVIEWS, BANK = "NSMC, 2 labels", "Banking77, 77 labels"


@dataclass(frozen=True)
class Pipeline:
    """A pipeline to fit: the texts, the vectoriser's options, the classifier."""

    name: str
    texts: str
    vectoriser: dict[str, Any]
    classifier: str = "LogisticRegression"


INSIDE_WORDS = {"analyzer": "char_wb", "ngram_range": (1, 4)}
PIPELINES = (
    Pipeline("single words", REVIEWS, {}),
    Pipeline("words and pairs of words", REVIEWS, {"ngram_range": (1, 2)}),
    Pipeline("1 to 3 characters", REVIEWS, {"analyzer": "char", "ngram_range": (1, 3)}),
    Pipeline("1 to 4 characters inside words", REVIEWS, INSIDE_WORDS),
    Pipeline("single words", BANK, {}),
    Pipeline("single words, LinearSVC", BANK, {}, "LinearSVC"),
    Pipeline("words and pairs of words", BANK, {"ngram_range": (1, 2)}),
    Pipeline("1 to 4 characters inside words, LinearSVC", BANK, INSIDE_WORDS, "LinearSVC"),
)
ENGINE = Path(__file__).with_name("one_regression_engine.py")
Figures = dict[str, float]


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", action="store_true", help="measure nothing, write the table")
    if not parser.parse_args().documents:
        rows = [_row(pipeline) for pipeline in PIPELINES]
        found = {"date": date.today().isoformat(), "rounds": ROUNDS, "rows": rows}
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    replace_block(DOCUMENT, one_regression_markdown(FOUND), "one_regression")
    return 0


def _row(pipeline: Pipeline) -> dict[str, Any]:
    """Fit on four fifths, then measure both engines on the others in turns."""
    source, texts = _fitted(real_data(), WORK / "regression", pipeline)
    rounds: dict[str, list[Figures]] = {engine: [] for engine in ENGINES}
    for number in range(ROUNDS):
        for engine in ENGINES if number % 2 else ENGINES[::-1]:
            print(source.stem, number, engine, file=sys.stderr, flush=True)
            words = [engine, str(source), str(texts), str(monotonic())]
            done = subprocess.run(  # noqa: S603  (our own file, in this interpreter)
                [sys.executable, "-P", str(ENGINE), *words],
                check=True,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            rounds[engine].append(json.loads(done.stdout))
    return {"name": pipeline.name, "texts": pipeline.texts, "rounds": rounds}


def _fitted(real: Path, folder: Path, pipeline: Pipeline) -> tuple[Path, Path]:
    from limen_export import ExportSettings, export
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC
    from skops import io

    folder.mkdir(parents=True, exist_ok=True)
    rows = _labelled(real, pipeline.texts)
    classifier = LinearSVC() if pipeline.classifier == "LinearSVC" else LogisticRegression()
    fitted = make_pipeline(TfidfVectorizer(**pipeline.vectoriser), classifier)
    fitted.fit(*zip(*(row for place, row in enumerate(rows) if place % 5), strict=True))
    said = f"{pipeline.name} {len({label for _, label in rows})}"
    source = folder / f"{said.replace(',', '').replace(' ', '-')}.skops"
    io.dump(fitted, source)
    export(str(source), source.with_suffix(".onnx"), ExportSettings(precision="fp32"))
    texts = source.with_suffix(".json")
    texts.write_text(json.dumps([text for text, _ in rows[::5]]), encoding="utf-8")
    return source, texts


def _labelled(real: Path, texts: str) -> list[tuple[str, str]]:
    """Texts and their labels."""
    if texts == BANK:
        with (real / "data/banking77/train.csv").open(encoding="utf-8", newline="") as lines:
            return [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    with (real / "data/nsmc/train_10k.tsv").open(encoding="utf-8", newline="") as lines:
        read = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [(row[1], row[2]) for row in read]


def one_regression_markdown(path: Path) -> str:
    """Return the table: a line for each pipeline."""
    found = json.loads(path.read_text(encoding="utf-8"))
    header = [
        *("texts", "vectoriser", "bulk, texts/s", "scikit-learn", "times faster"),
        *("one text seen before, us", "scikit-learn", "times faster"),
        *("one that comes once, us", "scikit-learn", "times faster", "start, ms", "scikit-learn"),
    ]
    lines = [header, ["---", "---", *["--:"] * (len(header) - 2)]]
    for row in found["rows"]:
        ours, theirs = (row["rounds"][engine] for engine in ENGINES)
        cells = [row["texts"], row["name"]]
        for figure in ("bulk", "one", "once"):
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
        "medians, in brackets the range of the rounds. A logistic regression where nothing else is "
        "said. Texts seen before were in the bulk calls; of those that come once, the first 1,000 "
        "of the process, the mean. Start: from that of the process to the first decision; "
        "scikit-learn loads a skops file."
    )
    return f"{said}\n\n{table}\n"


if __name__ == "__main__":
    sys.exit(main())
