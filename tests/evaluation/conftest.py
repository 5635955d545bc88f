"""Real classifiers with their held-out texts: logits computed once for all tests of a run."""

import os

import numpy as np
import pytest


@pytest.fixture(scope="session")
def goemotions(shared, tmp_path_factory):
    """28 emotions, multi-label: (file, LabelledLogits of the held-out texts)."""
    lines = (shared / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    places = [tuple(sorted(int(one) for one in found.split(","))) for _, found in rows]
    texts = [text for text, _ in rows]
    return _once(shared / "models/goemotions-minilm", tmp_path_factory, texts, places)


@pytest.fixture(scope="session")
def intents(shared, tmp_path_factory):
    """7 intents, multi-class, Korean: (file, LabelledLogits of the held-out texts)."""
    lines = (shared / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    rows = [line.partition("\t")[::2] for line in lines if line]
    places = [(int(place),) for place, _ in rows]
    texts = [text for _, text in rows]
    return _once(shared / "models/3i4k-ko-bert", tmp_path_factory, texts, places)


def _once(checkpoint, tmp_path_factory, texts, places):
    """Collect in one process of a run; the others wait for what it wrote."""
    from filelock import FileLock
    from limen.evaluation.collecting import LabelledLogits

    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    folder = folder / checkpoint.name
    kept = folder / "collected.npz"
    with FileLock(folder.with_suffix(".lock")):
        if not kept.exists():
            folder.mkdir(exist_ok=True)
            _, data = _collected(checkpoint, folder, texts, places)
            np.savez(folder / "part.npz", logits=data.logits, truth=data.truth, keys=data.keys)
            (folder / "part.npz").rename(kept)
    with np.load(kept) as found:
        data = LabelledLogits(found["logits"], found["truth"], found["keys"])
    return folder / "model.onnx", data


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
