"""Texts from .txt, .jsonl, .csv and .tsv files: every record, in order, as it stands."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import InputError
from limen.text_files import read_texts

BOM = b"\xef\xbb\xbf"
LINES = st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
TEXTS = st.lists(st.text(), min_size=1)
"""Without surrogates, as every text of a UTF-8 file is; with every line end inside."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write bytes to a file of that name and read its texts."""
    folder = tmp_path_factory.mktemp("texts")

    def read(name, data, *column):
        (folder / name).write_bytes(data)
        return list(read_texts(folder / name, *column))

    return read


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@given(lines=LINES)
def test_txt_has_a_text_a_line(written, mark, end, lines):
    data = "".join(line + end for line in lines)
    expected = [
        line.removeprefix("\ufeff") if not index else line for index, line in enumerate(lines)
    ]
    assert written("x.txt", mark + data.encode()) == (lines if mark else expected)


def test_txt_keeps_empty_lines_and_needs_no_line_end_at_the_end(written):
    assert written("x.txt", b"a\n\n  b \n\nlast") == ["a", "", "  b ", "", "last"]
    assert written("x.txt", b"") == []
    assert written("x.TXT", "a\x0bb\x0cc\x85d\u2028e\n".encode()) == ["a\x0bb\x0cc\x85d\u2028e"]


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "BOM"])
@given(texts=TEXTS)
def test_jsonl_has_an_object_or_a_string_a_line(written, mark, texts):
    lines = [json.dumps({"id": 1, "text": text} if len(text) % 2 else text) for text in texts]
    assert written("x.jsonl", mark + "\n".join(lines).encode()) == texts
    plain = [json.dumps({"본문": text}, ensure_ascii=False) for text in texts]
    assert written("x.jsonl", mark + "\r\n\r\n".join(plain).encode(), "본문") == texts


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@given(texts=TEXTS)
def test_csv_has_a_column_of_texts_with_line_ends_and_quotes_inside(written, mark, end, texts):
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "text", "label"])
    writer.writerows([index, text, "x"] for index, text in enumerate(texts))
    assert written("x.csv", mark + made.getvalue().encode()) == texts


def test_csv_takes_the_named_column(written):
    data = '이름,"본문, ganz"\n1,"가\n나"\n2,\n'.encode()
    assert written("x.csv", data, "본문, ganz") == ["가\n나", ""]


def test_tsv_is_read_as_csv_with_tabs(written):
    data = '이름\ttext\n1,a\t"가\n나\t""다"""\n2\tplain, with a comma\n'.encode()
    assert written("x.tsv", data) == ['가\n나\t"다"', "plain, with a comma"]
    assert written("x.TSV", data, "이름") == ["1,a", "2"]


def test_csv_cell_of_any_length(written):
    assert written("x.csv", b"text\n" + b"x" * 200_000) == ["x" * 200_000]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.jsonl", b'{"text": "a"}\n{"text": 1}\n', "line 2: no text under 'text'"),
        ("x.jsonl", b'{"text": "a"}\n\n{"body": "b"}\n', "line 3: no text under 'text'.*--column"),
        ("x.jsonl", b"[1]", "line 1: no text"),
        ("x.jsonl", b"null", "line 1: no text"),
        ("x.jsonl", b'{"text": "a"}\n{"text": "priv', "line 2: not JSON"),
        ("x.jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("x.csv", b"id,body\n1,private\n", "no column 'text' among its 2 columns"),
        ("x.csv", b"", "no column 'text' among its 0 columns"),
        ("x.csv", b"id,text\n1,a\n2\n", "line 3: too few columns"),
        ("x.tsv", b"id,text\n1,private\n", "no column 'text' among its 1 column;"),
        ("x.txt", "이 글".encode("utf-16"), "not UTF-8 near byte 0; convert it first"),
        ("x.csv", "text\n이 글".encode("cp949"), "not UTF-8 near byte 5"),
        ("x.txt", b"line\n" * 40_000 + b"\xff\n", "not UTF-8 near byte 200,000"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_never_quoted(written, name, data, message):
    with pytest.raises(InputError, match=rf"{name}.*{message}") as caught:
        written(name, data)
    assert "priv" not in str(caught.value)


def test_records_before_a_wrong_one_are_given(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'"first"\n"second"\n{}\n')
    texts = read_texts(tmp_path / "x.jsonl")
    assert [next(texts), next(texts)] == ["first", "second"]
    with pytest.raises(InputError, match="line 3"):
        next(texts)


@pytest.mark.parametrize("name", ["x.doc", "x", "x.json", "txt"])
def test_other_suffixes_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"a\n")
    with pytest.raises(InputError, match=r"expected a file ending in \.txt, \.jsonl, \.csv"):
        list(read_texts(tmp_path / name))


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: cannot be read \(No such file"):
        list(read_texts(tmp_path / "none.txt"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder\.csv: cannot be read"):
        list(read_texts(tmp_path / "folder.csv"))
