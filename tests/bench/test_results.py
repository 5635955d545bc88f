"""Result files: what is written fits the schema, and what is no result is refused by its line."""

import json
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path
from runpy import run_path

import jsonschema
import pytest
from limen.errors import InputError, OutputError
from limen_bench.results import EngineRow, MeasurementRow, ResultsFile, RunRow, read_results

full_run = run_path(str(Path(__file__).with_name("fake_results.py")))["full_run"]
RUN = {
    **{"type": "run", "schema": 1, "run": "r1", "date": "2025-11-03", "baseline": "limen"},
    **{"machine": {}, "versions": {}, "model": {"name": "m"}, "texts": {"name": "t"}},
    "settings": {},
}
ENGINE = {
    **{"type": "engine", "run": "r1", "engine": "limen", "title": "limen"},
    **{"precision": "int8", "status": "measured"},
}
MEASUREMENT = {
    **{"type": "measurement", "run": "r1", "engine": "limen", "measure": "one"},
    "values": {"p50_ms": 2.5},
}


def schema():
    text = files("limen_bench").joinpath("results.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@pytest.fixture
def written(tmp_path):
    """Return bytes or rows -> the path of a file with them."""

    def write(*lines):
        path = tmp_path / "results.jsonl"
        joined = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"".join(line + b"\n" for line in joined))
        return path

    return write


def test_rows_that_are_written_fit_the_schema_and_are_read_back(tmp_path):
    rows = [*full_run()]
    results = ResultsFile(tmp_path / "results.jsonl")
    for row in rows:
        results.write(row)
    results.close()
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    check = validator()
    for line in lines:
        check.validate(json.loads(line))
    assert read_results([tmp_path / "results.jsonl"]) == rows


@pytest.mark.parametrize("row", [RUN, ENGINE, MEASUREMENT], ids=lambda row: row["type"])
def test_required_fields_are_those_without_which_a_row_is_refused(row, written):
    check = validator()
    check.validate(row)
    assert len(read_results([written(row)])) == 1
    needed = set(schema()["$defs"][row["type"]]["required"]) - {"type", "schema"}
    assert needed == {*row} - {"type", "schema"}
    for name in needed:
        less = {key: value for key, value in row.items() if key != name}
        assert not check.is_valid(less), name
        with pytest.raises(InputError, match=f"line 1: a field is missing .*{name}"):
            read_results([written(less)])


@pytest.mark.parametrize(
    ("name", "kind"), [("run", RunRow), ("engine", EngineRow), ("measurement", MeasurementRow)]
)
def test_the_schema_has_the_fields_of_the_rows(name, kind):
    assert schema()["$defs"][name]["properties"].keys() == {field.name for field in fields(kind)}


HOSTILE = {
    "not JSON": b"{'type': 'run'}",
    "not UTF-8": b'{"type": "run", "run": "\xff"}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "null": b"null",
    "unknown type": {"type": "surprise"},
    "type is a list": {"type": ["run"]},
    "no type": {"run": "r1"},
    "other schema": {**RUN, "schema": 2},
    "schema is a word": {**RUN, "schema": "one"},
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "deep settings": {**RUN, "settings": json.loads('{"a":' * 40 + "1" + "}" * 40)},
    "name is a number": {**RUN, "run": 7},
    "machine is a list": {**RUN, "machine": ["x"]},
    "versions hold numbers": {**RUN, "versions": {"numpy": 2}},
    "status unknown": {**ENGINE, "status": "splendid"},
    "status a list": {**ENGINE, "status": ["measured"]},
    "reason a map": {**ENGINE, "reason": {}},
    "values a list": {**MEASUREMENT, "values": [1]},
    "a value is text": {**MEASUREMENT, "values": {"p50_ms": "2.5"}},
    "a value is a truth": {**MEASUREMENT, "values": {"p50_ms": True}},
    "a value is NaN": {**MEASUREMENT, "values": {"p50_ms": float("nan")}},
    "a value is infinite": json.dumps(MEASUREMENT).encode().replace(b"2.5", b"1e999"),
    "a value is no float": {**MEASUREMENT, "values": {"p50_ms": 10**400}},
    "at holds text": {**MEASUREMENT, "at": {"texts": "many"}},
    "round is a fraction": {**MEASUREMENT, "round": 0.5},
    "round is a truth": {**MEASUREMENT, "round": True},
    "note is a number": {**MEASUREMENT, "note": 1},
    "half a character": json.dumps({**ENGINE, "title": "\ud800"}).encode(),
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_lines_are_refused_by_number(line, written):
    with pytest.raises(InputError, match=r"results\.jsonl, line 2: ") as refused:
        read_results([written(RUN, line, MEASUREMENT)])
    assert len(str(refused.value)) < 500


def test_fields_of_a_later_limen_are_passed_over(written):
    (row,) = read_results([written({**MEASUREMENT, "later": [1]})])
    assert {**asdict(row), "later": [1]}.items() >= MEASUREMENT.items()


@pytest.mark.parametrize("cut", [1, 40, -4])
def test_a_last_line_that_was_cut_off_is_passed_over(cut, written):
    path = written(RUN, MEASUREMENT)
    last = json.dumps({**MEASUREMENT, "note": "감정"}, ensure_ascii=False).encode()
    path.write_bytes(path.read_bytes() + last[:cut])
    assert [row.type for row in read_results([path])] == ["run", "measurement"]


def test_a_last_line_cut_inside_a_character_is_passed_over(written):
    path = written(RUN)
    path.write_bytes(path.read_bytes() + '{"note": "감'.encode()[:-1])
    assert len(read_results([path])) == 1


@pytest.mark.parametrize("content", [b"", b"\n \n", b"# a README"])
def test_a_file_without_rows_is_refused(content, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"empty|not JSON"):
        read_results([path])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_results([tmp_path / "none.jsonl"])


def rows_added(path, *rows):
    results = ResultsFile(path)
    for row in rows:
        results.write(row)
    results.close()


OTHERS = {
    "one-line JSON": b'{"a": 1}',
    "JSON lines": b'{"text": "a"}\n{"text": "b"}\n',
    "a row without its run": json.dumps(ENGINE).encode() + b"\n",
    "another schema": json.dumps({**RUN, "schema": 2}).encode() + b"\n",
    "half a run": json.dumps(RUN).encode()[:-3],
    "a README": b"# a README",
    "a list": b"[1]\n",
    "not UTF-8": b'{"\xff": 1}\n',
    "blank": b"\n \n",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS.keys())
def test_another_file_is_never_added_to(content, tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"mine\.json: holds something else .* with -o"):
        ResultsFile(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("before", [b"", None])
def test_rows_are_added_to_a_file_that_is_empty_or_absent(before, tmp_path):
    path = tmp_path / "results.jsonl"
    if before is not None:
        path.write_bytes(before)
    rows_added(path, *(run := [*full_run()]))
    assert read_results([path]) == run


@pytest.mark.parametrize("cut", [1, 40, -1, -4])
def test_only_a_line_that_was_cut_off_is_taken_away(cut, written):
    path = written(b"", RUN, MEASUREMENT)  # a blank line at the head is passed over
    whole = path.read_bytes()
    last = json.dumps({**MEASUREMENT, "note": "감정"}, ensure_ascii=False).encode()
    path.write_bytes(whole + last[:cut])
    rows_added(path, EngineRow("r1", "limen", "limen", "int8", "measured"))
    assert path.read_bytes().startswith(whole + b'{"chosen"')
    assert [row.type for row in read_results([path])] == ["run", "measurement", "engine"]


@pytest.mark.parametrize("lines", [[RUN], [RUN, MEASUREMENT]], ids=["one", "two"])
def test_a_whole_last_line_is_kept_and_ended(lines, written):
    path = written(*lines)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    rows_added(path)
    assert path.read_bytes() == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk here")
def test_a_full_disk_is_told_once(tmp_path):
    row = MeasurementRow("r1", "limen", "one", {"p50_ms": 1.0})
    results = ResultsFile(tmp_path / "results.jsonl")
    results.close()
    results._lines = Path("/dev/full").open("w")  # noqa: SIM115  (closed by what is tested)
    with pytest.raises(OutputError, match="No space left"):
        results.write(row)
    results.close()  # its error is on its way already
    results = ResultsFile(tmp_path / "others.jsonl")
    results.close()
    results._lines = Path("/dev/full").open("w")  # noqa: SIM115  (closed by what is tested)
    results._lines.write("kept in memory")
    with pytest.raises(OutputError, match="No space left"):
        results.close()
