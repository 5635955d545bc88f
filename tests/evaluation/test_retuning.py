"""Fitting a classifier file anew: only the block in use changes, whole or not at all, and there is
a way back.
"""

import errno
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import limen
import numpy as np
import pytest
from limen.decision import decide, score
from limen.errors import EngineError, FormatError, InputError, OutputError
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.retuning import restore, retune
from limen.evaluation.tuning import TuneSettings
from limen.format import read
from limen.format.limits import MAX_REPLACED_BLOCKS
from threadpoolctl import threadpool_limits

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FILES = ["multilabel", "multiclass", "binary", "one_vs_rest", "one_vs_one"]
WORDS = [
    *("happy", "bright", "행복", "angry", "mad", "화", "sad", "tears", "슬프", "wow", "sudden"),
    *("the", "a", "day", "is", "and", "오늘"),
]
QUICK = TuneSettings(calibration="temperature")
SECRET = "private-7f3a9"  # noqa: S105  (no password)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of BLAS wait for each other by spinning: on a busy machine that takes minutes."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    """A copy of every golden file."""
    return copied(request.param, tmp_path)


@pytest.fixture
def multilabel(tmp_path):
    return copied("multilabel", tmp_path)


def copied(name, folder):
    path = folder / "model 모델.onnx"
    path.write_bytes((GOLDEN / f"tiny_{name}.onnx").read_bytes())
    return path


def texts(count, seed=1):
    """Unlike texts of the words that golden files know."""
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, 5)) + f" {number} {SECRET}" for number in range(count)]


def labelled(file, count=60, seed=1):
    """Texts with labels that have much to do with what the file would give."""
    model = limen.load(file)
    found = model.scores(texts(count, seed))
    noisy = found + np.random.default_rng(seed).normal(0, 0.15, found.shape)
    if model.rule == "multilabel":
        places = [tuple(np.flatnonzero(row > np.median(noisy)).tolist()) for row in noisy]
    else:
        places = [(int(place),) for place in noisy.argmax(axis=1)]
    return [
        LabelledText(text, place) for text, place in zip(texts(count, seed), places, strict=True)
    ]


def tuned(file, settings=QUICK, **more):
    return retune(file, "own.jsonl", labelled(file), settings, **more)


def decision_of(file):
    return read(file).metadata.decision


def graph_of(file):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(file))
    del model.metadata_props[:]
    return model.SerializeToString(deterministic=True)


def given(file, point=None):
    return [found.to_dict() for found in limen.load(file).at(point).predict(texts(40, 9))]


def test_only_decision_and_evidence_change(file):
    before, graph = read(file).metadata, graph_of(file)
    logits = limen.load(file).logits(texts(40))
    done = tuned(file)
    after = read(file).metadata
    assert graph_of(file) == graph
    assert np.array_equal(limen.load(file).logits(texts(40)), logits)
    assert after.encoder == before.encoder
    assert after.golden == before.golden
    assert after.execution == before.execution
    assert after.provenance == before.provenance
    assert replace(after.evidence, fits=before.evidence.fits) == before.evidence
    kept = {"points", "default_point", "calibration", "block_name", "replaced"}
    for name in set(vars(before.decision)) - kept:
        assert getattr(after.decision, name) == getattr(before.decision, name)
    assert done.digest == read(file).digest
    assert done.path == file


def test_the_block_in_use_is_kept_whole_under_its_own_name(file):
    before = decision_of(file)
    done = tuned(file)
    after = decision_of(file)
    assert after.replaced == (*before.replaced, before.block)
    assert done.kept == tuple(block.name for block in after.replaced)
    assert after.block == done.block
    assert after.block.name.startswith("tune 20")
    assert after.block.name.endswith(" own.jsonl")


def test_going_back_gives_the_first_decision_exactly(file):
    before, found = decision_of(file), given(file)
    name = tuned(file).block.name
    done = restore(file)
    after = decision_of(file)
    assert after.block == before.block == done.block
    assert replace(after, replaced=before.replaced) == before
    assert [block.name for block in after.replaced][-1] == name
    assert given(file) == found


def test_going_back_twice_is_going_forth_again(multilabel):
    tuned(multilabel)
    decision, found = decision_of(multilabel), given(multilabel)
    restore(multilabel)
    done = restore(multilabel)
    assert decision_of(multilabel) == decision
    assert given(multilabel) == found
    assert done.record.block == decision.block_name


def test_going_back_to_a_block_by_name(multilabel):
    first = decision_of(multilabel).block
    second = tuned(multilabel).block
    third = tuned(multilabel).block
    restore(multilabel, first.name)
    assert decision_of(multilabel).block == first
    assert decision_of(multilabel).replaced == (second, third)
    restore(multilabel, second.name)
    assert decision_of(multilabel).block == second
    assert decision_of(multilabel).replaced == (third, first)


def test_what_is_not_kept_cannot_be_gone_back_to(multilabel):
    with pytest.raises(InputError, match="keeps no replaced block; nothing to go back to"):
        restore(multilabel)
    tuned(multilabel)
    whole = multilabel.read_bytes()
    with pytest.raises(InputError, match="keeps no block 'other'; it keeps 'export'"):
        restore(multilabel, "other")
    assert multilabel.read_bytes() == whole


def test_twelve_tunings_keep_the_cap_and_the_first_block(multilabel):
    first = decision_of(multilabel).block
    names = [tuned(multilabel).block.name for _ in range(12)]
    assert len(set(names)) == 12
    metadata = read(multilabel).metadata
    kept = [block.name for block in metadata.decision.replaced]
    assert len(kept) == MAX_REPLACED_BLOCKS
    assert metadata.decision.replaced[0] == first
    assert kept[1:] == names[-MAX_REPLACED_BLOCKS:-1]
    assert [fit.block for fit in metadata.evidence.fits] == names[-MAX_REPLACED_BLOCKS:]
    restore(multilabel, first.name)
    assert decision_of(multilabel).block == first


def test_records_of_blocks_that_went_go_with_them(multilabel):
    for _ in range(3):
        tuned(multilabel)
        metadata = read(multilabel).metadata
        blocks = {metadata.decision.block_name, *(one.name for one in metadata.decision.replaced)}
        assert {fit.block for fit in metadata.evidence.fits} == blocks - {"export"}
    restore(multilabel, "export")
    assert len(read(multilabel).metadata.evidence.fits) == 3


def test_the_record_is_in_the_file(file):
    done = tuned(file)
    found = read(file).metadata.evidence.fit_of(done.block.name)
    assert found.to_json() == done.record.to_json()
    assert (found.texts_name, found.texts) == ("own.jsonl", 60)
    assert sum(found.support) >= 60 or limen.load(file).rule == "multilabel"


@pytest.mark.parametrize("calibration", ["auto", "none", "platt", "isotonic"])
def test_a_tuned_file_decides_by_its_new_block(file, calibration):
    """Every point, as the block says; its golden texts are run when it is opened."""
    points = ("f1", "half", "recall@0.5", "cost(1,2)", "coverage@0.8")
    done = tuned(file, TuneSettings(points, calibration=calibration))
    model = limen.load(file)
    decision = decision_of(file)
    assert decision.block.to_json() == done.block.to_json()
    assert calibration == "auto" or (decision.calibration is None) == (calibration == "none")
    logits = model.logits(texts(20, 3))
    for point in done.block.points:
        found = model.at(point.name).predict(texts(20, 3))
        wanted = decide(score(logits, decision), decision, point).chosen
        assert [set(one.labels) for one in found] == [
            {label for label, one in zip(model.labels, row, strict=True) if one} for row in wanted
        ]


def test_another_output_leaves_the_file_alone(file, tmp_path):
    whole, other = file.read_bytes(), tmp_path / "other.onnx"
    done = tuned(file, output=other)
    assert file.read_bytes() == whole
    assert done.path == other
    assert decision_of(other).block == done.block
    restore(other, output=tmp_path / "third.onnx")
    assert decision_of(tmp_path / "third.onnx").block == decision_of(file).block
    assert decision_of(other).block == done.block


class FullDisk:
    """Fails in one of the steps of writing a file."""

    def __init__(self, monkeypatch, step):
        self._fdopen = os.fdopen
        if step == "write":
            monkeypatch.setattr(os, "fdopen", self.opened)
        else:
            monkeypatch.setattr(os, step, self.fail)

    @staticmethod
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(self, handle, mode):
        stream = self._fdopen(handle, mode, buffering=0)
        self.stream = stream
        full = self

        class Stream:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                stream.close()

            def write(self, data):
                stream.write(data[:1_000])
                full.fail()

        return Stream()


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("job", [tuned, restore], ids=["tune", "back"])
def test_a_full_disk_leaves_everything_as_it_was(multilabel, monkeypatch, step, job):
    tuned(multilabel)
    whole = multilabel.read_bytes()
    FullDisk(monkeypatch, step)
    with pytest.raises(OutputError, match=r"not written .*nothing was left behind"):
        job(multilabel)
    monkeypatch.undo()
    assert [path.name for path in multilabel.parent.iterdir()] == [multilabel.name]
    assert multilabel.read_bytes() == whole


def test_what_can_never_end_well_is_refused_before_a_text_is_read(multilabel, tmp_path):
    def rows():
        pytest.fail("a text was read")
        yield

    with pytest.raises(OutputError, match="no such folder"):
        retune(multilabel, "own", rows(), QUICK, tmp_path / "none" / "model.onnx")
    with pytest.raises(OutputError, match="a folder"):
        retune(multilabel, "own", rows(), QUICK, tmp_path)
    with pytest.raises(InputError, match="'f3' is not known"):
        retune(multilabel, "own", rows(), TuneSettings(("f3",)))
    with pytest.raises(InputError, match="argmax: this rule gives any number of labels"):
        retune(multilabel, "own", rows(), TuneSettings(default_point="argmax"))


@pytest.mark.parametrize(
    ("rows", "settings", "reason"),
    [
        (slice(0), QUICK, "no labelled text"),
        (slice(19), QUICK, "at least 20 are needed"),
        (slice(60), TuneSettings(default_point="coverage@0.99"), "cannot be made"),
    ],
)
def test_what_cannot_be_fitted_leaves_the_file_as_it_was(multilabel, rows, settings, reason):
    whole = multilabel.read_bytes()
    with pytest.raises(InputError, match=reason):
        retune(multilabel, "own", labelled(multilabel)[rows], settings)
    assert multilabel.read_bytes() == whole
    assert [path.name for path in multilabel.parent.iterdir()] == [multilabel.name]


def test_an_interruption_leaves_the_file_as_it_was(multilabel):
    whole = multilabel.read_bytes()

    def rows():
        yield from labelled(multilabel)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retune(multilabel, "own", rows(), QUICK)
    assert multilabel.read_bytes() == whole
    assert [path.name for path in multilabel.parent.iterdir()] == [multilabel.name]


def test_labels_that_say_nothing_are_refused(multilabel):
    rows = [LabelledText(text, ()) for text in texts(60)]
    with pytest.raises(InputError, match="all 60 texts have the same labels"):
        retune(multilabel, "own", rows, QUICK)


def test_one_label_rules_need_one_label_a_text(tmp_path):
    file = copied("multiclass", tmp_path)
    rows = labelled(file)
    for labels in ((), (0, 1)):
        with pytest.raises(InputError, match=r"text 3 has . labels"):
            retune(file, "own", [*rows[:3], LabelledText("a day", labels), *rows[3:]], QUICK)


def test_an_error_of_a_text_does_not_quote_it(multilabel):
    """The runtime cannot encode it; its number is told."""
    rows = labelled(multilabel)
    rows[5] = LabelledText(f"{SECRET} \ud800", ())
    with pytest.raises((InputError, EngineError)) as caught:
        retune(multilabel, "own", rows, QUICK)
    assert "5" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_no_classifier_file_is_refused(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"something else")
    for job in (lambda path: retune(path, "own", [], QUICK), restore):
        with pytest.raises(FormatError):
            job(tmp_path / "other.onnx")


def test_repeats_with_unlike_labels_are_told_by_row(multilabel):
    rows = labelled(multilabel)
    turned = tuple({0, 1, 2, 3} - set(rows[7].labels))
    done = retune(multilabel, "own", [*rows, LabelledText(rows[7].text, turned)], QUICK)
    assert any("8, 61" in notice for notice in done.notices)
    assert not any(SECRET in notice for notice in done.notices)


def test_no_text_gets_into_the_file(file):
    tuned(file)
    restore(file)
    assert SECRET.encode() not in file.read_bytes()


def test_texts_are_asked_for_once_and_in_chunks(multilabel):
    """However many there are: a generator is enough."""
    asked = iter(labelled(multilabel))
    assert retune(multilabel, "own", asked, QUICK).record.texts == 60
    assert next(asked, None) is None


def test_steps_are_told(multilabel):
    class Heard(list):
        def step(self, what):
            self.append(what)

        def count(self, what):
            assert what.startswith("60 texts, ")

    heard = Heard()
    tuned(multilabel, told=heard)
    assert [what.split()[0] for what in heard] == ["opening", "fitting", "judging"]


def test_progress_is_silent_without_a_terminal(multilabel, capsys):
    tuned(multilabel)
    assert capsys.readouterr() == ("", "")


def test_the_same_texts_in_another_order_give_the_same_block(multilabel, tmp_path):
    rows = labelled(multilabel, 200)
    other = [rows[place] for place in np.random.default_rng(2).permutation(200)]
    found = [
        retune(multilabel, "own", given, TuneSettings(), tmp_path / f"{number}.onnx")
        for number, given in enumerate((rows, other))
    ]
    assert found[0].block == found[1].block
    assert found[0].record == found[1].record
    assert found[0].digest == found[1].digest


def test_a_real_file_is_tuned_and_put_back(goemotions, shared, tmp_path):
    """Tuned on 400 of its held-out texts; no text gets into it."""
    file, _ = goemotions
    lines = (shared / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    cells = [line.split("\t") for line in islice(lines, 400)]
    rows = [
        LabelledText(f"{cell[0]} {SECRET}", tuple(sorted(map(int, cell[1].split(",")))))
        for cell in cells
    ]
    some, other = [row.text for row in rows[:30]], tmp_path / "tuned.onnx"
    before = limen.load(file).logits(some)
    done = retune(file, "dev.tsv", rows, QUICK, other)
    assert done.record.texts == 400
    assert np.array_equal(limen.load(other).logits(some), before)
    assert graph_of(other) == graph_of(file)
    assert SECRET.encode() not in other.read_bytes()
    restore(other)
    assert replace(decision_of(other), replaced=()) == decision_of(file)
