"""From cells to drafts: read, look up, convert, check; each distinct cell of a column once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.imports.mapping import Column
from evenhand.actions.imports.naming import derive, fold, natural_key
from evenhand.actions.imports.references import Stages
from evenhand.actions.imports.report import RowProblem
from evenhand.actions.imports.targets import ADDRESS, CHANNELS, CUSTOM, KEY, targets_of
from evenhand.actions.preparation import DAY_ORDERS
from evenhand.actions.values import BadValue, clean
from evenhand.entities.enums import CustomFieldType
from evenhand.entities.registry import Entity
from evenhand.plugins.importing import Amount, BadCell, ReadCell, SourceRow, ValueKind

CACHED_CELLS = 50_000


@dataclass(frozen=True)
class Later:
    """A reference to a record of the same file, which may not be there yet."""

    text: str


@dataclass(frozen=True)
class Draft:
    """One row, ready to be written.

    Attributes:
        key: its external id.
        has_id: whether the file states the key as an id; else it was made from other fields.
        given: what the file says, by column; written over a known record.
        derived: what was made up; for new records only.
        children: child lists by their keys.
        later: column to what it refers to in the same file.
    """

    row: SourceRow
    key: str
    has_id: bool
    given: dict[str, Any]
    derived: dict[str, Any] = field(default_factory=dict)
    children: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)


Lookup = Callable[[str], Any]
"""From a cell to an id, or `Later`; raises `BadCell`."""


@dataclass(frozen=True)
class Settings:
    """What all rows of a file share.

    Attributes:
        values: field to folded text to the text that replaces it.
        lookups: reference field to the way to find it.
        stages: of an opportunity; its stage is looked up in its pipeline.
        custom: type of each custom field by key.
    """

    kind: Entity
    columns: Sequence[Column]
    readers: Mapping[str, ReadCell]
    lookups: Mapping[str, Lookup]
    stages: Stages | None
    missing: frozenset[str]
    values: Mapping[str, Mapping[str, str]]
    defaults: Mapping[str, str]
    custom: Mapping[str, CustomFieldType]
    locale: str
    currency: str
    zone: ZoneInfo


class _Cell:
    """Reads the cells of one column for one field."""

    def __init__(self, column: Column, settings: Settings) -> None:
        self.header = column.header
        self.index = column.index
        self.target = column.target
        self._factor = column.factor
        self._settings = settings
        self._replace = settings.values.get(column.target.name, {})
        self._known: dict[str, Any] = {}

    def text(self, raw: str) -> str | None:
        """The cell without blanks around, replaced as the user wants; None when it says nothing."""
        text = raw.strip()
        if not text:
            return None
        if self._replace:
            text = self._replace.get(fold(text), text)
        return None if text.lower() in self._settings.missing else text

    def value(self, text: str) -> Any:
        """The value of a cell; raises `BadCell` or `BadValue`."""
        known = self._known.get(text, self)
        if known is self:
            try:
                known = self._read(text)
            except (BadCell, BadValue) as bad:
                known = bad
            if len(self._known) >= CACHED_CELLS:
                self._known.clear()
            self._known[text] = known
        if isinstance(known, (BadCell, BadValue)):
            raise known
        return known

    def _read(self, text: str) -> Any:
        target, settings = self.target, self._settings
        if target.field.kind is ValueKind.REFERENCE:
            return settings.lookups[target.name](text)
        value = settings.readers[target.name](text)
        if self._factor is not None:
            value = _multiplied(value, self._factor)
        if isinstance(value, datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=settings.zone)
        if target.name.startswith(CUSTOM):
            return _custom_value(value)
        if target.convert is None:
            return value
        if isinstance(value, Amount):
            return Amount(target.convert(value.value), value.currencies)
        return target.convert(value)


def _multiplied(value: Any, factor: Decimal) -> Any:
    if isinstance(value, Amount):
        return Amount(value.value * factor, value.currencies)
    if isinstance(value, int):
        product = value * factor
        return int(product) if product == product.to_integral_value() else product
    return value * factor


def _custom_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


class RowReader:
    """Turns the rows of one file into drafts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kind = settings.kind
        self._cells = [_Cell(column, settings) for column in settings.columns if column.target.name != "stage"]
        # A stage is looked up in the row's pipeline, so it is read last.
        stage = next((column for column in settings.columns if column.target.name == "stage"), None)
        self._stage = _Cell(stage, settings) if stage is not None and settings.stages is not None else None
        self._stages: dict[tuple[str, UUID | None], UUID | BadCell] = {}
        self._by_column = {column.target.column: column for column in settings.columns}
        self._template, _ = clean(self._kind.model, {}, allowed=self._kind.writable, filled=self._kind.filled)
        self._fresh = [name for name, value in self._template.items() if isinstance(value, (list, dict))]
        self._required = sorted(self._kind.writable - self._template.keys())
        self._defaults = self._read_defaults()

    def _read_defaults(self) -> dict[str, Any]:
        targets = targets_of(self._kind)
        return {
            targets[name].column or name: _Cell(Column(name, -1, targets[name]), self._settings).value(text)
            for name, text in self._settings.defaults.items()
        }

    def new_values(self, draft: Draft) -> dict[str, Any]:
        """All columns of a new record, as `check_draft` would return them."""
        values = {**self._template, **draft.derived, **draft.given}
        for name in self._fresh:
            if name not in draft.given:
                values[name] = type(self._template[name])()
        values.update(draft.children)
        return values

    def read(self, row: SourceRow) -> Draft | list[RowProblem]:
        """The draft of one row, or all that is wrong with it."""
        texts: dict[str, str] = {}
        parts: dict[str, Any] = {}
        problems: list[RowProblem] = []
        for cell in self._cells:
            text = cell.text(row.cells[cell.index])
            if text is None:
                continue
            texts[cell.target.name] = text
            try:
                parts[cell.target.name] = cell.value(text)
            except (BadCell, BadValue) as bad:
                problems.append(_problem(row, cell.header, row.cells[cell.index], bad))
        self._read_stage(row, texts, parts, problems)
        if problems:
            return problems
        return self._draft(row, texts, parts)

    def _read_stage(
        self, row: SourceRow, texts: dict[str, str], parts: dict[str, Any], problems: list[RowProblem]
    ) -> None:
        if self._stage is None:
            return
        text = self._stage.text(row.cells[self._stage.index])
        if text is None:
            return
        texts["stage"] = text
        found = self._find_stage(text, parts.get("pipeline"))
        if isinstance(found, BadCell):
            problems.append(_problem(row, self._stage.header, row.cells[self._stage.index], found))
        else:
            parts["stage"] = found

    def _find_stage(self, text: str, pipeline_id: UUID | None) -> UUID | BadCell:
        found = self._stages.get((text, pipeline_id))
        if found is None and self._settings.stages is not None:
            try:
                found = self._settings.stages.find(text, pipeline_id)
            except BadCell as bad:
                found = bad
            self._stages[(text, pipeline_id)] = found
        if found is None:
            raise RuntimeError("stages were not loaded")
        return found

    def _draft(self, row: SourceRow, texts: Mapping[str, str], parts: dict[str, Any]) -> Draft | list[RowProblem]:
        made = derive(self._kind, texts, self._settings.locale)
        derived: dict[str, Any] = {**self._defaults, **made}
        given: dict[str, Any] = {}
        later: dict[str, str] = {}
        problems: list[RowProblem] = []
        for cell in self._cells:
            name = cell.target.name
            if name not in parts:
                continue
            value = parts[name]
            column = cell.target.column
            if isinstance(value, Amount):
                problem = self._settle_currency(row, cell, value, parts, given, derived)
                if problem is not None:
                    problems.append(problem)
                parts[name] = value = value.value
            if isinstance(value, Later) and column is not None:
                later[column] = value.text
            elif column is not None:
                given[column] = value
            elif name.startswith(CUSTOM):
                given.setdefault("custom", {})[name.removeprefix(CUSTOM)] = value
        if "stage" in parts:
            given["stage_id"] = parts["stage"]
        self._settle_close(given, derived)
        address = address_of(parts) if self._kind.name == "Account" else None
        if address:
            given["addresses"] = [address]
        problems += self._check_made(row, made)
        problems += self._check(row, given, derived)
        has_id = KEY in texts
        key = texts.get(KEY) or natural_key(self._kind, {**made, **texts})
        if key is None:
            problems.append(_whole(row, "NO_KEY", "the row has nothing to tell it by.", "Fill in its name or id."))
        if problems or key is None:
            return problems
        return Draft(row, key, has_id, given, derived, self._children(parts), later)

    def _settle_close(self, given: dict[str, Any], derived: dict[str, Any]) -> None:
        """The close date of an open deal is when it is expected to close."""
        stages = self._settings.stages
        if stages is None or "closed_on" not in given or given.get("stage_id") in stages.closed:
            return
        closed_on = given.pop("closed_on")
        (given if "stage_id" in given else derived).setdefault("expected_close", closed_on)

    def _settle_currency(
        self,
        row: SourceRow,
        cell: _Cell,
        amount: Amount,
        parts: Mapping[str, Any],
        given: dict[str, Any],
        derived: dict[str, Any],
    ) -> RowProblem | None:
        """Say which currency an amount is in: its column's, the sign's, the file's, the tenant's."""
        column = cell.target.currency
        if column is None:
            return None
        stated = parts.get(column)
        likely = stated or derived.get(column) or self._settings.currency
        if not amount.currencies or likely in amount.currencies:
            derived.setdefault(column, likely)
            return None
        if stated is not None:
            raw = row.cells[cell.index]
            message = f"{raw!r} is not in {stated}, which the row names as its currency."
            bad = BadCell("CURRENCY_CONFLICT", message, "Correct the amount or the currency.")
            return _problem(row, cell.header, raw, bad)
        given[column] = amount.currencies[0]
        return None

    def _check_made(self, row: SourceRow, made: Mapping[str, str]) -> list[RowProblem]:
        """What was put together from good cells can still be too long."""
        problems: list[RowProblem] = []
        for name, text in made.items():
            check = targets_of(self._kind)[name].convert
            try:
                if check is not None:
                    check(text)
            except BadValue as bad:
                about = BadCell(bad.code, f"{name}, made from other columns, {bad.message}", bad.hint)
                problems.append(_problem(row, "", text, about))
        return problems

    def _check(self, row: SourceRow, given: Mapping[str, Any], derived: Mapping[str, Any]) -> list[RowProblem]:
        problems: list[RowProblem] = []
        for start, end in DAY_ORDERS:
            first, last = given.get(start), given.get(end)
            if first is not None and last is not None and last < first:
                column = self._by_column[end]
                bad = BadCell("ENDS_BEFORE_START", f"{last} is before {start} {first}.", "Correct one of the two days.")
                problems.append(_problem(row, column.header, row.cells[column.index], bad))
        for name in self._required:
            if name not in given and name not in derived:
                mapped = self._by_column.get(name)
                bad = BadCell("REQUIRED", f"{name} must not be empty.", "Give a value.")
                problems.append(_problem(row, mapped.header if mapped else "", "", bad))
        return problems

    def _children(self, parts: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The child lists that parts of the row make up."""
        if self._kind.name == "Contact":
            channels: dict[tuple[str, str], dict[str, Any]] = {}
            for name, (kind, label) in CHANNELS.items():
                if name in parts:
                    first = not any(channel["kind"] is kind for channel in channels.values())
                    channel = {"kind": kind, "value": parts[name], "label": label, "is_primary": first}
                    channels.setdefault((kind.value, parts[name]), channel)
            return {"channels": list(channels.values())} if channels else {}
        if self._kind.name == "Opportunity" and "product" in parts:
            line = {
                "product_id": parts["product"],
                "quantity": parts.get("quantity", Decimal("1.000")),
                "unit_price": parts.get("unit_price"),
            }
            return {"lines": [line]}
        return {}


def address_of(parts: Mapping[str, Any]) -> dict[str, str]:
    """The one address that a row of an account states; empty without one."""
    names = {"address": "street", "city": "city", "postal_code": "postal_code"}
    return {names[part]: parts[part] for part in ADDRESS if part in parts}


def _problem(row: SourceRow, header: str, raw: str, bad: BadCell | BadValue) -> RowProblem:
    return RowProblem(row.line, header, raw, bad.code, f"{header}: {bad.message}" if header else bad.message, bad.hint)


def _whole(row: SourceRow, code: str, message: str, hint: str) -> RowProblem:
    return RowProblem(row.line, "", "", code, message, hint)
