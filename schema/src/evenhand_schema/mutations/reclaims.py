"""Mutations about records that go back: `protectRecords`, `unprotectRecords`, `requestExtension`, `decideExtension`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.reclaims.extending import decide_extension, request_extension
from evenhand.actions.reclaims.protection import protect_records, unprotect_records
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import ENTITY, IDS, ids_of, prepare
from evenhand_schema.resolvers import record
from evenhand_schema.types import ExtensionRequest


@strawberry.type(description="Until when a record is protected.")
class Protection:
    """One protected record."""

    record_id: strawberry.ID = strawberry.field(description="Its id.")
    until: datetime = strawberry.field(description="Until when.")


@strawberry.type(description="What is protected now.")
class RecordsProtected:
    """The answer of `protectRecords`."""

    protections: list[Protection] = strawberry.field(description="The records that were named.")


@strawberry.type(description="What is not protected any more.")
class RecordsUnprotected:
    """The answer of `unprotectRecords`."""

    ids: list[strawberry.ID] = strawberry.field(description="Ids of those that were protected before.")


async def _protect(info: Info, entity: Any, ids: list[Any]) -> RecordsProtected:
    await prepare(info, entity.value)
    until = await protect_records(entity.value, ids_of(ids))
    found = [Protection(record_id=strawberry.ID(str(key)), until=moment) for key, moment in until.items()]
    return RecordsProtected(protections=found)


async def _unprotect(info: Info, entity: Any, ids: list[Any]) -> RecordsUnprotected:
    await prepare(info, entity.value)
    changed = await unprotect_records(entity.value, ids_of(ids))
    return RecordsUnprotected(ids=[strawberry.ID(str(one)) for one in changed])


async def _request(info: Info, entity: Any, id: Any, days: int, reason: str) -> Any:
    await prepare(info, entity.value)
    return await record(info, "ExtensionRequest", await request_extension(entity.value, to_uuid(id), days, reason))


async def _decide(info: Info, id: Any, approve: bool, note: str | None) -> Any:
    await prepare(info, "ExtensionRequest")
    request_id = to_uuid(id)
    await decide_extension(request_id, approve=approve, note=note)
    return await record(info, "ExtensionRequest", request_id)


def reclaim_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    asked = result("Extension", ExtensionRequest, description="The request, or why nothing was changed.")
    return {
        "protect_records": mutation(
            _protect,
            {"entity": (ENTITY, REQUIRED), "ids": (IDS, REQUIRED)},
            result("ProtectRecords", RecordsProtected, description="What is protected, or why nothing was changed."),
            "Protect records that the caller holds from going back to a pool; all or nothing, as the rule allows.",
        ),
        "unprotect_records": mutation(
            _unprotect,
            {"entity": (ENTITY, REQUIRED), "ids": (IDS, REQUIRED)},
            result("UnprotectRecords", RecordsUnprotected, description="What is free, or why nothing was changed."),
            "Give up the protection of records.",
        ),
        "request_extension": mutation(
            _request,
            {
                "entity": (ENTITY, REQUIRED),
                "id": (ID, REQUIRED),
                "days": (described(int, "How many days longer."), REQUIRED),
                "reason": (described(str, "Why."), REQUIRED),
            },
            asked,
            "Ask to keep a record longer; a manager of its pool or the holder's manager decides.",
        ),
        "decide_extension": mutation(
            _decide,
            {
                "id": (described(strawberry.ID, "The request's id."), REQUIRED),
                "approve": (described(bool, "Whether the time is granted."), REQUIRED),
                "note": (described(str | None, "What is to be said about it."), None),
            },
            asked,
            "Grant or refuse more time for a record.",
        ),
    }
