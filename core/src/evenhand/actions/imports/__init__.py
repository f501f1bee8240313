"""Bring records in from files."""

from evenhand.actions.imports.errors import BadMapping, MissingColumns, NoImporter
from evenhand.actions.imports.report import ImportReport, RowProblem
from evenhand.actions.imports.run import ImportOptions, import_file

__all__ = ["BadMapping", "ImportOptions", "ImportReport", "MissingColumns", "NoImporter", "RowProblem", "import_file"]
