"""The command `limen`, run as a user runs it: in a process of its own."""

import json
import os
from importlib.util import find_spec

import limen
import pytest
from limen.command_line import EXIT_INTERRUPTED, main


@pytest.fixture
def limen_command(fresh):
    """Run `python -m limen`; gives (exit status, stdout, stderr) as text."""

    def run(*arguments, stdin=b"", **environment):
        done = fresh("-m", "limen", *arguments, stdin=stdin, **environment)
        return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")

    return run


def assert_one_line_of_error(result, *parts):
    status, output, errors = result
    assert status == 2
    assert output == ""
    assert errors.endswith("\n")
    assert len(errors.splitlines()) == 1, errors
    assert "Traceback" not in errors
    for part in parts:
        assert part in errors


def test_predict_texts(limen_command, path, multilabel):
    texts = ["happy bright", "오늘 행복해요!", "day " * 30]
    status, output, errors = limen_command("predict", path, *texts)
    assert (status, errors) == (0, "")
    assert output.splitlines() == [str(multilabel(text)) for text in texts]
    assert output.splitlines()[2].endswith("[truncated]")


def test_predict_json_is_one_object_a_line(limen_command, path, multilabel):
    texts = ["angry mad", "the day is"]
    status, output, _ = limen_command("predict", path, *texts, "--json")
    assert status == 0
    assert [json.loads(line) for line in output.splitlines()] == [
        multilabel(text).to_dict() for text in texts
    ]
    assert "슬픔" in output


def test_predict_at_another_point(limen_command, path, multilabel):
    text = "happy mad wow tears 화"
    _, output, _ = limen_command("predict", path, text, "--at", "half", "--json")
    assert json.loads(output) == multilabel.at("half")(text).to_dict()


def test_options_may_stand_between_the_file_and_its_texts(limen_command, path, multilabel):
    status, output, errors = limen_command("predict", path, "--at", "half", "day", "wow", "--json")
    assert (status, errors) == (0, "")
    expected = [multilabel.at("half")(text).to_dict() for text in ("day", "wow")]
    assert [json.loads(line) for line in output.splitlines()] == expected


def test_predict_standard_input(limen_command, path, multilabel):
    lines = ["happy bright", "", "오늘 행복해요!", "no line end"]
    for end in ("\n", "\r\n"):
        status, output, _ = limen_command("predict", path, "-", stdin=end.join(lines).encode())
        assert status == 0
        assert output.splitlines() == [str(multilabel(line)) for line in lines]


def test_predict_standard_input_with_a_byte_order_mark(limen_command, path, multilabel):
    status, output, _ = limen_command("predict", path, "-", stdin=b"\xef\xbb\xbfhappy bright\n")
    assert status == 0
    assert output.splitlines() == [str(multilabel("happy bright"))]


def test_predict_standard_input_as_a_file(limen_command, path, multilabel):
    status, output, errors = limen_command("predict", path, "--input", "-", stdin=b"day\nwow mad\n")
    assert (status, errors) == (0, "")
    assert output.splitlines() == [str(multilabel("day")), str(multilabel("wow mad"))]


def test_predict_nothing_from_standard_input(limen_command, path):
    assert limen_command("predict", path, "-") == (0, "", "")


def test_standard_input_that_is_not_utf_8(limen_command, path):
    result = limen_command("predict", path, "-", stdin="오늘".encode("euc-kr"))
    assert_one_line_of_error(result, "standard input is not UTF-8", "convert it")


def test_predict_a_file(limen_command, path, multilabel, tmp_path):
    texts = ["happy bright", "angry,\nmad", "오늘 행복해요!"]
    rows = "\r\n".join(["n,text", "1,happy bright", '2,"angry,\nmad"', "3,오늘 행복해요!"])
    (tmp_path / "texts.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    tabs = "\r\n".join(["n\ttext", "1\thappy bright", '2\t"angry,\nmad"', "3\t오늘 행복해요!"])
    (tmp_path / "texts.tsv").write_bytes(tabs.encode())
    lines = "\n".join(json.dumps({"text": text}) for text in texts)
    (tmp_path / "texts.jsonl").write_text("\ufeff" + lines, encoding="utf-8")
    for name in ("texts.csv", "texts.tsv", "texts.jsonl"):
        status, output, errors = limen_command("predict", path, "--input", tmp_path / name)
        assert (status, errors) == (0, "")
        assert output.splitlines() == [str(multilabel(text)) for text in texts]


def test_predict_another_column(limen_command, path, multilabel, tmp_path):
    (tmp_path / "texts.csv").write_text("본문,text\nhappy bright,angry\n", encoding="utf-8")
    _, output, _ = limen_command(
        "predict", path, "--input", tmp_path / "texts.csv", "--column", "본문"
    )
    assert output.splitlines() == [str(multilabel("happy bright"))]


def test_output_is_utf_8_where_the_terminals_encoding_is_another(limen_command, path):
    """As on Windows, where a pipe's encoding is the ANSI code page."""
    status, output, errors = limen_command(
        "predict", path, "슬프고 눈물", "--json", PYTHONIOENCODING="cp1252"
    )
    assert (status, errors) == (0, "")
    assert json.loads(output)["labels"] == ["슬픔"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["predict", "none.onnx", "day"], ["limen predict:", "none.onnx", "nothing there"]),
        (["predict", "FILE"], ["no text; give TEXT, - for standard input, or --input FILE"]),
        (["predict", "FILE", "day", "--input", "x.txt"], ["TEXT and --input together"]),
        (["predict", "FILE", "--input", "none.txt"], ["none.txt", "cannot be read"]),
        (["predict", "FILE", "--input", "texts.doc"], ["texts.doc", ".txt, .jsonl, .csv, .tsv"]),
        (["predict", "FILE", "day", "--at", "argmax"], ["'argmax' is not in this file", "half"]),
        (["predict", "FILE", "day", "--threads", "0"], ["threads=0; expected 1 or more"]),
        (["predict", __file__, "day"], ["test_command_line.py: not an ONNX file"]),
        (["inspect", "none.onnx"], ["limen inspect:", "none.onnx", "nothing there"]),
        (["inspect", __file__], ["test_command_line.py: not an ONNX file"]),
        (["guess", "FILE"], ["no command 'guess'; there are: predict, inspect"]),
    ],
)
def test_errors_are_one_line(limen_command, path, arguments, parts):
    given = [path if word == "FILE" else word for word in arguments]
    assert_one_line_of_error(limen_command(*given), *parts)


@pytest.mark.skipif(os.name == "nt", reason="arguments are always Unicode on Windows")
def test_an_argument_that_is_no_unicode_is_not_quoted(limen_command, path):
    result = limen_command("predict", path, "private \udcff")
    assert_one_line_of_error(result, "text 0 (9 characters)", "surrogate")
    assert "private" not in result[2]


def test_debug_shows_the_traceback(limen_command):
    status, output, errors = limen_command("predict", "none.onnx", "day", "--debug")
    assert (status, output) == (2, "")
    assert errors.startswith("Traceback")
    assert "limen.errors.InputError" in errors.splitlines()[-1]


def test_wrong_usage_is_told_without_a_traceback(limen_command, path):
    for arguments in (["predict"], ["predict", path, "--threads", "many", "day"], ["inspect"]):
        status, output, errors = limen_command(*arguments)
        assert (status, output) == (2, "")
        assert f"limen {arguments[0]}: error: " in errors
        assert "Traceback" not in errors


def test_no_arguments_show_the_commands(limen_command):
    status, output, errors = limen_command()
    assert (status, errors) == (2, "")
    assert "usage: limen COMMAND" in output
    assert all(name in output for name in ("predict", "inspect", "export"))
    assert limen_command("--help") == (0, output, "")


def test_version(limen_command):
    assert limen_command("--version") == (0, f"limen {limen.__version__}\n", "")


def test_a_text_after_two_dashes_is_a_text(limen_command, path, multilabel):
    status, output, _ = limen_command("predict", path, "--", "--debug", "-5 day")
    assert status == 0
    assert output.splitlines() == [str(multilabel("--debug")), str(multilabel("-5 day"))]


@pytest.mark.skipif(os.name == "nt", reason="no SIGPIPE and no head on Windows")
@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "FILE", "happy", "sad"],
        ["predict", "FILE", "--input", "MANY"],
        ["inspect", "FILE"],
        ["inspect", "FILE", "--json"],
        ["--help"],
        ["--version"],
        ["predict", "--help"],
    ],
)
def test_a_closed_pipe_is_no_error(fresh, path, tmp_path, arguments):
    """As `| head -1` leaves it, with less and with more output than a buffer holds."""
    (tmp_path / "many.txt").write_text("happy bright\n" * 5_000)
    places = {"FILE": path, "MANY": tmp_path / "many.txt"}
    reader, writer = os.pipe()
    os.close(reader)
    done = fresh("-m", "limen", *(places.get(word, word) for word in arguments), stdout=writer)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (0, 141)


@pytest.mark.skipif(os.name == "nt", reason="no /dev/full")
def test_output_that_cannot_be_written_is_an_error(fresh, path):
    with open("/dev/full", "wb") as full:
        done = fresh("-m", "limen", "predict", path, "happy", stdout=full)
    assert done.returncode != 0
    assert b"No space left" in done.stderr


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_a_missing_extra_is_told_with_the_command_that_brings_it(limen_command):
    result = limen_command("export", "some/model", "-o", "x.onnx")
    assert_one_line_of_error(result, "limen export:", "torch", 'pip install "limen[export]"')


@pytest.mark.parametrize("name", ["train", "build", "demo"])
def test_a_missing_extra_is_the_whole_one_that_the_command_needs(monkeypatch, capsys, name):
    """Not the one of the package that the command stands in, which would be half of it."""
    monkeypatch.setattr("limen.extras.find_spec", lambda module: None)
    assert main([name, "--help"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(f"limen {name}: limen[train] needs torch, ")
    assert "accelerate, imblearn" in line
    assert line.endswith('run: pip install "limen[train]"')


@pytest.mark.parametrize("name", ["evaluate", "tune"])
def test_help_needs_no_extra(fresh, name):
    absent = "sys.modules.update(dict.fromkeys(('sklearn', 'scipy', 'matplotlib')))"
    start = (
        f"import sys; {absent}; from limen.command_line import main; sys.exit(main(sys.argv[1:]))"
    )
    done = fresh("-c", start, name, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"usage: limen {name}".encode() in done.stdout
    done = fresh("-c", start, name, "x.onnx", "--data", "x.jsonl")
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) == 1


def test_an_interrupt_that_a_library_wrapped_is_an_interrupt(monkeypatch, capsys):
    """Ctrl-C while torch is imported arrives as ModuleNotFoundError."""

    def interrupted(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ModuleNotFoundError("could not import 'PreTrainedModel'") from error

    monkeypatch.setattr("limen.command_line._run", interrupted)
    assert main(["inspect", "x.onnx"]) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "limen inspect: interrupted\n"
    with pytest.raises(ModuleNotFoundError):
        main(["inspect", "x.onnx", "--debug"])


def test_a_defect_is_no_interrupt(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("limen.command_line._run", broken)
    with pytest.raises(ZeroDivisionError):
        main(["inspect", "x.onnx"])
