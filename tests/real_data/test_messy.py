"""Files that break naive readers."""

from __future__ import annotations

import json

import pytest

from evenhand.api import SourceRow
from evenhand_importers.service import CsvImporter

from .conftest import need

SPECTRUM = (
    "comma_in_quotes",
    "escaped_quotes",
    "json",
    "newlines",
    "newlines_crlf",
    "quotes_and_newlines",
    "simple",
    "simple_crlf",
    "utf8",
)


@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_spectrum(name: str) -> None:
    folder = need("messy/csv-spectrum")
    table = CsvImporter().open(folder / "csvs" / f"{name}.csv")
    wanted = json.loads((folder / "json" / f"{name}.json").read_text(encoding="utf-8"))
    rows = list(table.rows())
    assert all(isinstance(row, SourceRow) for row in rows)
    assert [dict(zip(table.headers, row.cells, strict=True)) for row in rows] == wanted


@pytest.mark.parametrize(
    ("name", "description", "headers", "rows"),
    [
        ("messytables_horror/utf-16le_encoded.csv", "UTF-16, comma", "Organisation_code", 327),
        ("messytables_horror/characters.csv", "BIG5, comma", "景點中文名稱", 382),
        ("messytables_horror/simple.psv", "UTF-8, pipe", "New dwellings", 28),
        ("messytables_horror/simple.ssv", "UTF-8, semicolon", "temperature", 6),
        ("messytables_horror/example.tsv", "UTF-8, tab", "hour", 140),
        ("messytables_horror/sparse_with_column_errors.csv", "Windows-1252, comma", "Kapitel/Titel", 2200),
        ("tabulator/special/latin1.csv", "Windows-1252, comma", "name", 2),
        ("tabulator/special/bom.csv", "UTF-8 with BOM, comma", "id", 2),
        ("tabulator/special/accent.csv", "UTF-8, semicolon", "n_amenageur", 2),
    ],
)
def test_dialects_are_found(name: str, description: str, headers: str, rows: int) -> None:
    table = CsvImporter().open(need("messy") / name)
    assert table.description == description
    assert headers in table.headers
    assert len(list(table.rows())) == rows
