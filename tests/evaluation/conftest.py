"""Real classifiers with their held-out texts: logits computed once for all tests of a run."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def goemotions(shared, tmp_path_factory):
    """28 emotions, multi-label: (file, LabelledLogits of the held-out texts)."""
    lines = (shared / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    places = [tuple(sorted(int(one) for one in found.split(","))) for _, found in rows]
    folder = tmp_path_factory.mktemp("goemotions")
    return _collected(
        shared / "models/goemotions-minilm", folder, [text for text, _ in rows], places
    )


@pytest.fixture(scope="session")
def intents(shared, tmp_path_factory):
    """7 intents, multi-class, Korean: (file, LabelledLogits of the held-out texts)."""
    lines = (shared / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    rows = [line.partition("\t")[::2] for line in lines if line]
    folder = tmp_path_factory.mktemp("intents")
    places = [(int(place),) for place, _ in rows]
    return _collected(shared / "models/3i4k-ko-bert", folder, [text for _, text in rows], places)


def _collected(checkpoint, folder, texts, places):
    import limen
    from limen.evaluation.collecting import collect
    from limen.evaluation.labelled_source import LabelledText

    pytest.importorskip("torch")
    from limen.evaluation.gate_settings import GateSettings
    from limen.timing import Latency
    from limen_export import ExportSettings, export
    from limen_export.latency import Speed
    from limen_export.settings import NamedTexts

    file = folder / "model.onnx"
    some = NamedTexts("some", tuple(texts[:: len(texts) // 500]))
    settings = ExportSettings(precision="int8", gate=GateSettings(min_agreement=0.9), texts=some)
    untimed = Speed(Latency(1.0, 1.0, 1.0, 1.0, 0.0, 1), 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limen_export.ladder.candidate.measure", lambda *_: untimed)
        export(str(checkpoint), file, settings)
    rows = (LabelledText(text, own) for text, own in zip(texts, places, strict=True))
    return file, collect(limen.load(file), rows)


@pytest.fixture
def shuffled():
    """Some rows of data under random keys: another split every time."""
    from limen.evaluation.collecting import LabelledLogits

    def with_keys(data, rows, draw):
        keys = draw.integers(0, 2**64, len(rows), dtype=np.uint64)
        return LabelledLogits(data.logits[rows], data.truth[rows], keys)

    return with_keys
