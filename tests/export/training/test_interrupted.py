"""A fine-tuning that was interrupted, or whose disk was full, goes on from its last checkpoint."""

import errno
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.errors import InputError, OutputError
from limen.progress import Silent
from limen_export.training import checkpoints
from limen_export.training.reading_back import read_back
from limen_export.training.run import train
from limen_export.training.trainer_watch import Watch
from transformers import Trainer

recipes = SimpleNamespace(**run_path(str(Path(__file__).with_name("test_recipes.py"))))


@pytest.fixture
def chosen(checkpoint):
    return recipes.settings("finetune", backbone=str(checkpoint("bert")), pooling="cls")


@pytest.fixture
def data():
    return recipes.parts("multiclass", train_texts=96)


@pytest.fixture
def whole(chosen, data, tmp_path):
    """The logits of a run that nothing disturbed."""
    train(data, tmp_path / "whole", chosen, Silent())
    return read_back(tmp_path / "whole").logits(data.test.texts)


def interrupt_at(monkeypatch, step):
    """Press Ctrl-C after a step, once."""
    usual, waiting = Watch.on_step_end, [step]

    def on_step_end(self, args, state, control, **more):
        usual(self, args, state, control, **more)
        if waiting and state.global_step == waiting[0]:
            waiting.pop()
            raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "on_step_end", on_step_end)


@pytest.mark.parametrize("step", [3, 7, 13])
def test_run_goes_on_and_ends_where_it_would_have(step, whole, chosen, data, tmp_path, monkeypatch):
    interrupt_at(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "cut", chosen, Silent())
    assert not (tmp_path / "cut").exists()
    report = train(data, tmp_path / "cut", chosen, Silent())
    assert np.array_equal(read_back(tmp_path / "cut").logits(data.test.texts), whole)
    assert len([point for point in report.trained.fitted.curve if point.dev_figure]) == 3
    assert not [found for found in tmp_path.iterdir() if found.name.startswith(".")]
    assert not (tmp_path / "cut" / "checkpoints").exists()


def test_other_settings_begin_anew(chosen, data, tmp_path, monkeypatch):
    interrupt_at(monkeypatch, 8)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "cut", chosen, Silent())
    other = recipes.replace(chosen, seed=5)
    steps = []
    monkeypatch.setattr(
        Watch, "on_train_begin", lambda self, args, state, *_, **__: steps.append(state.global_step)
    )
    train(data, tmp_path / "cut", other, Silent())
    assert steps == [0]


def test_full_disk_is_said_and_earlier_checkpoint_stays(whole, chosen, data, tmp_path, monkeypatch):
    usual, saved = Trainer._save, []

    def full(self, output_dir=None, state_dict=None):
        saved.append(output_dir)
        if len(saved) == 2:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            (Path(output_dir) / "model.safetensors").write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(self, output_dir, state_dict)

    monkeypatch.setattr(Trainer, "_save", full)
    with pytest.raises(OutputError, match=r"step 6 is whole.*same command again"):
        train(data, tmp_path / "full", chosen, Silent())
    left = tmp_path / ".full.unfinished" / "checkpoints"
    assert [found.name for found in left.iterdir()] == ["checkpoint-6"]
    train(data, tmp_path / "full", chosen, Silent())
    assert np.array_equal(read_back(tmp_path / "full").logits(data.test.texts), whole)


def test_too_little_room_is_said_before_training(chosen, data, tmp_path, monkeypatch):
    nearly_full = SimpleNamespace(free=1_000)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda _: nearly_full)
    with pytest.raises(OutputError, match="make room"):
        train(data, tmp_path / "full", chosen, Silent())
    assert not (tmp_path / "full").exists()


def test_folder_that_is_there_is_not_touched(data, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="no training of limen's"):
        train(data, mine, recipes.settings("tfidf"), Silent(), overwrite=True)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_finished_training_is_replaced_only_when_asked(data, tmp_path):
    chosen = recipes.settings("tfidf")
    train(data, tmp_path / "trained", chosen, Silent())
    with pytest.raises(InputError, match="--overwrite"):
        train(data, tmp_path / "trained", chosen, Silent())
    other = recipes.replace(chosen, seed=5)
    train(data, tmp_path / "trained", other, Silent(), overwrite=True)
    record = (tmp_path / "trained" / "training.json").read_text("utf-8")
    assert '"seed": 5' in record
    assert [found.name for found in tmp_path.iterdir()] == ["trained"]
