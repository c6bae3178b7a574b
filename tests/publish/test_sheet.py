"""Every byte of a platform's file stays but those of the cells that are changed."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import UsageError
from autograder.publish.sheet import Sheet


def read(folder: Path, data: bytes) -> Sheet:
    path = folder / "grades.csv"
    path.write_bytes(data)
    return Sheet.read(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a,b\n1,2\n", b"a,b\n1,9\n"),
        (b'"a","b"\r\n"1","2"', b'"a","b"\r\n"1","9"'),
        (b"\xef\xbb\xbfa;b\r\n1;\r\n", b"\xef\xbb\xbfa;b\r\n1;9\r\n"),
        (b"a,b\r1,2\r", b"a,b\r1,9\r"),
        (b'"Lovelace, ""Ada"""\tb\n \t2\n', b'"Lovelace, ""Ada"""\tb\n \t9\n'),
        (b"M\xfcller,b\nn\xe9e,2\n\n", b"M\xfcller,b\nn\xe9e,9\n\n"),
        ("\ufeffa\tb\r\n1\t2\r\n".encode("utf-16-le"), "\ufeffa\tb\r\n1\t9\r\n".encode("utf-16-le")),
        ("\ufeffa\tb\r\n1\t2".encode("utf-16-be"), "\ufeffa\tb\r\n1\t9".encode("utf-16-be")),
        (b'a,b\n"one\r\ntwo",\n', b'a,b\n"one\r\ntwo",9\n'),
    ],
)
def test_one_cell_is_changed_and_nothing_else(tmp_path: Path, before: bytes, after: bytes) -> None:
    sheet = read(tmp_path, before)
    assert sheet.data() == before
    sheet.write(1, 1, "9")
    assert sheet.data() == after


def test_a_line_is_left_out_with_its_end(tmp_path: Path) -> None:
    assert read(tmp_path, b"a\r\n1\r\n2\n3").data([2]) == b"a\r\n1\r\n3"


def test_a_text_that_needs_quotes_has_them(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"a,b\n1,\n")
    sheet.write(1, 1, '8,5 "x"')
    assert sheet.data() == b'a,b\n1,"8,5 ""x"""\n'


values = st.text(st.characters(codec="utf-8", exclude_characters=""), max_size=8)


@given(st.lists(st.lists(values, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_cells_hold_what_pythons_own_reader_finds(rows: list[list[str]], separator: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator).writerows([["first", "second", "third", "fourth"], *rows])
    data = file.getvalue().encode()
    with tempfile.TemporaryDirectory() as folder:
        sheet = read(Path(folder), data)
    assert sheet.data() == data
    assert [sheet.values(line) for line in range(1, len(sheet.lines))] == rows


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b'a,b\n"x,2\n', r"line 2 .*a quotation mark is never closed"),
        (b'a,b\n"x"",2\n', r"line 2 .*a quotation mark is never closed"),
        (b"\xff\xfea\0b", "cut off or damaged"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, data)


def test_a_line_that_is_too_short_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 2 of .*has fewer cells"):
        read(tmp_path, b"a,b\n1\n").write(1, 1, "9")
    with pytest.raises(UsageError, match="cannot be read"):
        Sheet.read(tmp_path / "nowhere.csv")
