"""The ladder as a user sees it: terminal, JSON, page, and why a rung was chosen."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from limen.commands.rung_lines import rung_lines, rung_table
from limen.format import Evidence, GateRecord, Judgement, Rung, RungQuality

pytest.importorskip("matplotlib")
from limen_export.ladder_page import ladder_page
from limen_export.report import ExportReport
from limen_export.rung_choice import ladder_notices, why_chosen

GATE = GateRecord(0.005, 0.995, "cells", False, "f1", True, True)
QUALITY = RungQuality("macro_f1", 0.4213, 0.4142, 0.0071, 0.0021, 0.0121, 0.93, 0.9974)
FAILED = Judgement(0.9304, 0.9971, QUALITY, "failed", "macro_f1 dropped by 0.0071, allowed 0.005")
PASSED = Judgement(0.9607, 0.9984, replace(QUALITY, drop=0.0), "passed", "99.87% alike")
RUNGS = (
    Rung("int8", 23_400_000, 0.41, 0.936, 0.9975, 0.74, 1_480.0, judgement=FAILED),
    Rung("fp32", 90_900_000, 1.4e-5, 1.0, 1.0, 2.1, 520.0, ("layer.0.dense",), "", PASSED),
)


def evidence(rungs=RUNGS, chosen=1, gate=GATE):
    return Evidence("dev.tsv", 5_426, rungs, (), chosen, why_chosen(rungs, chosen), gate)


def report(found=None, path="out/emotion.onnx"):
    found = evidence() if found is None else found
    own = found.chosen_rung or found.rungs[0]
    return ExportReport(Path(path), 91_000_000, "sha256:" + "0" * 64, own.precision, found, ("a",))


def test_terminal_shows_every_rung_and_marks_the_file_s_own():
    shown = report().to_text().splitlines()
    header, int8, fp32 = (
        line for line in shown if re.match(r"(->)?\s+(precision|int8|fp32)", line)
    )
    for part in ("MB", "p50 ms", "texts/s", "pairs alike", "same labels", "drop", "verdict"):
        assert part in header
    for part in ("23.4", "0.74", "1,480", "0.41", "99.75% (99.71%)", "93.60% (93.04%)", "failed"):
        assert part in int8
    for part in ("macro_f1 0.4142", "0.0071 [0.0021, 0.0121]"):
        assert part in int8
    assert fp32.startswith("->")
    assert not int8.startswith("->")
    assert len({len(line.rstrip()) for line in (int8, fp32)}) == 1


def test_terminal_says_why_and_by_which_rule():
    shown = report().to_text()
    assert (
        "why: int8 failed: macro_f1 dropped by 0.0071, allowed 0.005; fp32 (1 in float) is" in shown
    )
    assert "at least 99.50% of (text, label) pairs alike" in shown
    assert "at most 0.005" in shown
    assert "in float: layer.0.dense" in shown
    # What `why` tells is not told twice.
    assert shown.count("macro_f1 dropped by 0.0071") == 1


def test_a_slower_rung_is_a_visible_notice():
    (notice,) = ladder_notices(evidence())
    assert "int8 failed the gate" in notice
    assert "p50 2.10 ms instead of 0.74" in notice
    assert f"note: {notice}" in report().to_text()
    assert report().to_json()["notices"] == ["a", notice]
    assert ladder_notices(evidence(RUNGS[1:], 0)) == ()


def test_an_undecided_rung_is_a_visible_notice():
    unsure = replace(PASSED, verdict="undecided", why="the interval reaches 0.007")
    rungs = (replace(RUNGS[0], judgement=unsure), RUNGS[1])
    (notice,) = ladder_notices(evidence(rungs, 0))
    assert notice.startswith("int8 is undecided: the interval of its drop reaches beyond")
    assert "does not fail: undecided" in why_chosen(rungs, 0)


def test_a_rung_that_was_asked_for_says_so():
    assert "int8 was asked for: failed" in why_chosen(RUNGS, 0, named=True)


def test_why_is_short_enough_to_be_stored():
    long = replace(FAILED, why="x" * 3_900)
    rungs = (replace(RUNGS[0], judgement=long), replace(RUNGS[1], kept_in_float=("y",) * 500))
    assert len(why_chosen(rungs, 1)) <= 4_000


def test_json_is_the_evidence():
    found = json.loads(json.dumps(report().to_json()))
    assert found["evidence"] == json.loads(json.dumps(evidence().to_json()))
    assert found["evidence"]["chosen"] == 1


def test_rungs_that_were_not_judged_or_timed_take_no_empty_columns():
    bare = Evidence("some", 3, (Rung("fp32", 1_000_000, 0.0, 1.0, 1.0, None),))
    header, row = rung_table(bare, "fp32")
    assert row.split() == ["->", "fp32", "1.0", "0", "100.00%", "100.00%"]
    assert not any(part in header for part in ("p50", "texts/s", "drop", "verdict"))
    assert rung_lines(Evidence("some", 3, ()), "fp32") == []
    assert "compared with the source on 3 texts" in report(bare).to_text()


class Page(HTMLParser):
    """Tags, what they refer to, and whether they close."""

    VOID = ("meta", "link", "br", "path", "use", "image")

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    found = Page()
    found.feed(html)
    return found


def test_the_page_stands_alone_and_is_the_same_each_time():
    html = ladder_page(report())
    found = parsed(html)
    assert found.open == []
    assert "script" not in found.tags
    assert all(link.startswith(("data:", "#")) for link in found.links)
    assert "url(http" not in html
    assert found.tags.count("svg") == 2
    text = " ".join(found.text)
    for part in ("1. int8", "2. fp32 (1 in float) ◀", "99.75%", "≥ 99.71%", "0.0021 to 0.0121"):
        assert part in text
    for notice in report().all_notices:
        assert notice in text
    assert html == ladder_page(report())


def test_the_page_draws_texts_alone_where_one_label_is_given():
    found = parsed(ladder_page(report(evidence(gate=replace(GATE, unit="texts")))))
    assert found.tags.count("svg") == 1


@pytest.mark.parametrize("p50", [None, 0.0])
def test_the_page_draws_nothing_where_nothing_was_timed(p50):
    rungs = tuple(replace(rung, p50_ms=p50, texts_per_second=None) for rung in RUNGS)
    assert "svg" not in parsed(ladder_page(report(evidence(rungs)))).tags


def test_rungs_of_one_speed_and_one_agreement_are_drawn():
    rungs = tuple(replace(RUNGS[1], p50_ms=1.0, judgement=None) for _ in range(2))
    assert parsed(ladder_page(report(evidence(rungs, gate=None)))).tags.count("svg") == 2


def test_nothing_from_outside_is_markup():
    hostile = "<script>alert(1)</script>\u202e"
    rung = replace(RUNGS[1], detail=hostile, kept_in_float=(hostile,))
    rung = replace(rung, judgement=replace(PASSED, why=hostile))
    found = Evidence(hostile, 3, (RUNGS[0], rung), (), 1, hostile, GATE)
    html = ladder_page(report(found, path=f"{hostile[8:14]}&<b>.onnx"))
    assert "script" not in parsed(html).tags
    assert "b" not in parsed(html).tags
    assert "\u202e" not in html
