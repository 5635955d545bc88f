"""The texts that rungs are judged on: labelled ones first, then the user's, then the project's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.corpus import sentences
from limen.errors import InputError
from limen.format import DecisionBlock, OperatingPoint
from limen_export import ExportSettings, export
from limen_export.ladder.judging import ENOUGH_TEXTS, texts_to_compare, true_labels
from limen_export.settings import LabelledTexts, NamedTexts

LABELS = ("joy", "anger", "fear")
HALF = OperatingPoint("half", (0.5,) * 3)
DECISION = DecisionBlock("multilabel", LABELS, "sigmoid", (HALF,), "half")


def own(count):
    return NamedTexts("mine.txt", tuple(f"text {place}" for place in range(count)))


def labelled(count):
    texts = tuple(f"labelled {place}" for place in range(count))
    return LabelledTexts("dev.jsonl", texts, (("joy",),) * count)


def test_without_texts_the_corpus_alone_in_both_languages():
    found = texts_to_compare(None, None)
    assert len(found.texts) == len(set(found.texts)) == 1_000
    assert found.name == "1,000 sentences of the limen emotion corpus, English and Korean"
    for language in ("en", "ko"):
        known = {sentence.text for sentence in sentences(language)}
        assert sum(text in known for text in found.texts) == 500


@given(st.integers(0, 2 * ENOUGH_TEXTS), st.integers(0, 2 * ENOUGH_TEXTS))
def test_labelled_then_own_then_the_corpus_up_to_enough(labels, given_texts):
    truth = labelled(labels) if labels else None
    mine = own(given_texts) if given_texts else None
    if truth is None and mine is None:
        return
    found = texts_to_compare(mine, truth)
    count = labels + given_texts
    assert found.texts[:labels] == (truth.texts if truth else ())
    assert found.texts[labels:count] == (mine.texts if mine else ())
    assert len(found.texts) == max(count, ENOUGH_TEXTS)
    filled = ENOUGH_TEXTS - count
    names = [part.name for part in (truth, mine) if part is not None]
    if filled > 0:
        names.append(f"{filled:,} sentences of the limen emotion corpus, English and Korean")
    assert found.name == ", and ".join(names)


def test_texts_of_a_trimmed_vocabulary_are_not_filled_up():
    assert texts_to_compare(own(3), None, filled=False) == own(3)


@pytest.mark.parametrize(
    ("mine", "truth"),
    [(NamedTexts("mine.txt", ()), None), (own(3), LabelledTexts("mine.txt", (), ()))],
)
def test_an_empty_list_is_refused_by_name(mine, truth):
    with pytest.raises(InputError, match=r"mine\.txt: no text to compare on"):
        texts_to_compare(mine, truth)


def test_labels_become_cells_and_texts_keys():
    given_labels = LabelledTexts("dev", ("a", "b", "a"), (("fear", "joy"), (), ("anger",)))
    found = true_labels(given_labels, DECISION)
    assert found.truth.tolist() == [[True, False, True], [False] * 3, [False, True, False]]
    assert found.keys[0] == found.keys[2] != found.keys[1]


def test_a_label_that_the_model_does_not_have_is_refused_with_its_text():
    with pytest.raises(InputError, match="dev: text 1 has label 'pride'"):
        true_labels(LabelledTexts("dev", ("a", "b"), (("joy",), ("pride",))), DECISION)


@pytest.fixture
def truth(traced, texts):
    """Labelled texts with the source's own decisions, some of them turned round."""
    draw = np.random.default_rng(3)
    logits = traced.logits(texts.texts)
    cells = logits + draw.normal(0, 1.0, logits.shape) > 0
    names = [tuple(np.array(LABELS)[row].tolist()) for row in cells]
    return LabelledTexts("own labels", texts.texts, tuple(names))


def test_labelled_texts_may_be_read_once_the_labels_are_known(tmp_path, traced, easy, truth):
    asked = []

    def read(labels):
        asked.append(labels)
        return truth

    report = export("bert", tmp_path / "m.onnx", ExportSettings(labelled=read, gate=easy))
    assert asked == [LABELS]
    evidence = report.evidence
    assert evidence.texts == 500
    assert evidence.texts_name.startswith("own labels, and 437 sentences of the limen emotion")
    assert evidence.gate.labelled
    (fit,) = evidence.fits
    assert fit.texts == len(truth.texts)


def test_texts_that_fill_up_count_for_the_agreement(tmp_path, traced, easy, truth):
    """The bound of 63 texts alone would be lower."""
    report = export("bert", tmp_path / "m.onnx", ExportSettings(labelled=truth, gate=easy))
    exact = report.evidence.rungs[-1].judgement
    assert report.evidence.rungs[-1].precision == "fp32"
    assert exact.texts_alike_low == pytest.approx(0.05 ** (1 / 500), abs=1e-6)


def test_too_few_labelled_texts_are_refused(tmp_path, traced):
    few = LabelledTexts("few", ("a", "b"), (("joy",), ("anger",)))
    with pytest.raises(InputError, match="2 labelled texts are too few"):
        export("bert", tmp_path / "m.onnx", ExportSettings(labelled=few))
    assert list(tmp_path.iterdir()) == []
