"""What the actor may change and refer to: asked where records are locked and drafts are completed.

A hidden record is refused like one that does not exist, with the same words. The system changes everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast
from uuid import UUID

from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.auth.permissions import Operation, PermissionDenied
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.errors import EvenhandError, NotFound, Problem, Refusals
from evenhand.ownership.visibility.derivation import DERIVED
from evenhand.ownership.visibility.reading import visible_ids
from evenhand.ownership.visibility.rules import HELD
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import TenantModel

_beyond: ContextVar[bool] = ContextVar("evenhand_beyond_sight", default=False)


@contextmanager
def beyond_sight() -> Iterator[None]:
    """Let an action inside the block change what its actor does not see, when another right stands for it: who
    decides on an approval changes the record, and who hands a book over moves its tasks."""
    token = _beyond.set(True)
    try:
        yield
    finally:
        _beyond.reset(token)


def _unlimited() -> bool:
    return current_actor().user_id is None or _beyond.get()


async def refused_records(kind: Entity, ids: Collection[UUID]) -> dict[UUID, EvenhandError]:
    """Why the actor may not change some of these records, which are there and locked.

    Returns: `NotFound` for those that are hidden, `PermissionDenied` for those that are seen only.
    """
    if _unlimited() or not ids:
        return {}
    rest = set(ids) - await visible_ids(kind.name, ids, operation=Operation.UPDATE)
    seen = await visible_ids(kind.name, rest) if rest else set()
    return {one: _read_only(kind, one) if one in seen else NotFound(kind.name, one) for one in rest}


def _read_only(kind: Entity, record_id: UUID) -> PermissionDenied:
    return PermissionDenied(
        f"You see {kind.name} {record_id}, but may not change it.",
        hint="Ask its owner to let you work on it, claim it if it waits in a pool, or ask a manager.",
        operation=Operation.UPDATE.value,
        entity=kind.name,
    )


async def refuse_records(kind: Entity, ids: Iterable[UUID]) -> None:
    """Raise for the first of the records that the actor may not change, see `refused_records`."""
    wanted = list(ids)
    refused = await refused_records(kind, wanted)
    for record_id in wanted:
        if record_id in refused:
            raise refused[record_id]


async def sees(entity: str, record_id: UUID) -> bool:
    """Whether the actor sees a record."""
    return _unlimited() or record_id in await visible_ids(entity, [record_id])


@cache
def _references(model: type[TenantModel]) -> Mapping[str, str]:
    """The columns of a table that name records which not everybody sees, with their entities."""
    limited = {ENTITIES[name].model: name for name in {*HELD, *DERIVED} & ENTITIES.keys()}
    found: dict[str, str] = {}
    for name in model._meta.fk_fields:
        field = cast(ForeignKeyFieldInstance[Any], model._meta.fields_map[name])
        if field.related_model in limited:
            found[str(field.source_field)] = limited[field.related_model]
    return found


def no_such(column: str, shown: object) -> Problem:
    """That a reference leads nowhere, in the words that the database's own refusal gets."""
    message = f"{column}: {shown} does not exist here."
    return Problem(column, "REFERENCE_NOT_FOUND", message, "Use the id of an existing record.")


async def refuse_hidden_references(kind: Entity, rows: Mapping[int, Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse drafts that name records which the actor does not see; one look per entity.

    Args:
        rows: the columns that are written, by place; of a change only those that are different.
    """
    if _unlimited():
        return
    named: dict[str, set[UUID]] = {}
    columns = _references(kind.model)
    for values in rows.values():
        for column, entity in columns.items():
            if values.get(column) is not None:
                named.setdefault(entity, set()).add(values[column])
    hidden = {entity: ids - await visible_ids(entity, ids) for entity, ids in named.items()}
    for row, values in rows.items():
        for column, entity in columns.items():
            if values.get(column) in hidden.get(entity, ()):
                refusals.add(row, no_such(column, values[column]))
