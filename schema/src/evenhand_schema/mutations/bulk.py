"""Writes of many records in one call: `createAccounts`, `updateAccounts`, `upsertAccounts`, …"""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.bulk import (
    LARGEST,
    BulkMode,
    Item,
    ItemStatus,
    archive_many,
    create_many,
    restore_many,
    update_many,
)
from evenhand.actions.records import Change
from evenhand.actions.upserts import Upsert, upsert_many
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import Entity
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.models import uuid7
from evenhand_schema.context import request_of
from evenhand_schema.declare import TYPES
from evenhand_schema.errors import InvalidId, to_uuid
from evenhand_schema.mutations.arguments import OVERRIDE, REQUIRED, described, mutation, result
from evenhand_schema.mutations.failures import Failure, failure_of
from evenhand_schema.mutations.inputs import draft
from evenhand_schema.names import plural, snake
from evenhand_schema.resolvers import record


@strawberry.enum(name="BulkMode", description="What happens to the good items when others are refused.")
class Mode(Enum):
    """The core's modes, with descriptions."""

    PARTIAL = strawberry.enum_value("partial", description="The good items are written.")
    ALL_OR_NOTHING = strawberry.enum_value("all_or_nothing", description="Nothing is written.")


@strawberry.enum(name="ItemStatus", description="What became of one item.")
class Status(Enum):
    """The core's statuses, with descriptions."""

    CREATED = strawberry.enum_value("created", description="It is a new record.")
    UPDATED = strawberry.enum_value("updated", description="The record is different now.")
    ARCHIVED = strawberry.enum_value("archived", description="The record was put away.")
    RESTORED = strawberry.enum_value("restored", description="The record was brought back.")
    UNCHANGED = strawberry.enum_value("unchanged", description="The record was already as it was to be.")
    FAILED = strawberry.enum_value("failed", description="Nothing was changed; `failure` says why.")


_MODE_ARGUMENT = described(Mode, "What happens to the good items when others are refused.")


def _item_type(kind: Entity) -> type:
    """`AccountOutcome`: what became of one item."""

    async def resolve(root: Any, info: Info) -> Any:
        return await record(info, kind.name, root.record_id)

    private: Any = strawberry.Private
    cls = type(f"{kind.name}Outcome", (), {})
    cls.__annotations__ = {
        "record_id": private[UUID | None],
        "status": Status,
        "id": strawberry.ID | None,
        "failure": Failure | None,
    }
    members: Any = cls
    members.status = strawberry.field(description="What became of it.")
    members.id = strawberry.field(description="Id of the record; null when it failed.")
    members.failure = strawberry.field(description="Why nothing was changed; null when it did not fail.")
    resolve.__annotations__["return"] = TYPES[kind.name].cls | None
    members.record = strawberry.field(
        resolver=resolve, description="The record as it is now; null when the item failed."
    )
    return strawberry.type(cls, description=f"What became of one {kind.name} of a call with many.")


def _results_type(kind: Entity, item: Any) -> type:
    """`AccountsWritten`: what became of all items."""
    cls = type(f"{plural(kind.name)}Written", (), {})
    cls.__annotations__ = {"results": list[item], "written": int, "failed": int}
    members: Any = cls
    members.results = strawberry.field(description="One for each item, in the order given.")
    members.written = strawberry.field(description="How many records were created or are different now.")
    members.failed = strawberry.field(description="How many items failed.")
    return strawberry.type(cls, description=f"What became of the {kind.name} records of one call.")


def _input(name: str, description: str, members: Mapping[str, tuple[Any, str]], optional: Sequence[str] = ()) -> type:
    cls = type(name, (), {})
    cls.__annotations__ = {key: kind for key, (kind, _) in members.items()}
    for key, (_, text) in members.items():
        options: dict[str, Any] = {"default": None} if key in optional else {}
        setattr(cls, key, strawberry.field(description=text, **options))
    return strawberry.input(cls, name=name, description=description)


@dataclass(frozen=True)
class _Shapes:
    """The types that the bulk mutations of one entity share."""

    kind: Entity
    item: Any
    results: Any
    returns: Any

    @classmethod
    def of(cls, kind: Entity) -> "_Shapes":
        item = _item_type(kind)
        results = _results_type(kind, item)
        text = f"What became of the {kind.name} records, or why nothing was changed."
        return cls(kind, item, results, result(plural(kind.name), results, description=text))

    async def answer(self, info: Info, given: Sequence[Any], act: Callable[[], Awaitable[list[Item]]]) -> Any:
        """Do the action; what the answer will hold is counted before, so that nothing is written in vain."""
        context = request_of(info)
        require(context.actor, Operation.READ, self.kind.name)
        context.spend(info, min(len(given), LARGEST))
        await context.renew()
        items = await act()
        failed = sum(item.status is ItemStatus.FAILED for item in items)
        unchanged = sum(item.status is ItemStatus.UNCHANGED for item in items)
        return self.results(
            results=[
                self.item(
                    record_id=item.record_id,
                    status=Status[item.status.name],
                    id=None if item.record_id is None else strawberry.ID(str(item.record_id)),
                    failure=None if item.error is None else failure_of(item.error),
                )
                for item in items
            ],
            written=len(items) - failed - unchanged,
            failed=failed,
        )


def _mode(given: Any) -> BulkMode:
    return BulkMode[given.name]


def _few(given: Sequence[Any], name: str) -> Sequence[Any]:
    """Refuse too many before each of them is looked at."""
    if len(given) > LARGEST:
        message = f"{name}: {len(given)} are too many."
        raise InvalidInput([Problem(name, "TOO_MANY", message, f"Send at most {LARGEST} at a time.")])
    return given


def _ids(given: Sequence[Any]) -> tuple[list[UUID], dict[int, InvalidId]]:
    """The ids of items, and by place why some are none.

    In the place of one that is none stands an id that no record has: its item fails by itself, as any other bad one.
    """
    found: list[UUID] = []
    refused: dict[int, InvalidId] = {}
    for place, one in enumerate(given):
        try:
            found.append(to_uuid(one))
        except InvalidId as error:
            found.append(uuid7())
            refused[place] = error
    return found, refused


def _explained(items: list[Item], refused: Mapping[int, InvalidId]) -> list[Item]:
    """The items, with the reason of those whose id is none."""
    return [
        Item(ItemStatus.FAILED, error=refused[place]) if place in refused else item for place, item in enumerate(items)
    ]


def _create_many(shapes: _Shapes, given: Any) -> Any:
    async def resolve(info: Info, inputs: Any, mode: Any, override: str | None = None) -> Any:
        async def act() -> list[Item]:
            drafts = [draft(one) for one in _few(inputs, "inputs")]
            return await create_many(shapes.kind.name, drafts, mode=_mode(mode), override=override)

        return await shapes.answer(info, inputs, act)

    arguments = {
        "inputs": (described(list[given], f"Their values, at most {LARGEST}."), REQUIRED),
        "mode": (_MODE_ARGUMENT, Mode.PARTIAL),
        **_override(shapes.kind),
    }
    return mutation(resolve, arguments, shapes.returns, f"Create {kind_text(shapes.kind)} in one transaction.")


def _override(kind: Entity) -> dict[str, tuple[Any, Any]]:
    """The argument by which limits of owners are set aside, for records that have owners."""
    return {"override": (OVERRIDE, None)} if kind.ownable else {}


def kind_text(kind: Entity) -> str:
    """What descriptions call the records."""
    return f"{kind.name} records"


def _update_many(shapes: _Shapes, given: Any) -> Any:
    change: Any = _input(
        f"Update{shapes.kind.name}Item",
        f"A change of one {shapes.kind.name} record.",
        {
            "id": (strawberry.ID, "The record's id."),
            "input": (given, "What is to be different."),
            "version": (int | None, "The version the change was made on; null overwrites whatever is there."),
        },
        optional=("version",),
    )

    async def resolve(info: Info, changes: Any, mode: Any) -> Any:
        async def act() -> list[Item]:
            ids, refused = _ids([one.id for one in _few(changes, "changes")])
            asked = [
                Change(record_id, draft(one.input), one.version) for record_id, one in zip(ids, changes, strict=True)
            ]
            return _explained(await update_many(shapes.kind.name, asked, mode=_mode(mode)), refused)

        return await shapes.answer(info, changes, act)

    arguments = {
        "changes": (described(list[change], f"The changes, at most {LARGEST}."), REQUIRED),
        "mode": (_MODE_ARGUMENT, Mode.PARTIAL),
    }
    return mutation(resolve, arguments, shapes.returns, f"Change {kind_text(shapes.kind)} in one transaction.")


def _put_many(shapes: _Shapes, action: Callable[..., Awaitable[list[Item]]], description: str) -> Any:
    async def resolve(info: Info, ids: Any, versions: Any, mode: Any) -> Any:
        async def act() -> list[Item]:
            chosen, refused = _ids(_few(ids, "ids"))
            items = await action(shapes.kind.name, chosen, versions=versions, mode=_mode(mode))
            return _explained(items, refused)

        return await shapes.answer(info, ids, act)

    versions = "The versions they were read at, one for each id, null for any; without it, none is compared."
    arguments = {
        "ids": (described(list[strawberry.ID], f"Their ids, at most {LARGEST}."), REQUIRED),
        "versions": (described(list[int | None] | None, versions), None),
        "mode": (_MODE_ARGUMENT, Mode.PARTIAL),
    }
    return mutation(resolve, arguments, shapes.returns, description)


def _upsert_many(shapes: _Shapes, given: Any) -> Any:
    upsert: Any = _input(
        f"Upsert{shapes.kind.name}Item",
        f"A {shapes.kind.name} record as another system has it.",
        {
            "external_id": (str, "What the other system calls it."),
            "input": (given, "Its values. Owner and pool count for a new record only; a known one keeps its holder."),
        },
    )

    async def resolve(info: Info, source: str, items: Any, mode: Any, override: str | None = None) -> Any:
        async def act() -> list[Item]:
            asked = [Upsert(one.external_id, draft(one.input)) for one in _few(items, "items")]
            return await upsert_many(shapes.kind.name, source, asked, mode=_mode(mode), override=override)

        return await shapes.answer(info, items, act)

    arguments = {
        "source": (described(str, "The other system, e.g. salesforce."), REQUIRED),
        "items": (described(list[upsert], f"The records, at most {LARGEST}."), REQUIRED),
        "mode": (_MODE_ARGUMENT, Mode.PARTIAL),
        **_override(shapes.kind),
    }
    text = f"Create {kind_text(shapes.kind)} that the source names for the first time, change the others."
    return mutation(resolve, arguments, shapes.returns, text)


def bulk_mutations(kind: Entity, creates: Any, updates: Any) -> dict[str, Any]:
    """The mutations of many records of one entity by Python name.

    Args:
        creates, updates: the inputs of the single forms.
    """
    shapes = _Shapes.of(kind)
    name = snake(plural(kind.name))
    members = {
        f"create_{name}": _create_many(shapes, creates),
        f"update_{name}": _update_many(shapes, updates),
        f"archive_{name}": _put_many(
            shapes, archive_many, f"Put {kind_text(kind)} away; they keep their history and can be restored."
        ),
        f"restore_{name}": _put_many(shapes, restore_many, f"Bring {kind_text(kind)} back that were put away."),
    }
    if "external_ids" in TYPES[kind.name].members:
        members[f"upsert_{name}"] = _upsert_many(shapes, creates)
    return members
