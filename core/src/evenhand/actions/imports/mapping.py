"""Which column fills which field: what the importer recognised, and what the user says over it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from rapidfuzz import process

from evenhand.actions.imports.errors import BadMapping, MissingColumns
from evenhand.actions.imports.naming import NAME_SOURCES
from evenhand.actions.imports.targets import CUSTOM, Target, targets_of
from evenhand.actions.values import clean
from evenhand.entities.registry import Entity
from evenhand.plugins.importing import ImportField, Recognition, ValueKind

IGNORED = frozenset({"_line", "_column", "_problem", "_hint"})
"""Columns of an error file that tell what is wrong; they are no data."""
_CUSTOM_KEY = re.compile(r"^[a-z][a-z0-9_]{0,63}$")


@dataclass(frozen=True)
class Column:
    """One column of the file and one field that it fills."""

    header: str
    index: int
    target: Target
    factor: Decimal | None = None


@dataclass(frozen=True)
class Unmapped:
    """A column that fills nothing, and fields whose usual headers look like its own."""

    header: str
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How the file is read.

    Attributes:
        spelled: header to what it fills, as a user would write it.
    """

    columns: tuple[Column, ...]
    unmapped: tuple[Unmapped, ...]
    spelled: Mapping[str, str]


def _target(kind: Entity, name: str) -> Target:
    targets = targets_of(kind)
    if name in targets:
        return targets[name]
    if name.startswith(CUSTOM):
        key = name.removeprefix(CUSTOM)
        if _CUSTOM_KEY.match(key):
            return Target(ImportField(name, ValueKind.TEXT))
        raise BadMapping(
            f"{key!r} cannot be the key of a custom field.",
            hint="Use small letters, digits and underscores, starting with a letter, e.g. custom.budget.",
        )
    without_id = name.removesuffix("_id")
    if without_id in targets:
        return targets[without_id]
    near = [str(found[0]) for found in process.extract(name, list(targets), limit=3, score_cutoff=60)]
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise BadMapping(
        f"{kind.name} has no field {name!r}.",
        hint=f"{meant}Fields: {', '.join(sorted(targets))}; or custom.key for a field of your own.",
    )


def parse_meaning(kind: Entity, text: str) -> list[tuple[Target, Decimal | None]]:
    """What a column fills: "name", "annual_revenue*1000000", "team,regions", "custom.budget"; "" fills nothing.

    Raises:
        BadMapping.
    """
    result: list[tuple[Target, Decimal | None]] = []
    for part in text.split(","):
        name, star, number = (piece.strip() for piece in part.partition("*"))
        if not name:
            continue
        factor = None
        target = _target(kind, name)
        if star:
            try:
                factor = Decimal(number)
            except InvalidOperation:
                raise BadMapping(f"{number!r} is no number to multiply by.", hint="Write field*1000.") from None
            if not factor.is_finite() or target.field.kind not in (
                ValueKind.MONEY,
                ValueKind.NUMBER,
                ValueKind.WHOLE,
            ):
                raise BadMapping(f"{name} cannot be multiplied by {number}.", hint="Only numbers have units.")
        result.append((target, factor))
    return result


def _wanted_header(headers: Sequence[str], wanted: str) -> str:
    for header in headers:
        if header == wanted or header.casefold() == wanted.strip().casefold():
            return header
    raise BadMapping(f"The file has no column {wanted!r}.", hint=f"Its columns: {', '.join(headers)}.")


def make_plan(kind: Entity, headers: Sequence[str], recognised: Recognition, wanted: Mapping[str, str]) -> Plan:
    """Put the user's mapping over what was recognised.

    Raises:
        BadMapping: an unknown header or field, or one field for two columns. MissingColumns.
    """
    meanings = dict(recognised.columns)
    taken = {header: _wanted_header(headers, header) for header in wanted}
    chosen = {taken[header]: meaning for header, meaning in wanted.items()}
    names = {target.name for meaning in chosen.values() for target, _ in parse_meaning(kind, meaning)}
    for header, meaning in list(meanings.items()):
        if header in chosen or any(target.name in names for target, _ in parse_meaning(kind, meaning)):
            del meanings[header]
    meanings |= chosen
    columns: list[Column] = []
    for index, header in enumerate(headers):
        if header in IGNORED:
            continue
        for target, factor in parse_meaning(kind, meanings.get(header, "")):
            rival = next((column.header for column in columns if column.target.name == target.name), None)
            if rival is not None:
                raise BadMapping(
                    f"Columns {rival!r} and {header!r} both fill {target.name}.",
                    hint=f'Leave one out: --map "{header}=".',
                )
            columns.append(Column(header, index, target, factor))
    used = {column.header for column in columns}
    unmapped = tuple(
        Unmapped(header, tuple(recognised.suggestions.get(header, ())))
        for header in headers
        if header not in used and header not in IGNORED
    )
    _require(kind, columns, headers, recognised)
    return Plan(tuple(columns), unmapped, {header: meanings[header] for header in headers if header in used})


def _require(kind: Entity, columns: Sequence[Column], headers: Sequence[str], recognised: Recognition) -> None:
    """Raise unless every field that a record cannot be without is mapped or can be derived."""
    mapped = {column.target.name for column in columns} | set(recognised.defaults)
    _, problems = clean(kind.model, {}, allowed=kind.writable, filled=kind.filled)
    missing = []
    for problem in problems:
        name = problem.field.removesuffix("_id") if problem.field.endswith("_id") else problem.field
        sources = NAME_SOURCES.get((kind.name, name), ())
        if name not in mapped and not mapped.intersection(sources):
            missing.append((name, sources))
    if not missing:
        return
    name, sources = missing[0]
    alternatives = f" (or {', '.join(sources)}, from which it is made)" if sources else ""
    delimiter = " If that is more than one, give the delimiter: --delimiter." if len(headers) == 1 else ""
    raise MissingColumns(
        f"{kind.name} needs {' and '.join(each for each, _ in missing)}{alternatives}, and no column means it.",
        hint=f'Say which: --map "Header={name}". The file has: {", ".join(headers)}.{delimiter}',
    )
