"""Which runs of the bench the documents are made of."""

from dataclasses import dataclass

EVERYONE = "cold,one,bulk,stages,threads,lengths,limit,size"


@dataclass(frozen=True)
class Plan:
    """One run of the bench.

    Attributes:
        subject: what is measured.
        rivals: beside it.
        options: of `limen bench`.
    """

    subject: str
    rivals: str
    options: tuple[str, ...]


PLANS = {
    "goemotions-minilm": Plan(
        "goemotions-minilm", "all", ("--seconds", "1", "--measures", EVERYONE)
    ),
    "3i4k-ko-bert": Plan("3i4k-ko-bert", "all", ("--seconds", "1", "--measures", EVERYONE)),
    "roberta-base-random": Plan(
        "roberta-base-random",
        "torch-fp32,torch-bf16,optimum-int8,openvino-int8-dynamic,padded-ort-int8",
        ("--seconds", "1", "--measures", "one,bulk,limit,size"),
    ),
    "goemotions-minilm-load": Plan(
        "goemotions-minilm",
        "torch-bf16,openvino-int8-dynamic,ctranslate2,padded-ort-int8",
        (
            *("--measures", "bulk,counts,load,co_running", "--seconds", "1"),
            *("--count-limit", "65", "--rate-seconds", "2"),
        ),
    ),
}
"""A base-sized model takes minutes for each engine: the best of each library stand beside it, and
fewer measures are taken. Counts, load and neighbours take minutes for each engine as well: they are
measured for one subject, and for the best of each library in the first run. limen's 100,000 texts
fit into 65 s.
"""
FEATURE_PLANS = {
    name: Plan(
        name, "all", ("--seconds", "0.7", "--measures", "cold,one,bulk,stages,lengths,limit,size")
    )
    for name in ("tfidf-goemotions", "tfidf-nsmc", "static-goemotions")
}
"""No transformers: each beside the library of its own kind. Such engines decide thousands of texts
in a stretch of 0.7 s.
"""
GROUPS = {"tfidf": ("tfidf-goemotions", "tfidf-nsmc"), "static": ("static-goemotions",)}
PROMISES = {
    "goemotions-minilm": ("coverage@0.80", "coverage@0.90", "precision@0.60:conf0.90"),
    "3i4k-ko-bert": ("coverage@0.80", "coverage@0.90", "precision@0.90:conf0.95"),
}
