"""Files of every usual dialect give the same cells; broken ones say what is wrong and where."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.api import BadRow, SourceRow, UnreadableFile
from evenhand_importers.service import CsvImporter

IMPORTER = CsvImporter()
HAN = "张王李赵上海北京公司客户销售电话邮箱行业科技贸易有限责任重点跟进"
LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def write(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cells(path: Path, **options: str) -> list[tuple[str, ...]]:
    table = IMPORTER.open(path, **options)
    rows = list(table.rows())
    assert all(isinstance(row, SourceRow) for row in rows), rows
    return [tuple(table.headers), *(tuple(row.cells) for row in rows)]


def words(alphabet: str, extra: str) -> st.SearchStrategy[str]:
    inner = st.text(alphabet=alphabet + extra, min_size=0, max_size=12)
    return st.builds(lambda first, rest: first + rest, st.sampled_from(alphabet), inner)


def tables(alphabet: str, extra: str) -> st.SearchStrategy[list[list[str]]]:
    header = st.lists(words(alphabet, ""), min_size=2, max_size=6, unique=True)
    return header.flatmap(
        lambda names: st.lists(
            st.lists(words(alphabet, extra), min_size=len(names), max_size=len(names)), min_size=1, max_size=12
        ).map(lambda rows: [names, *rows])
    )


def as_csv(table: list[list[str]], delimiter: str, newline: str, quoting: int) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    return stream.getvalue()


DIALECTS = (
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)


def same_cells(table: list[list[str]], text: str, encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), text.encode(encoding))
        assert cells(path) == [tuple(row) for row in table]


@settings(max_examples=60)
@given(tables(HAN + LATIN, ' \n"'), *DIALECTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
def test_chinese_tables_survive(
    table: list[list[str]], delimiter: str, newline: str, quoting: int, encoding: str
) -> None:
    same_cells(table, as_csv(table, delimiter, newline, quoting), encoding)


@settings(max_examples=60)
@given(tables(LATIN, ' \n"'), *DIALECTS, st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-le"]))
def test_latin_tables_survive(
    table: list[list[str]], delimiter: str, newline: str, quoting: int, encoding: str
) -> None:
    same_cells(table, as_csv(table, delimiter, newline, quoting), encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16"])
def test_accents_survive(tmp_path: Path, encoding: str) -> None:
    text = "name;city\nJürgen Müller;Köln\nJosé Peña;Málaga\nÉlodie Lefèvre;Besançon\n"
    assert cells(write(tmp_path, text.encode(encoding)))[3] == ("Élodie Lefèvre", "Besançon")


def test_traditional_chinese_in_big5(tmp_path: Path) -> None:
    text = "公司名稱,聯絡人\n臺北科技有限公司,陳小明\n高雄貿易行,林美華\n"
    assert cells(write(tmp_path, text.encode("big5")))[1] == ("臺北科技有限公司", "陳小明")


def test_foreign_letters_may_come_late(tmp_path: Path) -> None:
    plain = "name,city\n" + "Anna,Bonn\n" * 250_000
    path = write(tmp_path, plain.encode() + "张三,上海\n".encode("gb18030") * 3)
    assert cells(path)[-1] == ("张三", "上海")


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\r\n1,"two\nlines"\r\n\r\n3,4\r\n')
    rows = list(IMPORTER.open(path).rows())
    assert [(row.line, list(row.cells)) for row in rows] == [(2, ["1", "two\nlines"]), (5, ["3", "4"])]


def test_a_semicolon_file_with_decimal_commas(tmp_path: Path) -> None:
    assert cells(write(tmp_path, "name;price\na;1,5\nb;2,5\n"))[1] == ("a", "1,5")


def test_excels_separator_line(tmp_path: Path) -> None:
    table = IMPORTER.open(write(tmp_path, "sep=;\na;b\n1;2\n"))
    assert tuple(table.headers) == ("a", "b")
    assert [row.line for row in table.rows()] == [3]


def test_blanks_before_quotes(tmp_path: Path) -> None:
    assert cells(write(tmp_path, 'a, b\n1, "x, y"\n'))[1] == ("1", "x, y")


def test_headers_are_made_unique_and_named(tmp_path: Path) -> None:
    assert tuple(IMPORTER.open(write(tmp_path, "Name,Name,,\n1,2,3,4\n")).headers) == (
        "Name",
        "Name (2)",
        "column 3",
        "column 4",
    )


def test_short_rows_are_filled_and_long_ones_reported(tmp_path: Path) -> None:
    rows = list(IMPORTER.open(write(tmp_path, "a,b\n1\n1,2,\n1,2,3\n4,5\n")).rows())
    assert isinstance(rows[0], SourceRow)
    assert list(rows[0].cells) == ["1", ""]
    assert isinstance(rows[1], SourceRow)
    assert isinstance(rows[2], BadRow)
    assert (rows[2].line, rows[2].code) == (4, "TOO_MANY_CELLS")
    assert isinstance(rows[3], SourceRow)


def test_an_unclosed_quote_costs_one_line_only(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n1,"open\n2,x\n3,y\n')
    rows = list(IMPORTER.open(path).rows())
    assert isinstance(rows[0], BadRow)
    assert (rows[0].line, rows[0].code) == (2, "BAD_QUOTES")
    assert [(row.line, list(row.cells)) for row in rows[1:]] == [(3, ["2", "x"]), (4, ["3", "y"])]


def test_one_line_of_another_encoding_is_reported(tmp_path: Path) -> None:
    lines = ["name,city", *["张三,上海"] * 20]
    path = write(tmp_path, "\n".join(lines).encode() + b"\nM\xfcller,K\xf6ln\nAnna,Bonn\n")
    rows = list(IMPORTER.open(path).rows())
    assert isinstance(rows[20], BadRow)
    assert (rows[20].line, rows[20].code, rows[20].cells[0]) == (22, "BAD_ENCODING", "Müller")
    assert isinstance(rows[21], SourceRow)


def refusal(path: Path, **options: str) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        IMPORTER.open(path, **options)
    assert caught.value.hint
    return caught.value


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.csv").message
    assert IMPORTER.sniff(tmp_path / "none.csv") == 0


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path).message


@pytest.mark.parametrize("content", [b"", b"\n\n  \r\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    assert "empty" in refusal(write(tmp_path, content)).message


def test_binary_files_are_named(tmp_path: Path) -> None:
    assert "spreadsheet" in refusal(write(tmp_path, b"PK\x03\x04" + bytes(100))).message
    noise = write(tmp_path, bytes(range(256)) * 20)
    assert "binary" in refusal(noise).message
    assert IMPORTER.sniff(noise) == 0


def test_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, "名称,电话\n上海,1\n".encode("gb18030"))
    assert cells(path)[0] == ("名称", "电话")
    assert "line 1" in refusal(path, encoding="ascii").message
    assert "no known encoding" in refusal(path, encoding="klingon").message


def test_a_given_delimiter_is_used(tmp_path: Path) -> None:
    path = write(tmp_path, "a~b\n1~2\n")
    assert cells(path)[0] == ("a~b",)
    assert cells(path, delimiter="~")[0] == ("a", "b")
    assert cells(write(tmp_path, "a;b\n1;2\n"), delimiter="semicolon")[0] == ("a", "b")
    assert "cannot be a delimiter" in refusal(path, delimiter="ab").message
