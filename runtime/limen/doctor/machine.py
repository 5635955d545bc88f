"""The machine as limen sees it: processor, threads."""

from limen.doctor.finding import Finding
from limen.format.json_block import Json
from limen.processor import Processor
from limen.threads import ThreadSource

_PRODUCTS = {
    "exact": "8-bit products are summed exactly",
    "saturating": "8-bit products can saturate",
    "unknown": "how it sums 8-bit products is not known here",
}


def look_at_processor(processor: Processor) -> Finding:
    """Say how the processor multiplies 8-bit numbers."""
    saturating = processor.products == "saturating"
    features: list[Json] = [*processor.features]
    listed = f" ({', '.join(processor.features)})" if processor.features else ""
    return Finding(
        "processor",
        f"{processor.name}{listed}: {_PRODUCTS[processor.products]}",
        "note" if saturating else "ok",
        "int8 files test themselves when they are loaded, and run in a slower, exact way where "
        "they have to"
        if saturating
        else "",
        {"features": features, "products": processor.products},
    )


def look_at_threads(source: ThreadSource) -> Finding:
    """Say how many threads bulk calls use, and where the number is from."""
    return Finding(
        "threads",
        f"{source.threads} in bulk calls: {source.why}",
        values={
            "affinity": source.affinity,
            "cores": source.cores,
            "quota": source.quota,
            "threads": source.threads,
        },
    )
