"""Mutations of conflict cases: `openConflict`, `addConflictStatement`, `ruleConflict`, `appealConflict`, …"""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.conflicts.cases import add_statement, open_conflict, withdraw_conflict
from evenhand.actions.conflicts.rulings import Ruling, appeal_conflict, rule_conflict
from evenhand.actions.conflicts.settings import set_conflict_rules
from evenhand.actions.record_members import as_member
from evenhand.entities.enums import ConflictKind, MemberRole
from evenhand.errors import InvalidInput, Problem
from evenhand_schema.columns import enum_type
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.records import changed
from evenhand_schema.types import ConflictCase
from evenhand_schema.types.shared import OwnableEntity


@strawberry.input(description="A record that a case is about.")
class ConflictRecordInput:
    """One record."""

    entity: OwnableEntity = strawberry.field(description="What kind of record it is.")
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Who has which share.")
class ShareInput:
    """One share."""

    user_id: strawberry.ID = strawberry.field(description="Id of the user.")
    share: Decimal = strawberry.field(description="Percent with at most two decimals.")


@strawberry.type(description="How the tenant treats conflict cases.")
class ConflictRules:
    """The choices of one tenant."""

    days_to_rule: int = strawberry.field(description="After so many days a case goes to the manager above.")
    remind_days: int = strawberry.field(description="So many days before that the judge is reminded.")
    days_to_appeal: int = strawberry.field(description="So many days a party may appeal; 0 for never.")
    open_by_itself: bool = strawberry.field(
        description="Whether a case is opened when two people hold what looks like one customer."
    )


async def _open(info: Info, records: Any, kind: Any, user_ids: Any, reason: str | None) -> Any:
    named = [(one.entity.value, to_uuid(one.id)) for one in records]
    users = [to_uuid(one) for one in user_ids or ()]
    kind = ConflictKind(kind.value)
    return await changed(info, "ConflictCase", lambda: open_conflict(named, kind, user_ids=users, reason=reason))


async def _state(info: Info, id: Any, text: str, attachment_ids: Any) -> Any:
    case_id = to_uuid(id)

    async def act() -> UUID:
        await add_statement(case_id, text, attachment_ids=[to_uuid(one) for one in attachment_ids or ()])
        return case_id

    return await changed(info, "ConflictCase", act)


async def _rule(info: Info, id: Any, owner_id: Any, split: Any, reason: str, record_ids: Any, merge_into: Any) -> Any:
    case_id = to_uuid(id)
    shares: dict[UUID, Decimal] = {}
    for one in split:
        member = as_member(to_uuid(one.user_id), MemberRole.COLLABORATOR, one.share)
        if member.user_id in shares or member.share is None:
            message = f"split: user {member.user_id} is named twice."
            raise InvalidInput([Problem("split", "NAMED_TWICE", message, "Name each user once.")])
        shares[member.user_id] = member.share
    ruling = Ruling(
        to_uuid(owner_id),
        shares,
        reason,
        tuple(to_uuid(one) for one in record_ids or ()),
        None if merge_into is None else to_uuid(merge_into),
    )

    async def act() -> UUID:
        await rule_conflict(case_id, ruling)
        return case_id

    return await changed(info, "ConflictCase", act)


async def _appeal(info: Info, id: Any, reason: str) -> Any:
    case_id = to_uuid(id)

    async def act() -> UUID:
        await appeal_conflict(case_id, reason)
        return case_id

    return await changed(info, "ConflictCase", act)


async def _withdraw(info: Info, id: Any, reason: str | None) -> Any:
    case_id = to_uuid(id)

    async def act() -> UUID:
        await withdraw_conflict(case_id, reason=reason)
        return case_id

    return await changed(info, "ConflictCase", act)


async def _set_rules(info: Info, **choices: Any) -> ConflictRules:
    await request_of(info).renew()
    return ConflictRules(**asdict(await set_conflict_rules(**choices)))


_IDS = list[strawberry.ID] | None


def conflict_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    case = result("ConflictCase", ConflictCase, description="The case, or why nothing was changed.")
    rules = result("SetConflictRules", ConflictRules, description="The choices now, or why nothing was changed.")
    why = (described(str, "Why."), REQUIRED)
    return {
        "open_conflict": mutation(
            _open,
            {
                "records": (described(list[ConflictRecordInput], "The records, at most 20."), REQUIRED),
                "kind": (described(enum_type(ConflictKind), "What it is about."), REQUIRED),
                "user_ids": (described(_IDS, "Who else claims them, besides the owners and the caller."), None),
                "reason": (described(str | None, "Why it is opened."), None),
            },
            case,
            "Open a conflict case: the evidence is kept as it is now, and holders do not change until the ruling.",
        ),
        "add_conflict_statement": mutation(
            _state,
            {
                "id": (ID, REQUIRED),
                "text": (described(str, "What is said."), REQUIRED),
                "attachment_ids": (described(_IDS, "Files attached to records of the case."), None),
            },
            case,
            "Say something about a case that is not decided.",
        ),
        "rule_conflict": mutation(
            _rule,
            {
                "id": (ID, REQUIRED),
                "owner_id": (described(strawberry.ID, "Who gets the records."), REQUIRED),
                "split": (described(list[ShareInput], "Shares with the owner's, exactly 100 together."), REQUIRED),
                "reason": why,
                "record_ids": (described(_IDS, "Only these records of the case; all when left out."), None),
                "merge_into": (
                    described(strawberry.ID | None, "The account of the case that takes the others in."),
                    None,
                ),
            },
            case,
            "Rule on a case: owner, shares and merge follow at once. Who stands above all parties, or an admin.",
        ),
        "appeal_conflict": mutation(
            _appeal,
            {"id": (ID, REQUIRED), "reason": why},
            case,
            "Appeal against a ruling: once, by a party; it goes to somebody higher, whose ruling is final.",
        ),
        "withdraw_conflict": mutation(
            _withdraw,
            {"id": (ID, REQUIRED), "reason": (described(str | None, "Why."), None)},
            case,
            "End a case without a ruling.",
        ),
        "set_conflict_rules": mutation(
            _set_rules,
            {
                "days_to_rule": (described(int | None, "Days until a case goes higher, 1 to 90."), None),
                "remind_days": (described(int | None, "So many days before the judge is reminded."), None),
                "days_to_appeal": (described(int | None, "Days to appeal, 0 to 90; 0 for never."), None),
                "open_by_itself": (
                    described(bool | None, "Whether cases are opened where two people hold one customer."),
                    None,
                ),
            },
            rules,
            "Choose how conflict cases are treated; what is left out stays. Admins only.",
        ),
    }
