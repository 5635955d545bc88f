"""Where the file goes: whole or not at all, whatever happens on the way."""

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import limen
import numpy as np
import onnx
import pytest
from limen.errors import ExportError, InputError, LimenError, OutputError
from limen_export import ExportSettings, export
from limen_export.ladder.rung_graphs import RungGraphs
from limen_export.replaced_file import lost_fits
from limen_export.settings import NamedTexts

OLD = b"an older file"
STEPS = (
    "limen_export.encoder_kinds.rewrite",
    "limen_export.ladder.rung_graphs.observe",
    "limen_export.ladder.rung_graphs.optimise_offline",
    "limen_export.ladder.judging.Judging.judge",
    "limen_export.ladder.candidate.measure",
    "limen_export.pipeline.golden",
    "limen_export.pipeline.opened_here",
    "limen.format.writing.os.fsync",
    "limen.format.writing.os.replace",
)


@pytest.fixture
def target(tmp_path, monkeypatch):
    """A folder with an older file; temporary files go to a folder of their own, left empty."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(OLD)
    yield folder / "m.onnx"
    assert list(scratch.iterdir()) == []


def untouched(target):
    return {path.name: path.read_bytes() for path in target.parent.iterdir()} == {"m.onnx": OLD}


def changed(graph, change):
    """A copy of a graph whose largest float weight was changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    floats = [item for item in copy.graph.initializer if item.data_type == onnx.TensorProto.FLOAT]
    largest = max(floats, key=lambda tensor: len(tensor.raw_data))
    values = change(onnx.numpy_helper.to_array(largest)).astype(np.float32)
    largest.CopyFrom(onnx.numpy_helper.from_array(values, largest.name))
    return copy


@pytest.fixture
def spoilt(monkeypatch):
    """Return (change, rungs) -> nothing; from then on those rungs' graphs are changed."""
    build = RungGraphs.build

    def spoil(change, *rungs):
        def changing(graphs, precision, in_float=frozenset()):
            graph = build(graphs, precision, in_float)
            return changed(graph, change) if precision in rungs else graph

        monkeypatch.setattr(RungGraphs, "build", changing)

    return spoil


def lost(values):
    return values * np.nan


def test_an_older_file_is_replaced(target, traced, texts, easy):
    report = export("bert", target, ExportSettings(texts=texts, gate=easy))
    assert [path.name for path in target.parent.iterdir()] == ["m.onnx"]
    assert target.stat().st_size == report.size_bytes > len(OLD)
    assert limen.load(target).labels == traced.labels


def test_only_what_tune_fitted_is_lost(target):
    assert lost_fits(target.with_name("none.onnx")) == ()
    assert lost_fits(target) == ()
    golden = Path(__file__).resolve().parent.parent / "golden" / "tiny_multilabel.onnx"
    assert lost_fits(golden) == ()


def test_missing_folder(tmp_path, traced, texts):
    with pytest.raises(OutputError, match="no such folder"):
        export("bert", tmp_path / "nowhere" / "m.onnx", ExportSettings(texts=texts))
    assert not (tmp_path / "nowhere").exists()


def test_output_is_a_folder(target, traced, texts):
    with pytest.raises(OutputError, match="a folder"):
        export("bert", target.parent, ExportSettings(texts=texts))
    assert untouched(target)


def test_output_is_checked_before_the_work(tmp_path, monkeypatch, texts):
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", pytest.fail)
    with pytest.raises(OutputError):
        export("bert", tmp_path / "nowhere" / "m.onnx", ExportSettings(texts=texts))


def test_folder_that_refuses(target, traced, texts, monkeypatch):
    real = os.open

    def refuse(path, flags, *rest, **named):
        if flags & os.O_CREAT and str(path).endswith(".partial"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match="cannot write there"):
        export("bert", target, ExportSettings(texts=texts))
    assert untouched(target)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_read_only_folder(target, traced, texts):
    target.parent.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="cannot write there"):
            export("bert", target, ExportSettings(texts=texts))
    finally:
        target.parent.chmod(0o755)
    assert untouched(target)


def test_full_disk(target, traced, texts, easy, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=os.strerror(errno.ENOSPC)):
        export("bert", target, ExportSettings(texts=texts, gate=easy))
    assert untouched(target)


@pytest.mark.parametrize("step", STEPS)
def test_interrupt_leaves_nothing(target, traced, texts, easy, monkeypatch, step):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        export("bert", target, ExportSettings(texts=texts, gate=easy))
    assert untouched(target)


@pytest.mark.parametrize("precision", ["auto", "fp32", "int8"])
@pytest.mark.parametrize(
    "change",
    [lambda values: values + 0.01 * np.sign(values), lost],
    ids=["weights moved", "weights lost"],
)
def test_a_graph_without_parity_is_refused(target, traced, texts, monkeypatch, precision, change):
    wrong = replace(traced, graph=changed(traced.graph, change))
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", lambda *_: wrong)
    with pytest.raises(ExportError, match="fp32 graph differs from the source"):
        export("bert", target, ExportSettings(precision=precision, texts=texts))
    assert untouched(target)


def test_int8_that_decides_otherwise_is_refused(target, traced, texts, easy, spoilt):
    spoilt(np.negative, "int8")
    with pytest.raises(ExportError, match=r"int8 does not pass .* use --precision auto or fp32"):
        export("bert", target, ExportSettings(precision="int8", texts=texts, gate=easy))
    assert untouched(target)
    export("bert", target, ExportSettings(precision="fp32", texts=texts))
    np.testing.assert_allclose(
        limen.load(target).logits(texts.texts), traced.logits(texts.texts), rtol=0, atol=1e-4
    )


def test_int8_without_finite_logits_is_refused(target, traced, texts, easy, spoilt):
    spoilt(lost, "int8")
    with pytest.raises(LimenError, match="not finite; export it as fp32"):
        export("bert", target, ExportSettings(precision="int8", texts=texts, gate=easy))
    assert untouched(target)


@pytest.mark.parametrize(
    ("broken", "takes"),
    [
        (("int8",), "int8-float-rows"),
        (("int8", "int8-float-rows", "int8-mixed"), "fp32"),
    ],
)
def test_a_rung_that_fails_does_not_stop_the_next(
    target, traced, texts, easy, spoilt, broken, takes
):
    spoilt(lost, *broken)
    report = export("bert", target, ExportSettings(texts=texts, gate=easy))
    assert [rung.precision for rung in report.evidence.rungs] == list(
        dict.fromkeys((takes, "fp32"))
    )
    assert [notice.split(":")[0] for notice in report.notices] == [
        f"{precision} is left out" for precision in broken
    ]
    assert limen.load(target).labels == traced.labels


def test_no_text_to_compare_on_is_refused(target, traced):
    with pytest.raises(InputError, match="no text to compare on"):
        export("bert", target, ExportSettings(texts=NamedTexts("nothing", ())))
    assert untouched(target)


def test_texts_that_are_not_unicode_are_refused_before_the_source_runs(target, traced):
    bad = NamedTexts("own", ("good day", "\ud800"))
    with pytest.raises(InputError, match=r"text 1 .*lone surrogate"):
        export("bert", target, ExportSettings(texts=bad))
    assert untouched(target)


def test_full_temporary_disk(target, traced, texts, easy, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("limen_export.ladder.candidate.measure", full)
    with pytest.raises(OutputError, match="No space left"):
        export("bert", target, ExportSettings(texts=texts, gate=easy))
    assert untouched(target)
