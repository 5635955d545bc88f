"""Classifier files of scikit-learn pipelines, without the ladder and the timing of an export."""

import numpy as np
from limen.format import DecisionBlock, ExecutionBlock, Golden, OperatingPoint, parse, stamp
from limen.format.evidence_block import Evidence
from limen.opening import open_model
from limen_export.ladder.candidate import metadata_of
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sklearn_pipeline import read


def stamped(reference):
    """The bytes of a file without golden texts."""
    many = reference.rule == "multilabel"
    point = OperatingPoint("half", (0.5,) * len(reference.labels)) if many else None
    points = (point or OperatingPoint("argmax", None),)
    decision = DecisionBlock(
        reference.rule, reference.labels, reference.link, points, points[0].name
    )
    execution = ExecutionBlock("fp32", optimised=True)
    metadata = metadata_of(
        reference, decision, execution, Evidence("none", 0, ()), Golden((), (), (), 0.0)
    )
    return stamp(reference.graph.SerializeToString(), metadata)


def opened(pipeline, **wishes):
    """The file of a fitted pipeline, opened, and its reference."""
    reference = read(pipeline, SourceWishes(**wishes))
    return open_model(parse(stamped(reference), "a pipeline"), threads=1), reference


def features(model, texts, width):
    """What the file's encoder makes of texts: float64 (texts, features)."""
    encoder = model._inference._parts[0]
    found = np.zeros((len(texts), width))
    feeds = encoder.feeds(texts)
    np.add.at(found, (feeds["rows"], feeds["indices"]), feeds["values"])
    return found
