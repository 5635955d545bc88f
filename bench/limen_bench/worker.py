"""One engine in one process: `python -m limen_bench.worker ENGINE MODEL TEXTS.json` prints its
latency as a JSON line.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from limen.timing import time_calls

from limen_bench.engines import ENGINES, open_engine

_WARM_UP_CALLS = 50


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m limen_bench.worker", description=__doc__)
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("model", type=Path, help="a classifier file, or a checkpoint folder")
    parser.add_argument("texts", type=Path, help="a JSON list of texts")
    arguments = parser.parse_args()
    texts = json.loads(arguments.texts.read_text(encoding="utf-8"))
    engine = open_engine(arguments.engine, arguments.model)
    latency = time_calls(engine.decide, texts, _WARM_UP_CALLS)
    print(json.dumps({"engine": arguments.engine, "latency": asdict(latency)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
