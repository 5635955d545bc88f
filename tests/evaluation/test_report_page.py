"""The page and the table: complete, well-formed, self-contained, and safe with foreign names."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.intervals import BootstrapSettings, judge_with_intervals
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import judge
from limen.evaluation.report.confusion import confusion, mistakes
from limen.evaluation.report.curves import MOST_LEVELS, curve, marks
from limen.evaluation.report.names import columns, harmless, shortened
from limen.evaluation.report.page import page
from limen.evaluation.report.reliability_picture import brief
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.table import table
from limen.evaluation.report.wording import figure
from sklearn.metrics import average_precision_score

VOID = {"meta", "link", "br", "img", "hr", "input"}
LOADING = {"src", "srcset", "data", "poster", "action", "background", "xlink:href", "srcdoc"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"&'",
    "$x$ $\\frac{",
    "]]> <!-- -->",
    "x" * 1_000,
    "'><img src=x onerror=alert(1)>",
    "שמחה \u202egnp.exe",
    "👩‍👩‍👧 😀",
    "기쁨 \x00\x1b[31m\n감정",
    "&lt;b&gt; \ud800 %s {0}",
)
FEW = BootstrapSettings(resamples=20)


class Reader(HTMLParser):
    """Keeps account of open elements, and collects what would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.tags = [], [], set()
        self.ids, self.references, self.text, self.titles = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"a handler: {name}"
            if name in LOADING or (name == "href" and value[:1] != "#" and value != "data:,"):
                self.loads.append(value)
            if name == "id":
                self.ids.append(value)
            if name == "title":
                self.titles.append(value)
            self.references += re.findall(r"^#([\w-]+)$|url\(#([\w-]+)\)", value or "")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> without a start"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    for picture in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(picture)  # noqa: S314  (our own)
    return reader


def points(names, *, exclusive=False, texts=80, seed=0):
    """Two operating points of random scores."""
    random = np.random.default_rng(seed)
    labels = len(names)
    if exclusive:
        scores = random.dirichlet(np.ones(labels), texts).astype(np.float32)
        truth = np.eye(labels, dtype=bool)[random.integers(0, labels, texts)]
        best = np.eye(labels, dtype=bool)[scores.argmax(axis=1)]
        given_ = (
            Judged(names, truth, best, True, scores, point="argmax"),
            Judged(
                names,
                truth,
                scores >= 0.2,
                True,
                scores,
                sets=True,
                point="coverage@0.9",
                thresholds=(0.2,) * labels,
            ),
        )
    else:
        scores = random.beta(0.5, 1.5, (texts, labels)).astype(np.float32)
        truth = random.random((texts, labels)) < scores
        given_ = tuple(
            Judged(
                names, truth, scores >= cut, False, scores, point=name, thresholds=(cut,) * labels
            )
            for name, cut in (("f1", 0.3), ("half", 0.5))
        )
    return [Shown(one, judge_with_intervals(one, FEW)) for one in given_]


PLAIN = ("joy", "기쁨", "anger", "분노")


@pytest.fixture(scope="module", params=[False, True], ids=["several", "exclusive"])
def shown(request):
    return points(PLAIN, exclusive=request.param)


@pytest.fixture(scope="module")
def html(shown):
    return page("a.onnx", shown, [("texts", "dev.tsv")])


def test_the_page_is_complete_and_well_formed(html, shown):
    reader = read(html)
    text = " ".join(reader.text)
    for label in PLAIN:
        assert label in text
    for part in ("All figures", "Precision and recall", "Calibration", "Thresholds", "dev.tsv"):
        assert part in text
    for point in shown:
        assert point.judged.point in text
    assert html.count("<svg") == len(PLAIN) + 1


def test_the_page_needs_nothing_else(html):
    reader = read(html)
    assert reader.loads == []
    assert not reader.tags & {"script", "iframe", "object", "embed", "image", "foreignobject"}
    assert "@import" not in html
    assert "http" not in html.replace("http://www.w3.org/", "")


def test_ids_are_unique_and_everything_referred_to_is_there(html):
    reader = read(html)
    assert len(set(reader.ids)) == len(reader.ids)
    assert {name for pair in reader.references for name in pair if name} <= set(reader.ids)


def test_the_page_is_the_same_every_time(html, shown):
    assert page("a.onnx", shown, [("texts", "dev.tsv")]) == html


def test_the_figures_and_their_intervals_stand_on_the_page(html, shown):
    quality = shown[0].quality
    text = " ".join(read(html).text)
    assert figure(quality.decisions.macro_f1) in text
    found = quality.interval("macro_f1")
    assert f"{figure(found.low)} to {figure(found.high)}" in text


def settings_of_matplotlib():
    # Asking for the backend would choose one.
    return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}


def test_drawing_leaves_matplotlib_and_the_disk_as_they_were(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = settings_of_matplotlib()
    page("a.onnx", shown)
    assert settings_of_matplotlib() == before
    assert list(tmp_path.iterdir()) == []


def test_drawing_does_not_load_pyplot():
    program = """
import sys
import numpy as np
from limen.evaluation.metrics import judge
from limen.evaluation.judged import Judged
from limen.evaluation.report.page import page
from limen.evaluation.report.shown import Shown
cells = np.eye(2, dtype=bool)
one = Judged(("a", "b"), cells, cells, True, cells.astype(np.float32))
assert "<svg" in page("a.onnx", [Shown(one, judge(one))])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("exclusive", [False, True])
def test_hostile_names_are_only_text(exclusive):
    hostile = points(HOSTILE, exclusive=exclusive)
    renamed = [
        Shown(replace(one.judged, point=name), replace(one.quality, point=name))
        for one, name in zip(hostile, HOSTILE, strict=False)
    ]
    html = page(HOSTILE[0], renamed, [(HOSTILE[1], HOSTILE[5])])
    reader = read(html)
    assert not reader.tags & {"script", "img"}
    assert reader.loads == []
    html.encode("utf-8")
    for name in HOSTILE:
        assert shortened(name, 48) in reader.text, ascii(name)
    assert harmless(HOSTILE[4]) in reader.titles, "a name that was cut stands whole in its title"
    assert not set(html) & set("\x00\x1b\u202e")


def test_hostile_names_cannot_act_on_a_terminal():
    for one in points(HOSTILE):
        text = table(one.quality)
        assert not set(text) & set("\x00\x1b\u202e\ud800")
        assert max(columns(line) for line in text.splitlines()) < 400


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("count", [1, 2, 150])
def test_few_and_many_labels(count, exclusive):
    names = tuple(f"label {place}" for place in range(count))
    shown = points(names, exclusive=exclusive, texts=400)
    reader = read(page("a.onnx", shown))
    text = " ".join(reader.text)
    drawn = sum(label.support > 0 for label in shown[0].quality.labels)
    assert ("more labels" in text) == (drawn > 12)
    assert ("The 40 most frequent labels" in text) == (count > 40)
    assert table(shown[0].quality).count("label ") >= count


@pytest.mark.parametrize("texts", [1, 2, 30])
@pytest.mark.parametrize("cell", [False, True])
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_nothing_true_and_everything_true(texts, cell, score):
    """No label is true or given, or all of all texts; every score is the same."""
    cells = np.full((texts, 2), cell)
    scores = np.full((texts, 2), score, dtype=np.float32)
    one = Judged(("a", "b"), cells, cells, False, scores, thresholds=(0.5, None))
    quality = judge_with_intervals(one, FEW)
    text = " ".join(read(page("a.onnx", [Shown(one, quality)])).text)
    assert ("true of no text" in text) == (not cell)
    assert "never" in text
    assert "nan" not in text.lower().split()
    assert "nan" not in table(quality).lower().split()


def test_without_scores_there_are_no_pictures(shown):
    one = replace(shown[0].judged, scores=None)
    html = page("a.onnx", [Shown(one, judge(one))])
    assert "<svg" not in html
    assert "no scores were given" in " ".join(read(html).text)


def test_points_that_do_not_belong_together_are_refused(shown):
    first, second = shown
    with pytest.raises(InputError, match="no operating point"):
        page("a.onnx", [])
    with pytest.raises(InputError, match="two of the same name"):
        page("a.onnx", [first, first])
    with pytest.raises(InputError, match="figures are those of other decisions"):
        page("a.onnx", [first, Shown(second.judged, first.quality)])
    scores = second.judged.scores[::-1].copy()
    with pytest.raises(InputError, match="other texts, labels or scores"):
        page("a.onnx", [first, Shown(replace(second.judged, scores=scores), second.quality)])


def test_the_table_lines_up_with_wide_names(shown):
    lines = table(shown[0].quality).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("label "))
    rows = lines[start : start + 1 + len(PLAIN)]
    assert {row.split()[0] for row in rows[1:]} == set(PLAIN)
    assert len({columns(row) for row in rows}) == 1


def test_the_table_says_what_has_no_value_and_over_what_means_go():
    truth = np.array([[1, 0, 0], [1, 0, 0]], dtype=bool)
    text = table(judge(Judged(("a", "b", "c"), truth, truth, False)))
    assert "mean of 1 of 3 labels" in text
    assert "recall of b, c: the label is true of no text" in text
    assert "accuracy, balanced accuracy: several labels can be true of a text" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.5, "0.500"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (0.99996, "0.99996"),
        (0.00004, "0.00004"),
        (12.3456, "12.346"),
        (1e-12, "1e-12"),
    ],
)
def test_a_figure_never_reads_0_or_1_when_it_is_not(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("name", "width"), [("joy", 3), ("기쁨", 4), ("e\u0301", 1), ("😀", 2), ("", 0)]
)
def test_columns(name, width):
    assert columns(name) == width


@given(st.text(), st.integers(1, 20))
@examples(deadline=None)
def test_a_short_name_fits_and_is_harmless(name, most):
    short = shortened(name, most)
    assert columns(short) <= most
    assert harmless(short) == short


@given(st.integers(0, 2**32 - 1), st.integers(1, 2_000))
@examples(deadline=None, max_examples=50)
def test_a_curve_is_short_and_the_area_below_is_average_precision(seed, texts):
    random = np.random.default_rng(seed)
    truth = random.random(texts) < 0.3
    truth[0] = True
    scores = np.round(np.clip(random.normal(0.3 + 0.2 * truth, 0.2), 0, 1), 3).astype(np.float32)
    found = curve(scores, truth)
    assert len(found.recall) <= MOST_LEVELS
    assert found.recall[-1] == 1.0
    assert (np.diff(found.recall) > 0).all()
    area = np.sum(np.diff(np.concatenate([[0.0], found.recall])) * found.precision)
    thinned = truth.sum() > MOST_LEVELS
    expected = average_precision_score(truth, scores)
    assert area == pytest.approx(expected, abs=0.02 if thinned else 1e-9)


def test_marks_are_unlike():
    found = marks([str(place) for place in range(50)])
    assert len({(mark.shape, mark.colour) for mark in found}) == 50


def test_confusion_counts_pairs_of_labels():
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=bool)
    chosen = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
    judged = Judged(("a", "b", "c"), truth, chosen, False)
    found = confusion(judged, [0, 1, 2])
    assert found.together.tolist() == [[1, 1, 1], [1, 0, 1], [0, 0, 1]]
    assert found.none.tolist() == [0, 1, 0]
    assert found.others is None
    part = confusion(judged, [0])
    assert part.together.tolist() == [[1]]
    assert part.others.tolist() == [2]
    assert [(one.missed, one.given, one.texts) for one in mistakes(judged, 10)] == [
        (0, 1, 1),
        (1, 2, 1),
    ]
    assert len(mistakes(judged, 1)) == 1


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (9_960, "10k"), (42_083, "42k"), (999_600, "1.0M")],
)
def test_counts_are_brief(count, text):
    assert brief(count) == text
