"""`createX`, `updateX`, `archiveX` and `restoreX` for every entity, and their forms for many records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.records import archive_record, create_record, restore_record, update_record
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import ENTITIES, Entity
from evenhand_schema.context import request_of
from evenhand_schema.declare import TYPES
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, OVERRIDE, REQUIRED, VERSION, mutation, result
from evenhand_schema.mutations.bulk import bulk_mutations
from evenhand_schema.mutations.inputs import child_inputs, create_input, draft, update_input
from evenhand_schema.names import snake
from evenhand_schema.resolvers import record


async def changed(info: Info, type_name: str, act: Callable[[], Awaitable[UUID]]) -> Any:
    """Do a change and read the record after it; who may not read it is refused before."""
    context = request_of(info)
    require(context.actor, Operation.READ, type_name)
    await context.renew()
    return await record(info, type_name, await act())


def _create(kind: Entity, given: Any, returns: Any) -> Any:
    async def resolve(info: Info, input: Any, override: str | None = None) -> Any:
        return await changed(info, kind.name, lambda: create_record(kind.name, draft(input), override=override))

    argument = Annotated[given, strawberry.argument(description="Its values.")]
    arguments: dict[str, tuple[Any, Any]] = {"input": (argument, REQUIRED)}
    if kind.ownable:
        arguments["override"] = (OVERRIDE, None)
    return mutation(resolve, arguments, returns, f"Create a {kind.name} record.")


def _update(kind: Entity, given: Any, returns: Any) -> Any:
    async def resolve(info: Info, id: Any, input: Any, version: int | None) -> Any:
        record_id = to_uuid(id)

        async def act() -> UUID:
            await update_record(kind.name, record_id, draft(input), version=version)
            return record_id

        return await changed(info, kind.name, act)

    argument = Annotated[given, strawberry.argument(description="What is to be different.")]
    arguments = {"id": (ID, REQUIRED), "input": (argument, REQUIRED), "version": (VERSION, None)}
    return mutation(resolve, arguments, returns, f"Change a {kind.name} record.")


def _put(kind: Entity, action: Callable[..., Awaitable[bool]], returns: Any, description: str) -> Any:
    async def resolve(info: Info, id: Any, version: int | None) -> Any:
        record_id = to_uuid(id)

        async def act() -> UUID:
            await action(kind.name, record_id, version=version)
            return record_id

        return await changed(info, kind.name, act)

    return mutation(resolve, {"id": (ID, REQUIRED), "version": (VERSION, None)}, returns, description)


@dataclass(frozen=True)
class RecordMutations:
    """The mutations of all entities.

    Attributes:
        members: by Python name.
        updates: the update inputs by entity.
        results: the unions that answer with one record, by entity.
    """

    members: dict[str, Any]
    updates: dict[str, type]
    results: dict[str, Any]


def record_mutations() -> RecordMutations:
    """The mutations of all entities, for one record and for many."""
    members: dict[str, Any] = {}
    updates: dict[str, type] = {}
    results: dict[str, Any] = {}
    for kind in ENTITIES.values():
        cls = TYPES[kind.name].cls
        returns = result(kind.name, cls, description=f"The {kind.name}, or why nothing was changed.")
        results[kind.name] = returns
        children = child_inputs(kind)
        updates[kind.name] = update_input(kind, children)
        name = snake(kind.name)
        creates = create_input(kind, children)
        members[f"create_{name}"] = _create(kind, creates, returns)
        members[f"update_{name}"] = _update(kind, updates[kind.name], returns)
        text = f"Put a {kind.name} record away; it keeps its history and can be restored."
        members[f"archive_{name}"] = _put(kind, archive_record, returns, text)
        text = f"Bring a {kind.name} record back that was put away."
        members[f"restore_{name}"] = _put(kind, restore_record, returns, text)
        members |= bulk_mutations(kind, creates, updates[kind.name])
    return RecordMutations(members, updates, results)
