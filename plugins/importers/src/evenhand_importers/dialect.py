"""Which encoding and which delimiter: decided from the bytes, without I/O."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet (XLSX, ODS)",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file (XLS)",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a compressed file (gzip)",
    b"SQLite format 3": "a database",
}
_SEPARATOR_LINE = re.compile(r"^sep=(.)\r?\n?$", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a file is to be read.

    Attributes:
        skip_lines: lines before the header that are no part of the table ("sep=;").
    """

    encoding: str
    delimiter: str
    skip_space: bool = False
    skip_lines: int = 0

    def describe(self) -> str:
        """For people: "UTF-8, comma"."""
        encoding = {"utf-8-sig": "UTF-8 with BOM", "cp1252": "Windows-1252"}.get(self.encoding, self.encoding.upper())
        return f"{encoding}, {DELIMITERS.get(self.delimiter, repr(self.delimiter))}"


def binary_kind(head: bytes) -> str | None:
    """What the file is when it is no text; None for text."""
    for mark, kind in _BINARY.items():
        if head.startswith(mark):
            return kind
    if any(head.startswith(mark) for mark, _ in _MARKS) or wide_encoding(head) is not None:
        return None
    controls = sum(head.count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32)))
    return "a binary file" if controls > len(head) // 100 else None


def wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of text in Latin script is zero."""
    pairs = len(data) // 2
    if pairs < 2:
        return None
    even, odd = data[0 : pairs * 2 : 2].count(0), data[1 : pairs * 2 : 2].count(0)
    if odd > pairs * 0.3 and even == 0:
        return "utf-16-le"
    if even > pairs * 0.3 and odd == 0:
        return "utf-16-be"
    return None


def _chinese(data: bytes) -> bool:
    """Whether it is GB18030: nearly all foreign characters are of GB2312, the everyday set."""
    try:
        text = codecs.getincrementaldecoder("gb18030")("strict").decode(data)
    except UnicodeDecodeError:
        return False
    foreign = [character for character in text if ord(character) > 127]
    everyday = sum(1 for character in foreign if _in_gb2312(character))
    return bool(foreign) and everyday >= 0.9 * len(foreign)


def _traditional_chinese(data: bytes) -> bool:
    """Whether it is Big5: most foreign characters are of its first level, the everyday set."""
    try:
        text = codecs.getincrementaldecoder("big5")("strict").decode(data)
    except UnicodeDecodeError:
        return False
    foreign = [character for character in text if ord(character) > 127]
    everyday = sum(1 for character in foreign if 0xA1 <= character.encode("big5")[0] <= 0xC6)
    return bool(foreign) and everyday >= 0.7 * len(foreign)


def _in_gb2312(character: str) -> bool:
    try:
        return len(character.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def detect_encoding(data: bytes, *, whole: bool) -> str:
    """The encoding of a text: by its mark, UTF-8 when it decodes, then GB18030, then the likeliest other one.

    Args:
        data: the file's bytes, or the first part of them.
        whole: whether `data` is all of it.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    wide = wide_encoding(data[:4096])
    if wide is not None:
        return wide
    if data.isascii():
        return "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(data, final=whole)
    foreign = [character for character in text if ord(character) > 127]
    broken = sum(1 for character in foreign if 0xDC80 <= ord(character) <= 0xDCFF)
    if broken * 4 <= len(foreign):
        return "utf-8"
    if _chinese(data):
        return "gb18030"
    if _traditional_chinese(data):
        return "big5"
    if not _western(data):
        best = from_bytes(data[:200_000], cp_exclusion=["utf_8", "gb18030", "cp1252", "latin_1"]).best()
        if best is not None and best.encoding in _OTHERS:
            return best.encoding
    return "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", data) else "latin-1"


_OTHERS = frozenset({"shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "cp1251", "koi8_r"})
"""Encodings of which the letters come in rows; what the detector says is believed for these only."""


def _western(data: bytes) -> bool:
    """Whether foreign bytes mostly stand alone among ASCII ones, as accented letters do."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data[:200_000])]
    return sum(1 for run in runs if run == 1) >= len(runs) / 2


def _records(sample: str, delimiter: str, *, skip_space: bool) -> list[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=skip_space)
    try:
        return [record for record in reader if any(cell.strip() for cell in record)]
    except csv.Error:
        return []


def _score(records: Sequence[Sequence[str]]) -> tuple[float, int]:
    """How evenly the records are cut (the share with the header's number of cells), and into how many cells."""
    if not records or len(records[0]) < 2:
        return (0.0, 1)
    width = len(records[0])
    widths = Counter(len(record) for record in records)
    return (widths[width] / len(records), width)


def detect_delimiter(sample: str) -> tuple[str, bool]:
    """The delimiter that cuts all records into as many cells as the header, and whether blanks follow it.

    One column, or no delimiter that cuts evenly: the comma.
    """
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        score = _score(_records(sample, delimiter, skip_space=_blank_follows(sample, delimiter)))
        even, width = score
        if even > best_score[0] + 0.05 or (abs(even - best_score[0]) <= 0.05 and width > best_score[1]):
            best, best_score = delimiter, score
    return best, _blank_follows(sample, best)


def _blank_follows(sample: str, delimiter: str) -> bool:
    return delimiter + ' "' in sample


def separator_line(first_line: str) -> str | None:
    """The delimiter that a first line "sep=;" names (Excel writes it)."""
    match = _SEPARATOR_LINE.match(first_line)
    return match.group(1) if match else None
