"""Mutations of the teams on records: `setRecordMembers`, `addRecordMember`, `removeRecordMember`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.record_members import (
    add_record_member,
    as_member,
    remove_record_member,
    set_record_members,
)
from evenhand.entities.enums import MemberRole
from evenhand.ownership.members.rules import MOST
from evenhand_schema.columns import enum_type
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import ENTITY, prepare
from evenhand_schema.resolvers import record
from evenhand_schema.types import Account, Lead, Opportunity


@strawberry.input(description="Somebody in the team on a record, besides the owner.")
class RecordMemberInput:
    """One member."""

    user_id: strawberry.ID = strawberry.field(description="Id of the user.")
    role: enum_type(MemberRole) = strawberry.field(description="What the user is there for.")  # type: ignore[valid-type]
    share: Decimal | None = strawberry.field(
        default=None, description="Percent with at most two decimals, for a collaborator; none for a watcher."
    )


def _of(type_name: str) -> Any:
    async def resolve(root: Any, info: Info) -> Any:
        return await record(info, type_name, root.record_id) if root.entity == type_name else None

    return resolve


@strawberry.type(description="The record whose team was written.")
class TeamWritten:
    """The answer of the mutations of teams."""

    entity: strawberry.Private[str]
    record_id: strawberry.Private[UUID]
    changed: bool = strawberry.field(description="Whether anything was different.")
    account: Account | None = strawberry.field(
        resolver=_of("Account"), description="The account; null when it is none."
    )
    lead: Lead | None = strawberry.field(resolver=_of("Lead"), description="The lead; null when it is none.")
    opportunity: Opportunity | None = strawberry.field(
        resolver=_of("Opportunity"), description="The deal; null when it is none."
    )


async def _set(info: Info, entity: Any, id: Any, members: list[RecordMemberInput]) -> TeamWritten:
    await prepare(info, entity.value)
    wanted = [as_member(to_uuid(one.user_id), MemberRole(one.role.value), one.share) for one in members]
    changed = await set_record_members(entity.value, to_uuid(id), wanted)
    return TeamWritten(entity=entity.value, record_id=to_uuid(id), changed=changed)


async def _add(info: Info, entity: Any, id: Any, member: RecordMemberInput) -> TeamWritten:
    await prepare(info, entity.value)
    role = MemberRole(member.role.value)
    one = as_member(to_uuid(member.user_id), role, member.share)
    changed = await add_record_member(entity.value, to_uuid(id), one.user_id, one.role, one.share)
    return TeamWritten(entity=entity.value, record_id=to_uuid(id), changed=changed)


async def _remove(info: Info, entity: Any, id: Any, user_id: Any) -> TeamWritten:
    await prepare(info, entity.value)
    changed = await remove_record_member(entity.value, to_uuid(id), to_uuid(user_id))
    return TeamWritten(entity=entity.value, record_id=to_uuid(id), changed=changed)


def member_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    written = result("RecordTeam", TeamWritten, description="The record with its team, or why nothing was changed.")
    where: dict[str, tuple[Any, Any]] = {"entity": (ENTITY, REQUIRED), "id": (ID, REQUIRED)}
    several = described(list[RecordMemberInput], f"All members besides the owner, at most {MOST}.")
    single = described(RecordMemberInput, "Who joins, or gets another role or share.")
    return {
        "set_record_members": mutation(
            _set,
            {**where, "members": (several, REQUIRED)},
            written,
            "Set the whole team on a record; the owner has what the collaborators leave of 100 percent.",
        ),
        "add_record_member": mutation(
            _add, {**where, "member": (single, REQUIRED)}, written, "Take a user into the team on a record."
        ),
        "remove_record_member": mutation(
            _remove,
            {**where, "user_id": (described(strawberry.ID, "Who leaves."), REQUIRED)},
            written,
            "Let a user leave the team on a record; everybody may leave alone.",
        ),
    }
