"""What the current actor sees, from the database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from evenhand.auth.permissions import Operation
from evenhand.db.session import raw_connection, reading
from evenhand.entities.registry import entity as entity_of
from evenhand.ownership.visibility.predicates import Predicates
from evenhand.ownership.visibility.rules import EVERYTHING, RULES, Sight, sight_of
from evenhand.tenancy.context import Role, current_actor


async def current_sight() -> Sight:
    """How much the current actor sees; one short statement, none for the system and for admins."""
    actor = current_actor()
    if actor.user_id is None:
        return EVERYTHING
    if actor.role is Role.ADMIN:
        return sight_of(actor.role, "")
    async with reading() as client:
        text = await raw_connection(client).fetchval(
            f"SELECT {RULES.format(role='$2')}", actor.tenant_id, actor.role.value
        )
    return sight_of(actor.role, text)


async def visible_ids(entity: str, ids: Collection[UUID], *, operation: Operation = Operation.READ) -> set[UUID]:
    """Those of the records that the current actor sees; with UPDATE, those that the actor may change.

    It says nothing of what the role and the key allow at all, see `evenhand.auth.permissions.require`.

    Args:
        entity: the kind of the records, e.g. "Lead".
        operation: READ, or any other for changing.

    Returns: some of `ids`; ids of records that are not there may be among them when the actor sees everything.
    """
    kind, actor = entity_of(entity), current_actor()
    if not ids:
        return set()
    sight = await current_sight()
    values: list[Any] = [actor.tenant_id, list(ids)]

    def user() -> str:
        if len(values) == 2:
            values.append(actor.user_id)
        return "$3"

    predicates = Predicates(sight, user, edits=operation is not Operation.READ)
    seen = predicates.condition(kind.name, "t", kind.model)
    if seen is None:
        return set(ids)
    sql = f'SELECT t.id FROM "{kind.model._meta.db_table}" AS t WHERE t.tenant_id = $1 AND t.id = ANY ($2) AND {seen}'
    async with reading() as client:
        rows = await raw_connection(client).fetch(predicates.prelude(sql) + sql, *values)
    return {row["id"] for row in rows}
