"""Fine-tune, export, fit thresholds, decide, time: what a user does with a model of their own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import limen
import numpy as np
import numpy.typing as npt
from limen.corpus import EMOTIONS, Language, Split, sentences
from limen.errors import OutputError
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import judge
from limen.evaluation.report.wording import figure
from limen.progress import Progress

from limen_export.pipeline import export
from limen_export.settings import ExportSettings, LabelledTexts, NamedTexts
from limen_export.training.backbones import HeadSaid, find_backbone
from limen_export.training.examples import Examples
from limen_export.training.finetune import FinetuneWork, finetune
from limen_export.training.loss_settings import LossSettings
from limen_export.training.recipes import FinetuneRecipe
from limen_export.transformers_quiet import quiet_transformers

UNSEEN: dict[Language, tuple[str, ...]] = {
    "en": (
        "The nurse squeezed my hand and said the scan was clean, I cried all over her uniform",
        "third week in a row the bins weren't collected and now there are maggots on the path",
        "Wait, you're moving to Lisbon?? since when",
        "two more sleeps until the lake, I have packed and unpacked the bag four times",
        "I'd leave my kids with her without thinking twice",
        "The committee meets on Tuesday at four.",
    ),
    "ko": (
        "검사 결과 깨끗하대요. 간호사 선생님 손 잡고 엉엉 울었어요",
        "쓰레기 수거 삼 주째 안 해가서 문 앞에 구더기까지 생겼다고요",
        "뭐? 리스본으로 이사 간다고? 언제부터",
        "두 밤만 자면 바다 간다 가방을 몇 번을 쌌다 풀었다 했는지",
        "그 선생님한테는 아무 걱정 없이 애를 맡겨요",
        "회의는 화요일 네 시에 시작합니다.",
    ),
}
"""Sentences that are not in the corpus."""
_RECIPE = FinetuneRecipe(epochs=8, batch_size=16, learning_rate=2e-4, precision="fp32")
_SEED = 13


@dataclass(frozen=True)
class DemoSettings:
    """What the demo runs on.

    Attributes:
        output: folder for the checkpoint and the classifier file; created if missing.
        language: part of the corpus.
        backbone: a hub name or folder; None takes the embedded all-MiniLM-L6-v2 (English).
    """

    output: Path
    language: Language = "en"
    backbone: str | None = None


def run_demo(settings: DemoSettings, told: Progress) -> None:
    """Run the whole path and print what it finds.

    Raises:
        LimenError: a step failed; the message says which and what to do.
    """
    checkpoint = settings.output / "checkpoint"
    file = settings.output / f"emotions-{settings.language}.onnx"
    try:
        checkpoint.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{settings.output}: cannot be created ({reason})") from error
    train = labelled(settings.language, "train")
    print(f"1. fine-tuning on {len(train.texts):,} sentences", flush=True)
    _finetune(settings, train, checkpoint, told)

    print("\n2. exporting, thresholds fitted on the dev split", flush=True)
    test = labelled(settings.language, "test")
    dev = labelled(settings.language, "dev")
    # Without the sentences of the other language that would fill up the texts: this classifier
    # knows one.
    name = f"limen emotion corpus, {settings.language}, test and train"
    choice = ExportSettings(
        labelled=dev,
        texts=NamedTexts(name, test.texts + train.texts),
    )
    print(export(str(checkpoint), file, choice, told).to_text())

    model = limen.load(file)
    print(f"\n3. judged on {len(test.texts):,} test sentences whose labels neither step has seen")
    print(_quality(model, test))
    print("\n4. deciding about sentences that are not in the corpus")
    for text in UNSEEN[settings.language]:
        print(f"   {text}\n      {model(text)}")
    print("\n5. beside the model in torch, each in its own process, in turns", flush=True)
    print(_speed(file, checkpoint, test.texts, settings.output))
    print(f"\ntry it:  limen predict {file} 'what a day'")


def _finetune(
    settings: DemoSettings, train: LabelledTexts, checkpoint: Path, told: Progress
) -> None:
    work = FinetuneWork(
        folder=find_backbone(settings.backbone),
        train=Examples(train.name, train.texts, _cells(train.labels), EMOTIONS, "multilabel"),
        # Eight epochs are known to be right for this corpus: dev is left for the thresholds.
        dev=None,
        said=HeadSaid(EMOTIONS, "multilabel", "cls"),
        loss=LossSettings(),
        seed=_SEED,
        checkpoints=checkpoint,
    )
    with quiet_transformers():
        finetune(_RECIPE, work, checkpoint, told)


def labelled(language: Language, split: Split) -> LabelledTexts:
    """Return a split of the emotion corpus."""
    rows = sentences(language, split)
    return LabelledTexts(
        name=f"limen emotion corpus, {language}, {split}",
        texts=tuple(row.text for row in rows),
        labels=tuple(row.labels for row in rows),
    )


def _quality(model: limen.Model, test: LabelledTexts) -> str:
    truth = _cells(test.labels)
    lines = []
    for name in ("half", "f1"):
        decided = _cells(tuple(found.labels for found in model.at(name).predict(test.texts)))
        quality = judge(Judged(EMOTIONS, truth, decided, exclusive=False)).decisions
        lines.append(
            f"   thresholds {name:>4}: macro-F1 {figure(quality.macro_f1)}, "
            f"micro-F1 {figure(quality.micro_f1)}, all labels right {quality.subset_accuracy:.1%}"
        )
    return "\n".join(lines)


def _cells(labels: tuple[tuple[str, ...], ...]) -> npt.NDArray[np.bool_]:
    return np.array([[label in row for label in EMOTIONS] for row in labels], dtype=np.bool_)


def _speed(file: Path, checkpoint: Path, texts: tuple[str, ...], folder: Path) -> str:
    """Run `limen bench`, as a command: the exporter imports nothing of the bench."""
    listed = folder / "timed-texts.jsonl"
    listed.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
    results = folder / "bench.jsonl"
    words = ["--quick", "--rivals", "torch-fp32", "--source", str(checkpoint), "-o", str(results)]
    # -P keeps modules of the current folder from shadowing those that are imported.
    command = [sys.executable, "-P", "-m", "limen", "bench", str(file), "--texts", str(listed)]
    done = subprocess.run(  # noqa: S603  (our own command, in this interpreter)
        [*command, *words], stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        return '   not measured: the bench needs pip install "limen[bench]", or failed as it says'
    return done.stdout.rstrip()
