"""Find the records that cells refer to: by external id, id, name or another telling value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from rapidfuzz import fuzz, process

from evenhand.actions.imports.naming import fold
from evenhand.actions.tenants import default_stage_names
from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import StageKind
from evenhand.entities.registry import Entity
from evenhand.plugins.importing import BadCell
from evenhand.tenancy.context import Role, current_tenant

NEAR = 75
"""From this likeness (0 to 100) on, a name is suggested."""
_NO_LETTERS = re.compile(r"[\W_]+")
_WON_LOST: Mapping[str, StageKind] = {
    "won": StageKind.WON,
    "closed won": StageKind.WON,
    "赢单": StageKind.WON,
    "成交": StageKind.WON,
    "lost": StageKind.LOST,
    "closed lost": StageKind.LOST,
    "输单": StageKind.LOST,
    "丢单": StageKind.LOST,
}


@dataclass
class Directory:
    """The records of one entity by what files call them.

    Attributes:
        external: exact external ids in the import's source.
        names: folded names (and e-mail addresses, product codes, other names) to ids.
        titles: names as they are written, to suggest.
        unusable: users who must not own records, and why.
    """

    entity: str
    external: dict[str, UUID] = field(default_factory=dict)
    ids: set[UUID] = field(default_factory=set)
    names: dict[str, set[UUID]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    unusable: dict[UUID, str] = field(default_factory=dict)

    def add(self, record_id: UUID, title: str, others: Iterable[str] = ()) -> None:
        """Know one more record."""
        self.ids.add(record_id)
        key = fold(title)
        self.titles.setdefault(key, title)
        self.names.setdefault(key, set()).add(record_id)
        for other in others:
            if other:
                self.names.setdefault(fold(other), set()).add(record_id)

    def lookup(self, text: str) -> set[UUID]:
        """All records that the text may mean; external ids come first."""
        found = self.external.get(text)
        if found is not None:
            return {found}
        named = self.names.get(fold(text))
        if named:
            return named
        try:
            record_id = UUID(text)
        except ValueError:
            return set()
        return {record_id} & self.ids

    def find(self, text: str, field_name: str) -> UUID:
        """The one record that the text means.

        Raises:
            BadCell: none (with what is near), several, or an owner who must not be one.
        """
        found = self.lookup(text)
        if len(found) == 1:
            (record_id,) = found
            if field_name == "owner" and record_id in self.unusable:
                raise BadCell("NOT_USABLE", f"{text!r} {self.unusable[record_id]}.", "Name another one.")
            return record_id
        if found:
            ids = ", ".join(sorted(str(record_id) for record_id in found)[:3])
            raise BadCell(
                "AMBIGUOUS_REFERENCE",
                f"{text!r} may be any of {len(found)} {self.entity} records.",
                f"Give the id of the right one: {ids}.",
            )
        near = self.suggest(text)
        mapping = f"--map-value {field_name}:{shlex.quote(text)}="
        if near:
            meant = " or ".join(f'"{title}"' for title in near)
            hint = f"Did you mean {meant}? Correct the cell, or map it: {mapping}{shlex.quote(near[0])}."
        else:
            hint = f"Import it first, correct the cell, or map it to an existing one: {mapping}NAME."
        raise BadCell("REFERENCE_NOT_FOUND", f"{text!r} is no {self.entity} here.", hint)

    def suggest(self, text: str) -> list[str]:
        """Up to three names that look like the text, best first; blanks and punctuation hardly count."""
        bare = {key: _NO_LETTERS.sub("", key) for key in self.titles}
        wanted = _NO_LETTERS.sub("", fold(text))
        found = process.extract(wanted, bare, scorer=fuzz.ratio, score_cutoff=NEAR, limit=3)
        return [self.titles[key] for _, _, key in found]


_OTHER_NAMES: Mapping[str, str] = {
    "User": "SELECT id, email AS other FROM users WHERE tenant_id = $1 AND email IS NOT NULL",
    "Product": "SELECT id, code AS other FROM products WHERE tenant_id = $1",
    "Account": "SELECT id, jsonb_array_elements_text(also_names) AS other FROM accounts "
    "WHERE tenant_id = $1 AND also_names <> '[]'::jsonb",
    "Contact": "SELECT contact_id AS id, value AS other FROM contact_channels WHERE tenant_id = $1 AND kind = 'email'",
}


async def load_directory(kind: Entity, source: str) -> Directory:
    """All records of the entity that are not archived. Memory: about 400 bytes a record."""
    directory = Directory(kind.name)
    tenant = current_tenant()
    async with reading() as client:
        connection = raw_connection(client)
        table, title = kind.model._meta.db_table, kind.title
        rows = await connection.fetch(
            f'SELECT id, "{title}"::text AS title FROM "{table}" WHERE tenant_id = $1 AND archived_at IS NULL', tenant
        )
        for row in rows:
            directory.add(row["id"], row["title"] or "")
        if kind.name in _OTHER_NAMES:
            for row in await connection.fetch(_OTHER_NAMES[kind.name], tenant):
                if row["id"] in directory.ids:
                    directory.names.setdefault(fold(row["other"]), set()).add(row["id"])
        directory.external = await _external_ids(connection, kind, source, directory.ids)
        if kind.name == "User":
            await _mark_unusable(connection, directory)
    return directory


async def _external_ids(connection: asyncpg.Connection, kind: Entity, source: str, known: set[UUID]) -> dict[str, UUID]:
    rows = await connection.fetch(
        "SELECT external_id, record_id FROM external_ids WHERE tenant_id = $1 AND entity = $2 AND source = $3",
        current_tenant(),
        kind.name,
        source,
    )
    return {row["external_id"]: row["record_id"] for row in rows if row["record_id"] in known}


async def _mark_unusable(connection: asyncpg.Connection, directory: Directory) -> None:
    rows = await connection.fetch(
        "SELECT id, role FROM users WHERE tenant_id = $1 AND (NOT is_active OR role = $2)",
        current_tenant(),
        Role.READ_ONLY.value,
    )
    for row in rows:
        why = "is read-only" if row["role"] == Role.READ_ONLY.value else "is inactive"
        directory.unusable[row["id"]] = f"{why} and cannot own records"


@dataclass
class Stages:
    """The stages of all pipelines: by name, by the default name in the other language, or as won and lost.

    Attributes:
        closed: the won and lost ones.
    """

    default_pipeline: UUID
    by_pipeline: dict[UUID, Directory] = field(default_factory=dict)
    closed: set[UUID] = field(default_factory=set)

    def find(self, text: str, pipeline_id: UUID | None) -> UUID:
        """The stage of this name in the pipeline (the default one when None); raises `BadCell`."""
        directory = self.by_pipeline[pipeline_id or self.default_pipeline]
        return directory.find(text, "stage")


async def load_stages() -> Stages:
    """The stages of the tenant."""
    async with reading() as client:
        connection = raw_connection(client)
        default = await connection.fetchval(
            "SELECT id FROM pipelines WHERE tenant_id = $1 AND is_default", current_tenant()
        )
        rows = await connection.fetch(
            "SELECT id, pipeline_id, name, kind FROM stages WHERE tenant_id = $1 AND archived_at IS NULL "
            "ORDER BY position",
            current_tenant(),
        )
    stages = Stages(default, {default: Directory("stage")})
    for row in rows:
        stages.by_pipeline.setdefault(row["pipeline_id"], Directory("stage")).add(row["id"], row["name"])
        if row["kind"] != StageKind.OPEN.value:
            stages.closed.add(row["id"])
    for pipeline_id, directory in stages.by_pipeline.items():
        _add_other_names(directory, {row["id"]: row["kind"] for row in rows if row["pipeline_id"] == pipeline_id})
    return stages


def _add_other_names(directory: Directory, kinds: Mapping[UUID, str]) -> None:
    """Let default stages be found by their names in other languages, and the one won or lost stage by its kind."""
    for names in default_stage_names():
        found = next((directory.names[fold(name)] for name in names if fold(name) in directory.names), None)
        if found is not None:
            for name in names:
                directory.names.setdefault(fold(name), set(found))
    for word, kind in _WON_LOST.items():
        of_kind = {stage_id for stage_id, value in kinds.items() if value == kind.value}
        if len(of_kind) == 1:
            directory.names.setdefault(fold(word), of_kind)
