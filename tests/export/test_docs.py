"""Every command and code block of the documentation runs.

Shell blocks run in a folder that holds what the text speaks of (`my-checkpoint`, `emotion.onnx`,
...). Some lines are checked another way: `make` targets run this very suite, so a dry run; for
`pip install` of the project its extras must exist (`make` and the light path install it for real);
`limen demo` runs whole in test_demo.py, `--via optimum` in test_optimum.py; `limen bench` with all
rivals would take an hour, so its options are read; what needs the hub is left out; and an export or
build that stands in several places runs once.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen.corpus import sentences

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NEEDS_HUB = ("klue/roberta-base",)
NEEDS_OPTIMUM = "--via"  # test_optimum.py
ONNX, STATIC = (
    SimpleNamespace(**run_path(str(Path(__file__).with_name(name))))
    for name in ("onnx_folders.py", "static_folders.py")
)


def blocks(language):
    found = []
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(content):
            if match.group(1) == language:
                line = content[: match.start()].count("\n") + 1
                found.append(pytest.param(match.group(2), id=f"{page.name}:{line}"))
    return found


def lines(block):
    whole = block.replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in whole.splitlines() if line.strip()]


@pytest.fixture(scope="session")
def reader_folder(tmp_path_factory, make_checkpoint, teach_languages):
    """A folder as the README's reader has it, with a checkpoint whose int8 decides alike."""
    folder = tmp_path_factory.mktemp("docs")
    labels = {"id2label": {0: "joy", 1: "anger"}, "problem_type": "multi_label_classification"}
    make_checkpoint(folder / "my-checkpoint", **labels)
    teach_languages(folder / "my-checkpoint")
    ONNX.written_by_torch(folder / "my-checkpoint", folder / "my-onnx", ONNX.PORTS)
    STATIC.made(folder / "my-static")
    (folder / "thresholds.json").write_text('{"joy": 0.4, "anger": 0.3}', encoding="utf-8")
    texts = [row.text for language in ("en", "ko") for row in sentences(language, "train")]
    (folder / "texts.txt").write_text("\n".join(texts[::10]) + "\n", encoding="utf-8")
    for name, split in (("labelled", "train"), ("held-out", "test")):
        rows = [row for row in sentences("en", split) if {"joy", "anger"} & {*row.labels}]
        told = ({"text": row.text, "labels": [*{"joy", "anger"} & {*row.labels}]} for row in rows)
        content = "".join(json.dumps(row) + "\n" for row in told)
        (folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
    table = exported(("export", "my-checkpoint", "-o", "emotion.onnx"), folder)
    assert "why: int8 is the first rung that passes" in table
    limen(["bench", "emotion.onnx", "--quick", "--rounds", "1", "--measures", "one,bulk"], folder)
    return folder


@cache
def exported(words, folder):
    """Run an export, or a build, once."""
    return limen(words, folder)


def limen(words, folder):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "limen", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_has_a_language_that_is_run():
    found = {match.group(1) for page in PAGES for match in BLOCK.finditer(page.read_text("utf-8"))}
    assert found <= {"bash", "python", "json", "text"}


@pytest.mark.parametrize("block", blocks("python"))
def test_python_block(block, reader_folder):
    command = [sys.executable, "-W", "error", "-c", block]
    done = subprocess.run(command, cwd=reader_folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("bash"))
def test_shell_block(block, reader_folder):
    for line in lines(block):
        words = shlex.split(line)
        if words[0] == "make":
            check_make(words[1:])
        elif words[:2] == ["pip", "install"]:
            check_install(words[2:])
        elif words[0] == "limen" and any(name in words for name in (*NEEDS_HUB, NEEDS_OPTIMUM)):
            continue
        elif words[:2] == ["limen", "bench"] and "all" in words:
            check_bench(words[2:])
        elif words[:2] == ["limen", "demo"]:
            check_demo(words[1:])
        elif words[0] == "limen":
            run = exported if words[1] in ("export", "build") else limen
            run(tuple(words[1:]), reader_folder)
        else:
            assert words[0] == "python", f"no rule for: {line}"
            done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True)
            assert done.returncode == 0, done.stderr


def check_make(words):
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_install(words):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for word in words:
        if word.startswith("."):
            extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
            assert extras, word
            assert set((extras.group(1) or "").split(",")) - {""} <= set(
                project["optional-dependencies"]
            )
        elif not word.startswith("-"):
            assert word in (ROOT / "Makefile").read_text("utf-8"), (
                f"{word} is not what make installs"
            )


def check_demo(words):
    """The demo's own test runs it whole; here its options must exist."""
    assert limen(["demo", "--help"], ROOT)
    assert set(words[1:]) == set()


def check_bench(words):
    from limen_bench.commands.bench_arguments import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    asked = parser.parse_args(words)
    environments = {python.partition("=")[0] for python in asked.python}
    assert environments == {file.stem for file in (ROOT / "bench/environments").glob("*.txt")}
