"""Measure everything that the documents in docs and the README's table claim, and write
docs/figures and the tables anew.

`make figures`; it takes about two and a half hours on two cores, wants a machine that does nothing
else, and real data that is not part of the project (CONTRIBUTING.md). Rivals whose environment is
not there (`make rivals`) leave a row that says so.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from documents import replace_block, write_documents, write_features
from plans import FEATURE_PLANS, GROUPS, PLANS, PROMISES

if TYPE_CHECKING:
    from subjects import Subject

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
WORK = ROOT / "build" / "figures"
ENVIRONMENTS = ("optimum", "openvino", "ctranslate2", "model2vec")
DECIDING = FIGURES / "deciding.json"
GRAPH = FIGURES / "graph.json"
HOST = FIGURES / "host.json"
VOCABULARY = FIGURES / "vocabulary.json"
START = FIGURES / "sklearn-start.json"
PARTS = (*PLANS, *GROUPS, "host", "graph", "vocabulary", "demo", "deciding")


def main() -> int:
    """Measure the subjects asked for, then write the documents from all results that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    parser.add_argument("--documents", action="store_true", help="measure nothing, write documents")
    parser.add_argument("--rounds", default="5", help="rounds of each engine (default: 5)")
    arguments = parser.parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    if not arguments.documents:
        for name in [arguments.only] if arguments.only else PARTS:
            measure_part(name, arguments.rounds)
    results = results_of(PLANS)
    if not results:
        missing = (
            f"no documents written: no results of a subject in {FIGURES}; measure one first: "
            f"make_figures.py --only {next(iter(PLANS))} (or {', '.join([*PLANS][1:])})"
        )
        print(missing, file=sys.stderr)
        return 1 if arguments.documents else 0
    features = results_of(FEATURE_PLANS)
    write_documents(results, features, ROOT)
    if features:
        write_features(features, START if START.is_file() else None, ROOT)
    write_other_documents()
    return 0


def results_of(names: Iterable[str]) -> list[Path]:
    """Return the results that are there."""
    return [path for name in names if (path := FIGURES / f"{name}.jsonl").is_file()]


def measure_part(name: str, rounds: str) -> None:
    """Measure one part."""
    if name in GROUPS:
        measure_group(name, rounds)
        return
    match name:
        case "host":
            measure_host_of(int(rounds))
        case "graph":
            measure_graphs(int(rounds))
        case "vocabulary":
            from vocabulary import measure_vocabulary

            measure_vocabulary(real_data(), VOCABULARY)
        case "demo":
            run_demo()
        case "deciding":
            measure_deciding_of(("goemotions-minilm", "3i4k-ko-bert"))
        case _:
            measure(name, rounds)


def write_other_documents() -> None:
    """Write what is made of figures that are no results of `limen bench`, where they are there."""
    docs = ROOT / "docs"
    if DECIDING.is_file():
        from deciding_tables import deciding_markdown

        replace_block(docs / "deciding.md", deciding_markdown(DECIDING), "deciding")
    if GRAPH.is_file():
        from graph_agreement_tables import agreement_picture
        from graph_tables import graph_markdown

        (FIGURES / "graph-ladder.svg").write_bytes(agreement_picture(GRAPH))
        replace_block(docs / "graph.md", graph_markdown(GRAPH), "graph")
    if HOST.is_file():
        from host_tables import host_markdown

        replace_block(docs / "runtime.md", host_markdown(HOST), "host")
    if VOCABULARY.is_file():
        from vocabulary_tables import vocabulary_markdown

        replace_block(docs / "vocabulary.md", vocabulary_markdown(VOCABULARY), "vocabulary")


def make(name: str) -> "Subject":
    """Make a subject from the real data."""
    if name in FEATURE_PLANS:
        from feature_subjects import FEATURE_SUBJECTS

        return FEATURE_SUBJECTS[name](real_data(), WORK)
    from subjects import SUBJECTS

    return SUBJECTS[name](real_data(), WORK)


def real_data() -> Path:
    """Return the folder with real data; the folder to work in is made."""
    real = Path(os.environ.get("LIMEN_SHARED", ROOT.parent / "shared"))
    if not (real / "data").is_dir():
        sys.exit(f"no real data at {real}; LIMEN_SHARED names its folder (CONTRIBUTING.md)")
    WORK.mkdir(parents=True, exist_ok=True)
    return real


def measure_graphs(rounds: int) -> None:
    """Measure what docs/graph.md says of passes, int8 and the ladder."""
    from graph import measure_graph

    optimum = ROOT / ".venv-optimum" / "bin" / "python"
    measure_graph(real_data(), WORK, optimum, rounds, GRAPH)


def measure_host_of(rounds: int) -> None:
    """Measure what docs/runtime.md says of the time and the bits of one file, in three
    precisions.
    """
    from host import measure_host
    from subjects import HELD_OUT, plain_goemotions

    _, texts = HELD_OUT["goemotions-minilm"](real_data(), WORK)
    files = {
        f"goemotions-minilm, {precision}": (plain_goemotions(real_data(), WORK, precision), texts)
        for precision in ("int8", "int8-static", "fp32")
    }
    measure_host(files, rounds, HOST)


def measure_deciding_of(names: tuple[str, ...]) -> None:
    """Measure what docs/deciding.md says of calibration, thresholds and promises."""
    from deciding import measure_cost, measure_deciding, measure_rate
    from promises import measure_promises
    from subjects import HELD_OUT

    classifiers, promises = [], []
    for name in names:
        file, labelled = HELD_OUT[name](real_data(), WORK)
        classifiers.append(measure_deciding(file, labelled, name))
        promises += measure_promises(file, labelled, name, PROMISES[name])
    rate = measure_rate(*HELD_OUT[names[0]](real_data(), WORK))
    found = {
        "date": date.today().isoformat(),
        "classifiers": classifiers,
        "promises": promises,
        "cost": {**measure_cost(), "minilm texts/s": rate},
    }
    DECIDING.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure_group(group: str, rounds: str) -> None:
    """Measure classifiers that are no transformers; of TF-IDF also how scikit-learn starts where
    its pipelines are pickles.
    """
    for name in GROUPS[group]:
        measure(name, rounds)
    if group == "tfidf":
        from pickled_start import measure_pickled_start

        sources = {name: WORK / f"{name}.skops" for name in GROUPS[group]}
        measure_pickled_start(sources, int(rounds), START)


def run_demo() -> None:
    """Keep what `limen demo` prints."""
    command = [sys.executable, "-P", "-m", "limen", "demo", "--output", str(WORK / "demo")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    printed = done.stdout.replace(f"{WORK}{os.sep}", "")
    (FIGURES / "demo.txt").write_text(printed, encoding="utf-8")


def measure(name: str, rounds: str) -> None:
    """Follow a plan; its earlier results are replaced when all is done."""
    plan = {**PLANS, **FEATURE_PLANS}[name]
    subject = make(plan.subject)
    fresh = WORK / f"{name}.jsonl"
    fresh.unlink(missing_ok=True)
    words = [
        *("bench", subject.file, "--texts", subject.texts, "--source", subject.source),
        *("--rivals", plan.rivals, "--rounds", rounds, "--checked", str(subject.checked)),
        *("--work", WORK / f"{plan.subject}-converted", "-o", fresh, *plan.options),
        *(("--labels", "labels") if subject.labelled else ()),
    ]
    for environment in ENVIRONMENTS:
        python = ROOT / f".venv-{environment}" / "bin" / "python"
        if python.is_file():
            words += ["--python", f"{environment}={python}"]
    command = [sys.executable, "-P", "-m", "limen", *map(str, words)]
    subprocess.run(command, check=True)  # noqa: S603  (our own command)
    fresh.replace(FIGURES / f"{name}.jsonl")


if __name__ == "__main__":
    sys.exit(main())
