"""The tiny files say what their weights say: ids, logits, scores, labels, cell by cell."""

import json
from concurrent.futures import ThreadPoolExecutor

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.format import Isotonic, Platt, read
from limen.format.rules import RULES
from limen.token_encoder import TokenEncoder

FILES = tuple(
    f"tiny_{rule}.onnx"
    for rule in ("binary", "multiclass", "multilabel", "one_vs_one", "one_vs_rest")
)
SPELLED = ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")


@pytest.fixture(scope="session")
def cases(golden_folder):
    return json.loads((golden_folder / "cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session", params=FILES)
def name(request):
    return request.param


@pytest.fixture(scope="session")
def model(golden_folder, name):
    return limen.load(golden_folder / name)


def test_every_file_has_cases_and_is_small(golden_folder, cases):
    # What the file of features gives is in test_tfidf.py.
    names = {path.name for path in golden_folder.glob("*.onnx")} - {"tiny_features.onnx"}
    assert names == {*cases}
    assert tuple(sorted(cases)) == FILES
    assert all((golden_folder / name).stat().st_size < 20_000 for name in cases)


def test_ids(golden_folder, cases, name):
    encoder = TokenEncoder(read(golden_folder / name).metadata.encoder)
    for case in cases[name]:
        encoded = encoder.encode(case["text"])
        assert encoded.feeds["input_ids"].tolist() == [case["ids"]], case
        assert encoded.feeds["input_ids"].dtype == np.int64
        assert encoded.truncated is case["truncated"], case


def test_logits_and_scores(cases, name, model):
    texts = [case["text"] for case in cases[name]]
    logits = np.array([case["logits"] for case in cases[name]])
    scores = np.array([[case["scores"][label] for label in model.labels] for case in cases[name]])
    np.testing.assert_allclose(model.logits(texts), logits, rtol=0, atol=2e-6)
    np.testing.assert_allclose(model.scores(texts), scores, rtol=0, atol=1e-6)
    assert model.logits(texts).dtype == model.scores(texts).dtype == np.float32


def test_decisions(cases, name, model):
    for case in cases[name]:
        found = model.at(case["point"])(case["text"])
        assert list(found.labels) == case["labels"], case
        assert found.top == case["top"], case
        assert found.abstained is case["abstained"], case
        assert found.reason == case["reason"], case
        assert found.margin == pytest.approx(case["margin"], rel=0, abs=1e-6), case
        assert found.truncated is case["truncated"], case
        assert dict(found.scores) == pytest.approx(case["scores"], rel=0, abs=1e-6), case


def test_default_point_is_the_files_own(golden_folder, name, model):
    decision = read(golden_folder / name).metadata.decision
    assert model.operating_point == decision.point(decision.default_point)


def is_given(decision, point, label):
    """Whether a label has a threshold at a point."""
    return point.thresholds is None or point.thresholds[decision.labels.index(label)] is not None


def cells(decision, rows):
    """Every kind of case that a file must have, with the cases that are of that kind."""
    kinds = {
        "empty text": [case for case in rows if case["text"] == ""],
        "white space only": [case for case in rows if case["text"] and case["text"].isspace()],
        "NUL": [case for case in rows if "\0" in case["text"]],
        "Korean": [case for case in rows if any("가" <= one <= "힣" for one in case["text"])],
        "special token": [case for case in rows if any(one in case["text"] for one in SPELLED)],
        "unknown word": [case for case in rows if 1 in case["ids"]],
        "truncated": [case for case in rows if case["truncated"]],
        "whole": [case for case in rows if not case["truncated"]],
    }
    for point in decision.points:
        own = [case for case in rows if case["point"] == point.name]
        for label in decision.labels:
            chosen = [case for case in own if label in case["labels"]]
            if is_given(decision, point, label):
                kinds[f"{point.name}: {label} chosen"] = chosen
            else:
                kinds[f"{point.name}: {label} first"] = [c for c in own if c["top"] == label]
            kinds[f"{point.name}: {label} not chosen"] = [
                case for case in own if case not in chosen
            ]
        kinds |= {f"{point.name}: {kind}": found for kind, found in ends(decision, point, own)}
    return kinds


def ends(decision, point, own):
    """How a text can come out at a point."""
    if point.sets or not decision.one_label:
        yield "no label", [case for case in own if not case["labels"]]
        yield "several", [case for case in own if len(case["labels"]) > 1]
    if point.sets:
        yield "empty set", [case for case in own if case["reason"] == "empty_set"]
        yield "one alone", [case for case in own if len(case["labels"]) == 1]
    elif decision.one_label:
        yield "decided", [case for case in own if not case["abstained"]]
        if point.thresholds is not None:
            yield "threshold", [case for case in own if case["reason"] == "threshold"]
        if decision.abstain.margin and point.promise is None:
            yield "margin", [case for case in own if case["reason"] == "margin"]
        if decision.abstain.margin and point.promise is not None:
            low = decision.abstain.margin
            yield (
                "margin ignored",
                [case for case in own if case["margin"] < low and case["labels"]],
            )


def test_cases_cover_every_cell(golden_folder, cases, name):
    decision = read(golden_folder / name).metadata.decision
    empty = [kind for kind, rows in cells(decision, cases[name]).items() if not rows]
    assert empty == []


def test_files_differ_in_side_and_special_tokens(golden_folder):
    blocks = [read(golden_folder / name).metadata.encoder for name in FILES]
    assert {block.truncation_side for block in blocks} == {"left", "right"}
    assert {block.special_tokens_in_text for block in blocks} == {True, False}


def test_files_carry_every_kind_of_setting(golden_folder):
    decisions = [read(golden_folder / name).metadata.decision for name in FILES]
    assert {decision.rule for decision in decisions} == set(RULES)
    kinds = {type(decision.calibration) for decision in decisions}
    assert kinds == {type(None), Platt, Isotonic}
    assert {block.name for decision in decisions for block in decision.replaced} == {"export"}
    points = [point for decision in decisions for point in decision.points]
    assert {point.promise and point.promise.kind for point in points} == {
        None,
        "precision",
        "coverage",
    }
    assert {point.sets for point in points} == {True, False}
    never = [point for point in points if point.thresholds and None in point.thresholds]
    assert never


def test_votes_overrule_scores_somewhere(cases):
    assert [case for case in cases["tiny_one_vs_one.onnx"] if case["margin"] < 0]


def test_labels_that_a_curve_draws_alike_are_told_apart_somewhere(cases):
    tied = [
        case
        for case in cases["tiny_one_vs_rest.onnx"]
        if case["margin"] == 0 and case["top"] != next(iter(case["scores"]))
    ]
    assert tied


@given(data=st.data())
def test_scores_do_not_depend_on_neighbours_or_order(model, cases, name, data):
    texts = [case["text"] for case in cases[name]]
    alone = {text: model.scores([text]).tobytes() for text in set(texts)}
    batch = data.draw(st.lists(st.sampled_from(texts), max_size=40))
    rows = model.scores(batch)
    assert rows.shape == (len(batch), len(model.labels))
    assert [row.tobytes() for row in rows] == [alone[text] for text in batch]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_scores_do_not_depend_on_the_number_of_threads(golden_folder, cases, name, model, threads):
    texts = [case["text"] for case in cases[name]]
    other = limen.load(golden_folder / name, threads=threads)
    assert other.scores(texts).tobytes() == model.scores(texts).tobytes()


def test_scores_do_not_depend_on_the_calling_thread(model, cases, name):
    texts = [case["text"] for case in cases[name]] * 5
    alone = [model.scores([text]).tobytes() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: model.scores([text]).tobytes(), texts)) == alone
