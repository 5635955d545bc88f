"""`limen tune`, as a user runs it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.commands.tune import CALIBRATIONS, split_points
from limen.evaluation.calibrating import KINDS
from limen.format import read
from threadpoolctl import threadpool_limits

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LABELS = ('joy, "bright"', "anger/disgust", "슬픔", "🙂 surprise")
GROUPS = (("happy", "bright"), ("angry", "mad"), ("슬프", "눈물"), ("wow", "sudden"))
SECRET = "private-7f3a9"  # noqa: S105  (no password)
QUICK = ("--calibration", "temperature")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of BLAS wait for each other by spinning: on a busy machine that takes minutes."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two classifier files and their labelled texts, to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("multilabel", "multiclass"):
        content = (GOLDEN / f"tiny_{name}.onnx").read_bytes()
        (tmp_path / f"{name}.onnx").write_bytes(content)
    json_lines("own.jsonl", rows())
    json_lines("one.jsonl", [(text, one_of(places)) for text, places in rows()])
    return tmp_path


@pytest.fixture
def tune(folder, capsys):
    """Run it in this process; gives (exit status, stdout, stderr)."""

    def run(*words):
        status = main(["tune", *map(str, words)])
        return status, *capsys.readouterr()

    return run


def rows(count=60, seed=1):
    """Texts with the labels whose words they hold, now and then others."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        places = np.flatnonzero(draw.random(4) < 0.4)
        words = [draw.choice(GROUPS[place]) for place in places]
        seen = [place for place in range(4) if (place in places) != (draw.random() < 0.1)]
        yield f"{' '.join(words)} day {number} {SECRET}", seen


def one_of(places):
    return ["positive", "negative", "sorrow"][min(places[0], 2)] if places else "sorrow"


def named(places):
    return [LABELS[place] for place in places]


def json_lines(name, labelled):
    lines = (json.dumps({"text": text, "labels": labels}) + "\n" for text, labels in labelled)
    Path(name).write_text("".join(lines), encoding="utf-8")


def table(name, header, lines):
    with Path(name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t" if name.endswith(".tsv") else ",")
        writer.writerows([header, *lines])


def assert_one_line_of_error(result, *parts):
    status, output, errors = result
    assert status == 2
    assert output == ""
    assert len(errors.splitlines()) == 1, errors
    assert errors.startswith("limen tune: ")
    assert SECRET not in errors
    for part in parts:
        assert part in errors


def as_json(result):
    status, output, errors = result
    assert (status, errors) == (0, "")
    assert len(output.splitlines()) == 1
    return json.loads(output)


def block_of(file):
    return read(Path(file)).metadata.decision.block


def test_what_was_done_is_told(tune):
    status, output, errors = tune("multilabel.onnx", "--data", "own.jsonl", "--points", "f1,half")
    assert (status, errors) == (0, "")
    block = block_of("multilabel.onnx")
    assert "60 texts (own.jsonl): fit 60" in output
    assert "judged out of fold" in output
    for word in ("macro_f1", "micro_f1", "calibration error", "f1 (default), half"):
        assert word in output
    assert f"in use: {block.name!r}; kept: 'export'" in output
    digest = read(Path("multilabel.onnx")).digest
    assert output.splitlines()[-1] == f"wrote multilabel.onnx  {digest[:19]}..."
    assert SECRET not in output


def test_every_calibration_can_be_asked_for():
    assert ("auto", *KINDS) == CALIBRATIONS


def test_json_is_one_object(tune):
    found = as_json(tune("multilabel.onnx", "--data", "own.jsonl", *QUICK, "--json"))
    file = read(Path("multilabel.onnx"))
    assert set(found) == {"block", "digest", "file", "kept", "notices", "record"}
    assert found["block"] == file.metadata.decision.block.to_json()
    assert found["digest"] == file.digest
    assert found["file"] == "multilabel.onnx"
    assert found["kept"] == ["export"]
    record = file.metadata.evidence.fit_of(found["block"]["name"])
    assert found["record"] == record.to_json()
    assert found["record"]["texts"] == 60
    assert found["block"]["calibration"]["kind"] == "temperature"


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("f1", ("f1",)),
        ("f1,half", ("f1", "half")),
        (" f1 , half ,", ("f1", "half")),
        ("cost(1,5),f1", ("cost(1,5)", "f1")),
        ("f1,cost(1, 5)", ("f1", "cost(1, 5)")),
        ("precision@0.9:conf0.95,cost(1,2),cost(2,1)", None),
        ("", ()),
        (",,", ()),
        ("cost(1,5", ("cost(1,5",)),
    ],
)
def test_points_are_split_outside_of_parentheses(text, points):
    if points is None:
        points = ("precision@0.9:conf0.95", "cost(1,2)", "cost(2,1)")
    assert split_points(text) == points


def test_points_asked_for_are_in_the_file(tune):
    points = "f1,cost(1, 5),recall@.5,coverage@0.7,micro_f1"
    words = ("--data", "own.jsonl", "--points", points, "--default", "cost(1,5)", *QUICK)
    found = as_json(tune("multilabel.onnx", *words, "--json"))
    names = {"f1", "cost(1,5)", "recall@0.50", "coverage@0.70", "micro_f1", "half"}
    assert set(found["block"]["points"]) == names
    assert found["block"]["default_point"] == "cost(1,5)"
    assert set(found["record"]["parts"]) == {"fit", "select", "certify"}
    model = limen.load("multilabel.onnx")
    assert all(model.at(name)("happy day").labels is not None for name in names)


def test_a_grid_is_searched(tune):
    words = ("--data", "own.jsonl", "--grid", "0.2:0.8:0.2", "--json")
    found = as_json(tune("multilabel.onnx", *words))
    assert set(found["block"]["points"]["f1"]["thresholds"]) <= {0.2, 0.4, 0.6, 0.8}


def test_every_way_to_write_labelled_texts_gives_the_same_block(tune):
    json_lines("names.jsonl", [(text, named(places)) for text, places in rows()])
    vectors = [[int(place in places) for place in range(4)] for _, places in rows()]
    json_lines("vectors.jsonl", zip((text for text, _ in rows()), vectors, strict=True))
    joined = [(text, ";".join(named(places))) for text, places in rows()]
    table("joined.csv", ("labels", "text"), [pair[::-1] for pair in joined])
    table("joined.tsv", ("text", "labels"), joined)
    one_hot = [(text, *row) for (text, _), row in zip(rows(), vectors, strict=True)]
    table("hot.csv", ("text", *LABELS), one_hot)
    short = {"a": LABELS[0], "b": LABELS[1], "c": LABELS[2], "d": LABELS[3]}
    Path("short.json").write_text(json.dumps(short), encoding="utf-8")
    table(
        "short.tsv",
        ("said", "felt"),
        [(text, ",".join("abcd"[place] for place in places)) for text, places in rows()],
    )
    ways = {
        "own.jsonl": (),
        "names.jsonl": (),
        "vectors.jsonl": (),
        "joined.csv": ("--separator", ";"),
        "joined.tsv": ("--separator", ";"),
        "hot.csv": (),
        "short.tsv": ("--names", "short.json", "--column", "said", "--labels", "felt"),
    }
    found = []
    for number, (name, more) in enumerate(ways.items()):
        words = ("--data", name, *more, *QUICK, "-o", f"{number}.onnx", "--json")
        done = as_json(tune("multilabel.onnx", *words))
        assert done["record"]["texts_name"] == name
        del done["block"]["name"]
        found.append(done["block"])
    assert found == [found[0]] * len(ways)


def test_a_path_is_not_told(tune, folder):
    """The name of the file alone gets into the classifier's file."""
    (folder / "hidden-folder").mkdir()
    os.replace("own.jsonl", folder / "hidden-folder" / "own.jsonl")
    done = as_json(
        tune("multilabel.onnx", "--data", folder / "hidden-folder/own.jsonl", *QUICK, "--json")
    )
    assert done["record"]["texts_name"] == "own.jsonl"
    assert b"hidden-folder" not in Path("multilabel.onnx").read_bytes()


def test_no_text_gets_anywhere(tune):
    _, output, errors = tune("multilabel.onnx", "--data", "own.jsonl", "--points", "f1,half")
    assert SECRET not in output + errors
    assert SECRET.encode() not in Path("multilabel.onnx").read_bytes()


def test_going_back_and_forth(tune):
    first = block_of("multilabel.onnx")
    tuned = as_json(tune("multilabel.onnx", "--data", "own.jsonl", *QUICK, "--json"))
    status, output, _ = tune("multilabel.onnx", "--back")
    assert status == 0
    assert block_of("multilabel.onnx") == first
    assert f"in use: 'export'; kept: {tuned['block']['name']!r}" in output
    found = as_json(tune("multilabel.onnx", "--back", "--block", tuned["block"]["name"], "--json"))
    assert found["block"] == tuned["block"]
    assert found["record"] == tuned["record"]
    other = as_json(
        tune("multilabel.onnx", "--back", "--block", "export", "-o", "other.onnx", "--json")
    )
    assert other["file"] == "other.onnx"
    assert other["record"] is None
    assert block_of("other.onnx") == first
    assert block_of("multilabel.onnx").to_json() == tuned["block"]


def test_going_back_further_than_the_last_block(tune):
    first = block_of("multilabel.onnx")
    for _ in range(2):
        as_json(tune("multilabel.onnx", "--data", "own.jsonl", *QUICK, "--json"))
    found = as_json(tune("multilabel.onnx", "--back", "--block", "export", "--json"))
    assert found["block"] == first.to_json()
    assert_one_line_of_error(
        tune("multilabel.onnx", "--back", "--block", "other"), "no block 'other'", "tune"
    )


def test_another_output_leaves_the_file_alone(tune):
    whole = Path("multilabel.onnx").read_bytes()
    status, output, _ = tune("multilabel.onnx", "--data", "own.jsonl", *QUICK, "-o", "new.onnx")
    assert status == 0
    assert "wrote new.onnx" in output
    assert Path("multilabel.onnx").read_bytes() == whole
    assert block_of("new.onnx") != block_of("multilabel.onnx")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ((), ("no labelled texts; give --data",)),
        (("--data", "none.jsonl"), ("none.jsonl", "No such file")),
        (("--data", "own.txt"), ("own.txt", ".jsonl")),
        (("--back",), ("keeps no replaced block",)),
        (("--back", "--data", "own.jsonl"), ("--back fits nothing",)),
        (("--block", "export"), ("--block goes with --back",)),
        (("--back", "--block", "export", "--points", "f1"), ("--back fits nothing",)),
        (("--data", "own.jsonl", "--points", "f2"), ("'f2' is not known", "precision@P")),
        (("--data", "own.jsonl", "--points", "cost(1"), ("'cost(1' is not known",)),
        (("--data", "own.jsonl", "--points", "argmax"), ("any number of labels; use half",)),
        (("--data", "own.jsonl", "--default", "best"), ("'best' is not known",)),
        (("--data", "own.jsonl", "--default", "coverage@0.999"), ("cannot be made", "999")),
        (("--data", "own.jsonl", "--grid", "0.1:0.9"), ("grid '0.1:0.9'",)),
        (("--data", "own.jsonl", "--grid", "1:0:0.1"), ("grid 1:0:0.1",)),
        (("--data", "own.jsonl", "--column", "said"), ("line 1", "'said'", "--column")),
        (("--data", "own.jsonl", "--labels", "felt"), ("line 1", "'felt'", "--labels")),
        (("--data", "own.jsonl", "--labels", "text"), ("--labels",)),
        (("--data", "own.jsonl", "-o", "none/new.onnx"), ("none", "no such folder")),
        (("--data", "own.jsonl", "-o", "."), ("a folder",)),
        (("--data", "own.jsonl", "--names", "none.json"), ("none.json",)),
    ],
)
def test_what_cannot_be_done_is_one_line(tune, folder, words, parts):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert_one_line_of_error(tune("multilabel.onnx", *words), *parts)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_another_file_is_refused_before_its_texts_are_read(tune):
    Path("other.onnx").write_bytes(b"something else")
    assert_one_line_of_error(tune("other.onnx", "--data", "own.jsonl"), "other.onnx")
    assert_one_line_of_error(tune("none.onnx", "--data", "own.jsonl"), "none.onnx")


def with_row(text, labels, at=30):
    found = list(rows())
    found[at] = (text, labels)
    json_lines("own.jsonl", found)


@pytest.mark.parametrize(
    ("labels", "part"), [(["fear"], "'fear'"), ([9], "9"), ([[0]], ""), (None, ""), (1.5, "")]
)
def test_a_label_that_is_none_is_told_by_its_line(tune, labels, part):
    with_row(f"day {SECRET}", labels)
    found = tune("multilabel.onnx", "--data", "own.jsonl")
    if labels is None:
        assert found[0] == 0
    else:
        assert_one_line_of_error(found, "own.jsonl", "line 31", part)


def test_a_text_where_a_label_belongs_is_not_quoted(tune):
    with_row("day", [f"a long text that stands in the wrong field of the data {SECRET} " * 3])
    assert_one_line_of_error(tune("multilabel.onnx", "--data", "own.jsonl"), "line 31")


def test_labels_that_no_text_or_every_text_has_are_told(tune):
    json_lines("own.jsonl", [(text, sorted({*places, 1} - {3})) for text, places in rows()])
    status, output, errors = tune("multilabel.onnx", "--data", "own.jsonl")
    assert (status, errors) == (0, "")
    assert "note: labels that no text has: '🙂 surprise' (1 of 4)" in output
    assert "note: labels that every text has: 'anger/disgust' (1 of 4)" in output


def test_one_class_alone_says_nothing(tune):
    json_lines("one.jsonl", [(text, "positive") for text, _ in rows()])
    found = tune("multiclass.onnx", "--data", "one.jsonl")
    assert_one_line_of_error(found, "all 60 texts have the same labels: 'positive'")


def test_one_label_rules_refuse_texts_with_several_or_none(tune):
    for labels in (["positive", "negative"], []):
        labelled = [(text, one_of(places)) for text, places in rows()]
        json_lines("one.jsonl", [*labelled[:40], ("day", labels), *labelled[40:]])
        found = tune("multiclass.onnx", "--data", "one.jsonl")
        assert_one_line_of_error(found, "text 40", "exactly one")


def test_one_label_a_text_is_tuned(tune):
    words = ("--data", "one.jsonl", "--points", "argmax,f1,coverage@0.8", "--json")
    found = as_json(tune("multiclass.onnx", *words))
    assert found["block"]["default_point"] == "argmax"
    assert found["block"]["points"]["coverage@0.80"]["sets"] is True
    assert 0 < dict(found["record"]["figures"])["accuracy at argmax"] <= 1


def test_repeats_with_unlike_labels_are_told(tune):
    found = list(rows())
    json_lines("own.jsonl", [*found, (found[4][0], [0, 1, 2, 3]), found[6]])
    status, output, _ = tune("multilabel.onnx", "--data", "own.jsonl")
    assert status == 0
    (note,) = (line for line in output.splitlines() if "unlike labels" in line)
    assert note.startswith("note: ")
    assert "5, 61" in note


def test_too_few_texts_are_refused(tune):
    json_lines("own.jsonl", list(rows(19)))
    found = tune("multilabel.onnx", "--data", "own.jsonl")
    assert_one_line_of_error(found, "19", "at least 20 are needed")


def test_a_promise_that_cannot_be_made_is_told(tune):
    words = ("--data", "own.jsonl", "--points", "f1,precision@0.9:conf0.99")
    status, output, _ = tune("multilabel.onnx", *words)
    assert status == 0
    assert "precision@0.90:conf0.99: not promised" in output
    assert [point.name for point in block_of("multilabel.onnx").points] == ["f1", "half"]


def process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_in_a_pipe_there_is_no_progress(folder):
    words = ("multilabel.onnx", "--data", "own.jsonl", "--json")
    done = process("-m", "limen", "tune", *words, *QUICK)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["record"]["texts"] == 60


def test_without_scikit_learn_the_command_says_what_to_install(folder):
    program = (
        "import sys; sys.modules['sklearn'] = None; from limen.command_line import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    whole = Path("multilabel.onnx").read_bytes()
    done = process("-c", program, "tune", "multilabel.onnx", "--data", "own.jsonl")
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("limen tune: ")
    assert 'pip install "limen[evaluate]"' in line
    assert Path("multilabel.onnx").read_bytes() == whole


def test_help_names_every_option(tune, capsys):
    with pytest.raises(SystemExit) as caught:
        tune("--help")
    assert caught.value.code == 0
    told = capsys.readouterr().out
    for option in (
        "--data",
        "--points",
        "--default",
        "--calibration",
        "--grid",
        "--back",
        "--block",
        "-o",
    ):
        assert option in told
