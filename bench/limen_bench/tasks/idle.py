"""Do nothing for a while: what does an engine cost its neighbours that is loaded and not used?"""

from collections.abc import Iterator, Mapping
from time import sleep
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Sleep for `seconds`."""
    sleep(options["seconds"])
    yield Found("idle", {"seconds": options["seconds"]})
