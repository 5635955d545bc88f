"""Prepares or opens one engine in the Python that runs this file, and prints what it says.

    python open_engine.py JOBS.json

A list of jobs; each has `name`, `model`, `source`, `folder`, `threads`, `batch`, `texts`, and
whether to `prepare`. Opening prints one JSON line for each.
"""

import importlib
import json
import sys
from pathlib import Path

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.table import engine_kind


def main():
    for asked in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        paths = {name: Path(asked[name]) for name in ("model", "source", "folder")}
        job = OpenJob(asked["name"], threads=asked["threads"], batch=asked["batch"], **paths)
        module = importlib.import_module(engine_kind(job.name).module)
        if asked["prepare"]:
            job.folder.mkdir(parents=True, exist_ok=True)
            module.prepare(job)
        else:
            print(json.dumps(answers(module.open_engine(job), asked["texts"])))


def answers(engine, texts):
    logits = engine.logits(texts)
    return {
        "logits": logits.tolist(),
        "dtype": str(logits.dtype),
        "alone": [engine.logits([text])[0].tolist() for text in texts],
        "labels": labels(engine.decide(texts)),
        "labels_alone": [labels(engine.decide([text]))[0] for text in texts],
        "stages": engine.stages(texts[0]) if hasattr(engine, "stages") else None,
    }


def labels(decided):
    """limen gives predictions, and one alone for one text; rivals give tuples of names."""
    found = decided if isinstance(decided, list) else [decided]
    return [list(getattr(one, "labels", one)) for one in found]


if __name__ == "__main__":
    main()
