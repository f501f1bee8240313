"""The team on a record: the owner with what is left, collaborators with their shares, and watchers."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import strawberry

from evenhand_schema.columns import enum_type
from evenhand_schema.declare import derived, one, rows
from evenhand_schema.reads.ordering import Order

MOST_SHOWN = 100
_TABLES = {"account_id": "accounts", "lead_id": "leads", "opportunity_id": "opportunities"}


class TeamRole(StrEnum):
    """What somebody in the team on a record is there for."""

    OWNER = "owner"
    COLLABORATOR = "collaborator"
    WATCHER = "watcher"


def _owner(column: str, table: str) -> str:
    return f"""
SELECT record.tenant_id, record.id AS record_id, record.owner_id AS user_id, 'owner'::text AS role,
    100.00 - coalesce((SELECT sum(member.share) FROM record_members AS member
        WHERE member.tenant_id = $1 AND member.{column} = record.id), 0) AS share, 0 AS place
FROM {table} AS record WHERE record.tenant_id = $1 AND record.owner_id IS NOT NULL"""


def _members(column: str) -> str:
    return f"""
SELECT member.tenant_id, member.{column} AS record_id, member.user_id, member.role::text AS role, member.share,
    CASE member.role WHEN 'collaborator' THEN 1 ELSE 2 END AS place
FROM record_members AS member WHERE member.tenant_id = $1 AND member.{column} IS NOT NULL"""


_TEAM = " UNION ALL ".join(
    statement for column, table in _TABLES.items() for statement in (_owner(column, table), _members(column))
)


@derived(
    _TEAM,
    record_id="Id of the record.",
    user_id="Id of the user.",
    role="What the user is there for.",
    share="Percent; the owner has what the collaborators leave of 100, watchers have none.",
    place="Place in the list: the owner is 0, collaborators are 1, watchers are 2.",
)
class TeamMember:
    """One user in the team on a record."""

    record_id: strawberry.ID
    user_id: strawberry.ID
    role: enum_type(TeamRole)  # type: ignore[valid-type]
    share: Decimal | None
    place: int
    user = one("User", "user_id", "The user.")


def team() -> Any:
    """The team on the record."""
    return rows(
        "TeamMember",
        "record_id",
        "Who works on it: the owner with what is left of 100 percent, collaborators with their shares, watchers.",
        Order("place"),
        Order("user_id"),
        limit=MOST_SHOWN,
    )
