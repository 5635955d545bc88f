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


@pytest.mark.parametrize("step", [3, 13])
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


def judged_as(monkeypatch, figures):
    """Let epochs come out on dev as these figures say, whatever was learned."""
    monkeypatch.setattr(
        "limen_export.training.dev_figure.DevFigure.of",
        lambda self, logits, truth: figures[min(len(seen), len(figures)) - 1],
    )
    seen = []
    usual = Trainer.evaluate

    def evaluate(self, *words, **more):
        # Epochs before an interruption count too.
        seen[:] = [None] * (1 + sum("eval_dev" in note for note in self.state.log_history))
        return usual(self, *words, **more)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)


@pytest.mark.parametrize("step", [19, 24])
def test_run_that_waits_for_a_better_epoch_waits_no_longer_behind_an_interruption(
    step, chosen, data, tmp_path, monkeypatch
):
    patient = recipes.replace(chosen, recipe=recipes.replace(chosen.recipe, epochs=6, patience=2))
    judged_as(monkeypatch, (0.5, 0.7, 0.6, 0.6, 0.9, 0.9))
    whole = train(data, tmp_path / "whole", patient, Silent())
    assert len([one for one in whole.trained.fitted.curve if one.dev_figure]) == 4
    interrupt_at(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "cut", patient, Silent())
    cut = train(data, tmp_path / "cut", patient, Silent())
    assert cut.trained.fitted.curve == whole.trained.fitted.curve
    logits = [read_back(tmp_path / name).logits(data.test.texts) for name in ("whole", "cut")]
    assert np.array_equal(*logits)


@pytest.mark.parametrize("name", ["finetune", "embed"])
def test_interruption_after_training_loses_nothing(
    name, chosen, data, tmp_path, monkeypatch, checkpoint
):
    if name == "embed":
        chosen = recipes.settings("embed", backbone=str(checkpoint("bert")))
    once = []

    def interrupted(*words):
        if not once:
            once.append(words)
            raise KeyboardInterrupt
        return judge(*words)

    from limen_export.training import run

    judge = run.judge_trained
    monkeypatch.setattr(run, "judge_trained", interrupted)
    with pytest.raises(KeyboardInterrupt) as told:
        train(data, tmp_path / "cut", chosen, Silent())
    assert bool(getattr(told.value, "__notes__", ())) == (name == "finetune")
    assert train(data, tmp_path / "cut", chosen, Silent()).folder == tmp_path / "cut"
    assert [found.name for found in tmp_path.iterdir()] == ["cut"]


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
    left = next(tmp_path.glob(".full.unfinished-*")) / "checkpoints"
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


def test_training_that_cannot_get_its_name_stays_whole(data, tmp_path, monkeypatch):
    chosen = recipes.settings("tfidf")
    train(data, tmp_path / "trained", chosen, Silent())
    older = (tmp_path / "trained" / "training.json").read_text("utf-8")
    usual = Path.rename

    def held(self, target):
        if self.name == "result":
            raise OSError(errno.EACCES, "in use")
        return usual(self, target)

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(OutputError, match="it is whole in"):
        train(data, tmp_path / "trained", recipes.replace(chosen, seed=5), Silent(), overwrite=True)
    assert (tmp_path / "trained" / "training.json").read_text("utf-8") == older
    left = next(tmp_path.glob(".trained.unfinished-*"))
    assert '"seed": 5' in (left / "result" / "training.json").read_text("utf-8")


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
