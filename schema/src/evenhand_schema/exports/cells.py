"""Values as cells of a CSV file. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_FORMULA = re.compile(r"[\s\x00]*[=+\-@＝＋－＠]|[\t\r\n]")
_PHONE = re.compile(r"[+-]?[0-9][0-9 ()./]*(-[0-9 ()./]+)*")
BOM = "\ufeff"
"""Tells spreadsheets that the file is in UTF-8; without it they show Chinese as noise."""


def cell(value: Any) -> str:
    """A value as one cell.

    A text with which a spreadsheet would begin a formula (= + - @, also wide ones, or a tab or line break) gets an
    apostrophe in front. Numbers and phone numbers such as +86 138-1234-5678 stay as they are: without letters they
    can call nothing.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case int() | float():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
    text = str(value).replace("\x00", "")
    if _FORMULA.match(text) and not _PHONE.fullmatch(text):
        return f"'{text}"
    return text


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV (RFC 4180) in UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")
