"""The page and the tables: complete, well-formed, self-contained, and safe with foreign names."""

import argparse
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen.errors import InputError, OutputError
from limen_bench.commands import bench_report
from limen_bench.report.markdown import markdown, table_markdown
from limen_bench.report.page import page
from limen_bench.report.picture import picture
from limen_bench.report.readme import readme_table
from limen_bench.report.terminal import as_json, as_text
from limen_bench.results import EngineRow, MeasurementRow, ResultsFile
from limen_bench.summary import summarise

fake = SimpleNamespace(**run_path(str(Path(__file__).with_name("fake_results.py"))))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "link", "br", "img", "hr", "input"}
LOADING = {"src", "srcset", "data", "poster", "action", "background", "xlink:href", "srcdoc"}
HOSTILE = "<script>alert(1)</script> $\\frac{ \"' onload=x &amp; | \x00\x1b[31m 감정"


class Reader(HTMLParser):
    """Keeps account of open elements, and collects what would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.tags, self.ids, self.text = [], [], set(), [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"a handler: {name}"
            if name in LOADING or (name == "href" and tag != "a" and value[:1] != "#"):
                self.loads.append(value)
            if name == "id":
                self.ids.append(value)

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
    return reader


@pytest.fixture(scope="module")
def runs():
    rows = [*fake.full_run(0, "r1"), *fake.full_run(1, "r2", labelled=False, texts="뉴스.txt")]
    return summarise(rows)


@pytest.fixture(scope="module")
def html(runs):
    return page(runs)


def test_the_page_is_well_formed_and_loads_nothing(html):
    reader = read(html)
    assert reader.loads == ["data:,"]  # the empty icon
    assert not reader.tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
    assert len(reader.ids) == len({*reader.ids})
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", html)
    assert "@import" not in html
    linked = re.sub(r'<a href="https?://[^"]*" rel="noreferrer">[^<]*</a>', "", html)
    assert "http:" not in linked
    assert "https:" not in linked


def test_the_page_has_every_engine_and_why_some_have_no_figures(html):
    text = "".join(read(html).text)
    for title, *_ in [*fake.ENGINES.values(), *fake.BROKEN.values()]:
        assert title in text
    for _, _, status, reason in fake.BROKEN.values():
        assert f"{status}: {reason}" in text
    assert "감정 말뭉치 (ko).txt" in text
    assert "뉴스.txt" in text


def test_what_a_ratio_means_stands_in_the_header(html, runs):
    assert "times limen is faster (below 1: slower)" in html
    ratio = runs[0].ratio("openvino", "one", "p50_ms")
    assert ratio.high < 1
    assert f'<td class="figure behind">{ratio.median:.2f}<small>' in html


def test_plots_have_titles_and_units(html):
    figures = re.findall(r"<figure>.*?</figure>", html, re.DOTALL)
    assert len(figures) >= 2 * 8
    for figure in figures:
        title = re.search(r"<figcaption>(.+?)</figcaption>", figure).group(1)
        assert f'role="img" aria-label="{title}"' in figure
    for label in ("p50, ms", "p99, ms", "texts/s", "tokens", "requests a second", "batch size"):
        assert f">{label}</text>" in html


def test_foreign_names_are_text():
    def rows():
        yield fake.run_row(model=HOSTILE, texts=HOSTILE, cpu=HOSTILE, **{HOSTILE: HOSTILE})
        yield from fake.speed_rows({"limen": 3.0, HOSTILE: 4.0})
        yield fake.engine_row("limen")
        yield fake.engine_row(HOSTILE, title=HOSTILE)
        yield fake.engine_row("torn", title=HOSTILE, status="failed", reason=HOSTILE)
        yield MeasurementRow("r1", HOSTILE, "counts", {}, {"texts": 1}, None, HOSTILE)

    summaries = summarise(rows())
    reader = read(page(summaries))
    assert "script" not in reader.tags
    text = "".join(reader.text)
    assert "<script>alert(1)</script>" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    tables = markdown(summaries)
    assert "<script" not in tables.replace("\\<", "")
    for line in tables.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_an_address_cannot_leave_its_attribute():
    row = fake.engine_row("limen")
    row = type(row)(
        **{**vars(row), "set_up": 'see https://a.example/"onclick="x javascript:alert(1)'}
    )
    html = page(summarise([fake.run_row(), row]))
    assert '<a href="https://a.example/" rel="noreferrer">' in html
    assert read(html).loads == ["data:,"]


def test_sections_without_data_are_left_out():
    html = page(summarise([fake.run_row(), fake.engine_row("limen")]))
    for absent in ("Under load", "Cold start</h3>", "Latency by length", "Beside another job"):
        assert absent not in html
    read(html)


@pytest.mark.parametrize("rows", [[], [MeasurementRow("r1", "x", "one", {}, {}, 0)]])
def test_a_run_without_baseline_or_figures_has_a_page(rows):
    summaries = summarise([fake.run_row(), *rows])
    read(page(summaries))
    assert "## minilm" in markdown(summaries)


@pytest.mark.parametrize(
    ("rounds", "says"), [(1, "<small>one round"), (2, ", range<"), (4, ", range<"), (5, None)]
)
def test_few_rounds_claim_no_interval(rounds, says):
    html = page(summarise(fake.small_run({"limen": 3.0, "rival": 9.0}, rounds)))
    assert (says is None) == ('class="figure ahead"' in html)
    assert says is None or says in html


def test_tables_have_as_many_cells_as_columns(runs):
    for line in re.findall(r"(?:^\|.*\n)+", markdown(runs), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in line.splitlines()}
        assert len(widths) == 1


@pytest.fixture
def report(tmp_path):
    """Return (words) -> exit status, with results.jsonl in the folder."""
    results = ResultsFile(tmp_path / "results.jsonl")
    for row in fake.small_run({"limen": 3.0, "rival": 9.0}):
        results.write(row)
    results.close()

    def run(*words):
        parser = argparse.ArgumentParser()
        bench_report.add_arguments(parser)
        paths = [word if word.startswith("-") else str(tmp_path / word) for word in words]
        return bench_report.run(parser.parse_args(paths))

    return run


def test_the_command_writes_page_and_tables(report, tmp_path):
    assert report("results.jsonl", "-o", "page.html", "--markdown", "tables.md") == 0
    read((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "| rival (fp32) |" in (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["results.jsonl"], InputError, "nowhere to write"),
        (["results.jsonl", "-o", "results.jsonl"], InputError, "given twice"),
        (["results.jsonl", "-o", "x.md", "--markdown", "x.md"], InputError, "given twice"),
        (["results.jsonl", "-o", "none/page.html"], OutputError, "no such folder"),
        (["none.jsonl", "-o", "page.html"], InputError, "cannot be read"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(words, error, message, report, tmp_path):
    with pytest.raises(error, match=message):
        report(*words)
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_complaint_or_sideways_scrolling(html, width, tmp_path):
    # A frame of the width, because windows may not become as narrow as a phone; srcdoc, because a
    # frame from another file could not be asked for its size.
    look = (
        "const page = this.contentDocument.documentElement;"
        "page.querySelectorAll('details').forEach(each => each.open = true);"
        "const drawings = page.querySelectorAll('svg').length;"
        "document.title = `${page.scrollWidth} ${page.clientWidth} ${drawings}`"
    )
    wrapper = (
        '<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<iframe style="width: {width}px; height: 800px; border: 0" srcdoc="{escape(html)}" '
        f'onload="{look}"></iframe>'
    )
    file = tmp_path / "wrapper.html"
    file.write_text(wrapper, encoding="utf-8")
    flags = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"]
    flags += ["disable-background-networking", "disable-component-update", "disable-sync"]
    flags += [f"user-data-dir={tmp_path / 'profile'}", "enable-logging=stderr"]
    flags += ["hide-scrollbars", "dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *(f"--{flag}" for flag in flags), file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    scroll, client, drawings = re.search(r"<title>(\d+) (\d+) (\d+)</title>", done.stdout).groups()
    assert scroll == client == str(width)
    assert int(drawings) >= 16


def test_the_picture_is_an_svg_file_that_loads_nothing(runs):
    drawn = picture(runs)
    root = ElementTree.fromstring(drawn)  # noqa: S314  (drawn by us)
    assert root.tag.endswith("svg")
    links = [value for part in root.iter() for key, value in part.attrib.items() if "href" in key]
    assert [link for link in links if not link.startswith("#")] == []
    for run in runs:
        assert str(run.row.model["name"]) in drawn.decode()
    assert drawn == picture(runs)


def test_hostile_names_stay_writing_in_the_picture():
    rows = fake.small_run({"limen": 3.0, "rival": 9.0})
    named = [replace(row, title=HOSTILE) if isinstance(row, EngineRow) else row for row in rows]
    root = ElementTree.fromstring(picture(summarise(named)))  # noqa: S314
    assert not [part for part in root.iter() if part.tag.endswith("script")]


def test_the_readmes_table_has_a_row_for_every_engine(runs):
    written = table_markdown(readme_table(runs))
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(runs[0].engines)
    assert "missing" in written
    assert "failed" in written


def test_a_title_is_taken_from_a_run_that_has_the_engine():
    first = [*fake.small_run({"limen": 3.0}, run="r1")]
    second = [*fake.small_run({"limen": 3.0, "openvino": 2.0}, run="r2")]
    written = table_markdown(readme_table(summarise([*first, *second])))
    assert "| OpenVINO int8 (NNCF) |" in written


def summary_for_a_terminal(rounds=5):
    run, *rows = fake.small_run({"limen": 3.0, "rival": 9.0}, rounds)
    (summary,) = summarise([replace(run, texts={**run.texts, "mean_tokens": 21.4}), *rows])
    return summary


@pytest.mark.parametrize("rounds", [1, 4, 5])
def test_the_picture_and_the_terminal_claim_no_interval_of_few_rounds(rounds):
    summary = summary_for_a_terminal(rounds)
    text = as_text(summary)
    assert ("95 % interval" in text) == (rounds >= 5)
    assert ("range" in text) == (rounds < 5)
    figure = json.loads(as_json(summary))["engines"]["rival"]["measures"]["one"]["p50_ms"]
    assert ("interval" in figure["ratio"]) == (rounds >= 5)
    lines = picture([summary]).count(b"stroke: #222222; stroke-linecap: square")
    assert (lines > 1) == (rounds >= 5)  # the line at 1 is always there


def test_the_terminal_says_which_libraries_an_engine_ran_with():
    text = as_text(summary_for_a_terminal())
    assert text.partition("Set up")[2].count("    onnxruntime 1.31.1") == 2


def test_the_picture_says_when_and_on_what_it_was_measured(runs):
    drawn = picture(runs).decode()
    assert f"2025-11-03: {fake.MACHINE['cpu']}, cores used: 2" in drawn


def test_what_disturbed_a_run_and_who_served_are_told():
    rows = [*fake.small_run({"limen": 3.0})]
    for number in range(5):
        shares = {"foreign_share": 0.25, "steal_share": 0.125}
        rows.append(MeasurementRow("r1", "limen", "disturbance", shares, {}, number))
        yard = {"int8_all_cores_gmacs": 300.0}
        rows.append(MeasurementRow("r1", "machine", "yardstick", yard, {}, number))
    load = {"p50_ms": 3.0, "servers": 2}
    rows.append(MeasurementRow("r1", "limen", "load", load, {"rate": 10}))
    rows.append(MeasurementRow("r1", "limen", "load_limit", {"limit_ms": 50}, {"servers": 2}))
    rows.append(MeasurementRow("r1", "limen", "agreement", {"batch_logit_difference": 0.0123}))
    tables = markdown(summarise(rows))
    assert "What else ran on the machine" in tables
    assert re.search(r"\| limen \| 25\.0 %.* \| 12\.5 %", tables)
    assert "int8 on all cores, GMAC/s" in tables
    assert "alone against in a batch, largest logit difference" in tables
    assert len(re.findall(r"\| engine \| request threads \|.*\n.*\n\| limen \| 2 \|", tables)) == 2
    assert "request threads" not in markdown(summarise(fake.full_run()))
