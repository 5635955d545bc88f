"""What the floor of rare labels' thresholds is worth: the table of docs/deciding.md.

`python bench/figures/rare_labels.py` measures it, in about ten minutes on two cores. It wants real
data that is not part of the project (CONTRIBUTING.md).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import limen
import numpy as np
from documents import replace_block
from limen.decision import decide, score
from limen.evaluation import steady_f1
from limen.evaluation.collecting import LabelledLogits, collect
from limen.evaluation.labelled_source import LabelledSource
from limen.evaluation.labelled_texts import read_labelled
from limen.evaluation.parts import text_key
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import DecisionBlock, read
from make_figures import FIGURES, ROOT, WORK, real_data
from subjects import HELD_OUT
from training_texts import SETS

FOUND = FIGURES / "rare_labels.json"
DOCUMENT = ROOT / "docs" / "deciding.md"
SIZES = (200, 500, 1_000, 2_700)
DRAWS = 12
FACTORS = {"none": 10**9, "2": 2, "3": 3, "5": 5}
"""What MOST_GIVEN is set to; the first is no floor."""
CHOSEN = str(steady_f1.MOST_GIVEN)
_COUNTED = 1_500
"""Unseen texts among which labels given are counted, so that the counts can be compared."""


@dataclass(frozen=True)
class Scored:
    """A classifier and labelled texts that it was not trained on.

    Attributes:
        name: what the table calls it.
        decision: of its file.
        data: logits and truth.
    """

    name: str
    decision: DecisionBlock
    data: LabelledLogits


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", action="store_true", help="measure nothing, write the table")
    if not parser.parse_args().documents:
        rows = [row for scored in _classifiers(real_data()) for row in _measured(scored)]
        found = {"date": date.today().isoformat(), "draws": DRAWS, "rows": rows}
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    replace_block(DOCUMENT, rare_labels_markdown(FOUND), "rare_labels")
    return 0


def _classifiers(real: Path) -> Iterator[Scored]:
    work = WORK / "rare"
    work.mkdir(parents=True, exist_ok=True)
    file, labelled = HELD_OUT["goemotions-minilm"](real, WORK)
    yield _scored("goemotions-minilm", file, labelled)
    files = SETS["goemotions"](real, work)
    lines = _lines(files["data"])
    # The built files have the labels in an order of their own, so these texts have their names.
    held_out = _written(work / "goemotions-held-out.jsonl", files["dev"], files["test"])
    for count in (20_000, 2_000):
        file = _built(work / f"goemotions-{count}.jsonl", lines[:count])
        yield _scored(f"GoEmotions, TF-IDF of {count:,} texts", file, held_out)
    lines = _lines(SETS["kote"](real, work)["data"])
    file = _built(work / "kote-half.jsonl", lines[::2])
    other = work / "kote-other-half.jsonl"
    other.write_text("".join(lines[1::2]), encoding="utf-8")
    yield _scored("KOTE, TF-IDF of 2,500 texts", file, other)


def _lines(path: Path) -> list[str]:
    """Return the lines of a .jsonl in an order that hangs on the texts alone."""
    with path.open(encoding="utf-8") as lines:
        return sorted(lines, key=lambda line: text_key(json.loads(line)["text"]))


def _written(path: Path, *parts: Path) -> Path:
    """Write the lines of several files into one."""
    path.write_text("".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8")
    return path


def _built(data: Path, lines: list[str]) -> Path:
    """Train on the four fifths of these lines that `limen build` trains on."""
    data.write_text("".join(lines), encoding="utf-8")
    file = data.with_suffix(".onnx")
    words = ["build", str(data), "--recipe", "tfidf-ovr", "-o", str(file)]
    if not file.is_file():
        # -P keeps modules of this folder from shadowing those that are imported.
        subprocess.run([sys.executable, "-P", "-m", "limen", *words], check=True)  # noqa: S603
    return file


def _scored(name: str, file: Path, labelled: Path) -> Scored:
    model = limen.load(file)
    data = collect(model, read_labelled(LabelledSource(labelled), model.labels))
    return Scored(name, read(file).metadata.decision, data)


def _measured(scored: Scored) -> Iterator[dict[str, Any]]:
    """Judge thresholds fitted on random texts, on all the others."""
    for size in SIZES:
        if len(scored.data) - size < _COUNTED:
            continue
        print(scored.name, size, file=sys.stderr, flush=True)
        draws = [
            _judged(scored, np.random.default_rng((size, draw)).permutation(len(scored.data)), size)
            for draw in range(DRAWS)
        ]
        by_factor = {factor: [draw[factor] for draw in draws] for factor in FACTORS}
        yield {"name": scored.name, "size": size, "found": by_factor}


def _judged(scored: Scored, order: np.ndarray, size: int) -> dict[str, list[float]]:
    fit, unseen = scored.data.at(order[:size]), scored.data.at(order[size:])
    settings = TuneSettings(points=("f1",))
    found = {}
    for name, factor in FACTORS.items():
        steady_f1.MOST_GIVEN = factor
        tuned = fit_block(fit, scored.decision, settings, name)
        # The calibration knows nothing of floors: it is chosen once.
        settings = replace(settings, calibration=tuned.calibration)
        fitted = scored.decision.using(tuned.block)
        given = decide(score(unseen.logits, fitted), fitted, fitted.point("f1")).chosen
        found[name] = _figures(given, unseen.truth)
    return found


def _figures(given: np.ndarray, truth: np.ndarray) -> list[float]:
    """Macro-F1, micro-F1, and of the label that is given most often for its true texts, how often
    for each of them and one more.
    """
    hits, both = (given & truth).sum(axis=0), given.sum(axis=0) + truth.sum(axis=0)
    share = given[:_COUNTED].sum(axis=0) / (truth[:_COUNTED].sum(axis=0) + 1)
    macro = (2 * hits / np.maximum(both, 1)).mean()
    return [
        round(float(one), 5) for one in (macro, 2 * hits.sum() / max(both.sum(), 1), share.max())
    ]


def rare_labels_markdown(path: Path) -> str:
    """Return the table: a line for each classifier and number of texts fitted on."""
    found = json.loads(path.read_text(encoding="utf-8"))
    others = [factor for factor in FACTORS if factor not in ("none", CHOSEN)]
    header = [
        *("fitted on", "macro-F1 without", f"with {CHOSEN}"),
        *(f"with {factor}" for factor in others),
        *("micro-F1 without", f"with {CHOSEN}", "given for a true text without", f"with {CHOSEN}"),
    ]
    parts = [f"Measured on {found['date']} (`python bench/figures/rare_labels.py`)."]
    for name in dict.fromkeys(row["name"] for row in found["rows"]):
        lines = [header, ["--:"] * len(header)]
        for row in found["rows"]:
            if row["name"] == name:
                lines.append([f"{row['size']:,}", *_cells(row["found"], others)])
        parts += [f"{name}:", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts) + "\n"


def _cells(found: dict[str, list[list[float]]], others: list[str]) -> list[str]:
    figures = {factor: np.array(draws) for factor, draws in found.items()}
    before = figures["none"]

    def gain(factor: str, column: int) -> str:
        gains = figures[factor][:, column] - before[:, column]
        return f"{gains.mean():+.4f} ({gains.std(ddof=1):.4f})"

    def most(factor: str) -> str:
        shares = figures[factor][:, 2]
        return f"{np.median(shares):.1f} (to {shares.max():.1f})"

    return [
        *(f"{before[:, 0].mean():.4f}", gain(CHOSEN, 0)),
        *(gain(factor, 0) for factor in others),
        *(f"{before[:, 1].mean():.4f}", gain(CHOSEN, 1), most("none"), most(CHOSEN)),
    ]


if __name__ == "__main__":
    sys.exit(main())
