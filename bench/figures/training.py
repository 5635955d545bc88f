"""What each recipe of `limen train` reaches on real data: the table of docs/training.md.

`python bench/figures/training.py` trains all, about 40 minutes on two cores, most of it
fine-tuning; `--only NAME` trains one and replaces its figures alone. It wants real data that is not
part of the project (CONTRIBUTING.md).
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from time import perf_counter
from typing import Any

from documents import replace_block
from limen.processor import read_processor
from limen.threads import available_cores
from make_figures import FIGURES, ROOT, WORK, real_data
from training_texts import SETS

FOUND = FIGURES / "training.json"
DOCUMENT = ROOT / "docs" / "training.md"


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        texts: a key of SETS.
        words: of the command, behind the data.
    """

    texts: str
    words: tuple[str, ...]


RUNS = {
    "goemotions-tfidf-ovr": Run("goemotions", ("--recipe", "tfidf-ovr")),
    "goemotions-embed": Run("goemotions", ("--recipe", "embed")),
    "goemotions-finetune": Run("goemotions", ("--recipe", "finetune")),
    "3i4k-tfidf": Run("3i4k", ("--recipe", "tfidf")),
    "3i4k-tfidf-ovr": Run("3i4k", ("--recipe", "tfidf-ovr")),
    "3i4k-tfidf-ovo": Run("3i4k", ("--recipe", "tfidf-ovo")),
    "kote-tfidf-ovr": Run("kote", ("--recipe", "tfidf-ovr")),
    "nsmc-tfidf": Run("nsmc", ("--recipe", "tfidf")),
    "banking77-embed": Run("banking77", ("--recipe", "embed")),
    "banking77-embed-ovr": Run("banking77", ("--recipe", "embed", "--rule", "one_vs_rest")),
    "banking77-embed-ovo": Run("banking77", ("--recipe", "embed", "--rule", "one_vs_one")),
}


def main() -> int:
    """Train what is asked for, and write the table from all that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(RUNS), action="append", help="train one")
    parser.add_argument("--documents", action="store_true", help="train nothing, write the table")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    if FOUND.is_file():
        found = json.loads(FOUND.read_text(encoding="utf-8"))
    if not arguments.documents:
        for name in arguments.only or RUNS:
            print(name, file=sys.stderr, flush=True)
            found[name] = _trained(name)
            FOUND.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    replace_block(DOCUMENT, training_markdown(found), "training")
    return 0


def _trained(name: str) -> dict[str, Any]:
    run = RUNS[name]
    files = SETS[run.texts](real_data(), WORK / "training")
    output = WORK / "training" / name
    # An interrupted run that was gone on with would tell too short a time.
    for left in (output, *output.parent.glob(f".{name}.unfinished-*")):
        shutil.rmtree(left, ignore_errors=True)
    words = [str(files["data"]), *run.words, "-o", str(output), "--json"]
    for part in ("dev", "test"):
        if part in files:
            words += [f"--{part}", str(files[part])]
    begun = perf_counter()
    # -P keeps modules of this folder from shadowing those that are imported.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-m", "limen", "train", *words],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=True,
    )
    record = json.loads(done.stdout)
    return {
        "baseline": _kept(record["baseline"]),
        "command": " ".join(["limen train DATA", *run.words]),
        "cores": available_cores(),
        "cpu": read_processor().name,
        "data": record["data"] | {"labels": len(record["data"]["labels"])},
        "date": date.today().isoformat(),
        "epochs": [point["dev_figure"] for point in record["curve"] if point["dev_figure"]],
        "less_baseline": record["less_baseline"],
        "scales": None if record["parts"] is None else _scales(record["parts"]),
        "seconds": round(perf_counter() - begun, 1),
        "trained": _kept(record["trained"]),
        "tuned_less_plain": record["tuned_less_plain"],
    }


def _kept(trained: dict[str, Any] | None) -> dict[str, Any] | None:
    """The figures that the table needs: not those of single labels."""
    if trained is None:
        return None
    points = (trained["plain"], trained["points"][0])
    return {
        "calibration": trained["calibration"],
        "points": [{"intervals": one["intervals"], "point": one["point"]} for one in points],
        "seconds": trained["seconds"],
    }


def _scales(parts: dict[str, Any]) -> dict[str, Any] | None:
    scales = parts["scales"]
    return None if scales is None else {key: scales[key] for key in ("slopes", "spread_ratio")}


def training_markdown(found: dict[str, Any]) -> str:
    """Return the table: a line for each classifier and way of deciding."""
    names = [name for name in RUNS if name in found]
    lines = [
        "| texts | recipe | decided by | accuracy or micro-F1 | macro-F1 | macro-F1, less the "
        "baseline | fitted in |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    shown: set[str] = set()
    for name in names:
        run, record = RUNS[name], found[name]
        if run.texts not in shown and record["baseline"] is not None:
            lines += _lines(run.texts, "tfidf (baseline)", record["baseline"], None)
        shown.add(run.texts)
        lines += _lines(run.texts, " ".join(run.words[1:]), record["trained"], record)
    dates = sorted({found[name]["date"] for name in names})
    machines = sorted({f"{found[name]['cores']} cores, {found[name]['cpu']}" for name in names})
    told = f"Measured on {', '.join(dates)} ({'; '.join(machines)}), one seed."
    return "\n".join([told, "", *lines]) + "\n"


def _lines(
    texts: str, recipe: str, trained: dict[str, Any], record: dict[str, Any] | None
) -> list[str]:
    lines = []
    for place, point in enumerate(trained["points"]):
        figures = {one["metric"]: one for one in point["intervals"]}
        right = figures.get("accuracy") or figures["micro_f1"]
        less = ""
        if place == 1 and record is not None and record["less_baseline"]:
            one = next(one for one in record["less_baseline"] if one["metric"] == "macro_f1")
            less = f"{one['value']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f})"
        decided = f"{point['point']}, {'fitted on dev' if place else 'nothing fitted'}"
        seconds = "" if place else f"{trained['seconds']:,.0f} s"
        lines.append(
            f"| {texts} | {recipe} | {decided} | {_cell(right)} | {_cell(figures['macro_f1'])} | "
            f"{less} | {seconds} |"
        )
    return lines


def _cell(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


if __name__ == "__main__":
    sys.exit(main())
