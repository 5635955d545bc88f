"""What a checkpoint's config says of its head: rule, link, labels, and what is refused."""

import limen
import numpy as np
import pytest
from limen.counted import counted
from limen.errors import ExportError
from limen.format import read
from limen.opening import open_model
from limen_export import ExportSettings, export
from limen_export.sources.checkpoint import read_checkpoint
from limen_export.sources.head import read_head
from transformers import AutoConfig

THREE = ("joy", "anger", "fear")


def numbered(*names):
    return {str(index): name for index, name in enumerate(names)}


def head_of(folder, rule=None):
    return read_head(AutoConfig.from_pretrained(str(folder)), folder, folder.name, rule)


def refusal(folder, rule=None):
    """Read the checkpoint as an export does and return why it was refused."""
    with pytest.raises(ExportError) as caught:
        read_checkpoint(str(folder), rule, None)
    message = str(caught.value)
    assert message.startswith(f"{folder.name}: ")
    return message


@pytest.fixture(scope="module")
def one_output(tmp_path_factory, make_checkpoint):
    """A head with a single output, as `num_labels=1` makes it."""
    folder = tmp_path_factory.mktemp("head") / "single"
    return make_checkpoint(folder, labels=("only",), problem_type=None)


@pytest.fixture
def one_output_named(one_output, tmp_path):
    """Return (names, **config entries) -> that head with other names in its config."""
    import json
    import shutil

    def rename(*names, **entries):
        folder = shutil.copytree(one_output, tmp_path / "renamed")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config |= {"id2label": numbered(*names), **entries}
        config["label2id"] = {name: index for index, name in enumerate(names)}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    return rename


@pytest.mark.parametrize(
    ("problem", "rule", "link"),
    [
        ("single_label_classification", "multiclass", "softmax"),
        ("multi_label_classification", "multilabel", "sigmoid"),
    ],
)
def test_problem_type_gives_the_rule(edited, problem, rule, link):
    head = head_of(edited(problem_type=problem))
    assert (head.outputs, head.labels, head.rule, head.link) == (3, THREE, rule, link)
    assert head.notices == ()


def test_without_problem_type_it_is_multiclass_and_says_so(edited):
    head = head_of(edited(problem_type=None))
    assert (head.rule, head.link) == ("multiclass", "softmax")
    (notice,) = head.notices
    assert "problem_type" in notice
    assert "--rule multilabel" in notice


@pytest.mark.parametrize("problem", ["single_label_classification", None, "regression"])
def test_rule_of_the_user_comes_first(edited, problem):
    head = head_of(edited(problem_type=problem), "multilabel")
    assert (head.rule, head.link, head.notices) == ("multilabel", "sigmoid", ())


def test_multilabel_can_be_taken_as_multiclass(edited):
    head = head_of(edited(), "multiclass")
    assert (head.rule, head.link) == ("multiclass", "softmax")


def test_regression_is_refused_by_name(edited):
    assert "regression" in refusal(edited(problem_type="regression"))


def test_one_output_without_problem_type_is_refused(one_output):
    message = refusal(one_output)
    assert "one output" in message
    assert "--rule multilabel" in message


def test_one_output_multiclass_is_refused(one_output):
    assert "one output" in refusal(one_output, "multiclass")


def test_one_output_as_yes_or_no(one_output):
    head = head_of(one_output, "multilabel")
    assert (head.outputs, head.labels, head.rule, head.link) == (
        1,
        ("only",),
        "multilabel",
        "sigmoid",
    )


def test_one_output_with_two_names_decides_between_them(one_output_named, stamped, texts):
    folder = one_output_named("calm", "upset")
    reference = read_checkpoint(str(folder), None, None)
    assert (reference.labels, reference.rule, reference.link) == (
        ("calm", "upset"),
        "multiclass",
        "sigmoid",
    )
    model = open_model(stamped(reference, reference.graph))
    logits = reference.logits(texts.texts)
    assert logits.shape == (len(texts.texts), 1)
    assert logits.min() < 0 < logits.max()
    upset = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    np.testing.assert_allclose(model.scores(texts.texts)[:, 1], upset, atol=1e-5)
    np.testing.assert_allclose(model.scores(texts.texts).sum(axis=1), 1, atol=1e-6)
    expected = [("upset",) if value > 0 else ("calm",) for value in logits[:, 0]]
    assert [prediction.labels for prediction in model.predict(texts.texts)] == expected


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c", "d"), ("a",)])
def test_labels_that_do_not_fit_the_outputs_are_refused(edited, names):
    message = refusal(edited(id2label=numbered(*names), label2id=None))
    assert f"{counted(len(names), 'label')} for 3 outputs" in message
    assert ("fewer" if len(names) < 3 else "more") in message


def test_three_labels_for_one_output_are_refused(one_output_named):
    assert "3 labels for 1 output, more" in refusal(one_output_named("a", "b", "c"))


def test_a_name_twice_is_refused(edited):
    message = refusal(edited(id2label=numbered("joy", "fear", "joy"), label2id=None))
    assert "'joy'" in message
    assert "twice" in message


def test_a_gap_in_the_numbers_is_refused(edited):
    message = refusal(edited(id2label={"0": "a", "1": "b", "3": "c"}, label2id=None))
    assert "[0, 1, 3]" in message


def test_an_empty_name_is_refused(edited, tmp_path, texts):
    folder = edited(id2label=numbered("a", " ", "c"), label2id=None)
    with pytest.raises(ExportError, match="label 1 is empty"):
        export(str(folder), tmp_path / "m.onnx", ExportSettings(texts=texts))
    assert not (tmp_path / "m.onnx").exists()


def test_nameless_labels_are_noticed(edited):
    folder = edited(id2label=numbered("LABEL_0", "LABEL_1", "LABEL_2"), label2id=None)
    (notice,) = head_of(folder).notices
    assert "LABEL_0" in notice
    assert "id2label" in notice


def test_names_in_the_order_of_their_numbers(edited):
    folder = edited(id2label={"2": "c", "0": "a", "1": "b"}, label2id=None)
    assert head_of(folder).labels == ("a", "b", "c")


def test_ten_labels_or_more_are_ordered_as_numbers(tmp_path, make_checkpoint):
    names = tuple(f"name {index}" for index in range(12))
    assert head_of(make_checkpoint(tmp_path / "twelve", labels=names)).labels == names


def test_unusual_names_survive_into_the_file(edited, tmp_path, untimed, texts):
    names = ('a, "b"', "it's/one\\two: {3}", "기쁨 😀\u200d")
    folder = edited(id2label=numbered(*names), label2id=None)
    output = tmp_path / "m.onnx"
    settings = ExportSettings(precision="fp32", texts=texts, thresholds=dict.fromkeys(names, 0.25))
    report = export(str(folder), output, settings)
    assert limen.load(output).labels == names
    decision = read(output).metadata.decision
    assert decision.point("custom").thresholds == (0.25, 0.25, 0.25)
    assert report.notices == ()
