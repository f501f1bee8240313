"""Events that say more than that a record was created, updated, archived or restored. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.events.base import Event, Holding


class OwnerChanged(Event):
    """A record has another owner or waits in another pool.

    Attributes:
        before: who held it.
        after: who holds it now.
        reason: why: "manual", "assigned", "converted", "released", …
        note: why, in words.
        policy: the policy that decided, or the rule of a claim.
        override: why a limit was set aside for it; None when none had to be.
    """

    before: Holding
    after: Holding
    reason: str
    note: str | None = None
    policy: str | None = None
    override: str | None = None


class DuplicateFound(Event):
    """A record that was created or claimed may be the same customer as another one.

    Attributes:
        of_entity, of_id: the other record.
        keys: what they have in common: "tax_id", "domain", "email", "phone", "name".
    """

    of_entity: str
    of_id: UUID
    keys: Sequence[str]


class TeamChanged(Event):
    """The team on a record is another one: collaborators with shares, and watchers.

    Attributes:
        before, after: the members by user: {"user_id", "role", "share"}; the owner is none of them.
    """

    before: Sequence[Mapping[str, Any]]
    after: Sequence[Mapping[str, Any]]


class StageChanged(Event):
    """An opportunity is in another stage.

    Attributes:
        override_reason: why it went on although exit criteria were not met.
    """

    from_stage_id: UUID
    to_stage_id: UUID
    override_reason: str | None = None


class _Deal(Event):
    """An opportunity as it was when it was closed or opened again."""

    name: str
    stage_id: UUID
    pipeline_id: UUID
    account_id: UUID | None = None
    owner_id: UUID | None = None
    pool_id: UUID | None = None
    amount: Decimal | None = None
    currency: str | None = None
    closed_on: date | None = None


class OpportunityWon(_Deal):
    """An opportunity was won: created in a won stage, or moved into one."""


class OpportunityLost(_Deal):
    """An opportunity was lost: created in a lost stage, or moved into one.

    Attributes:
        lost_reason: why, in words.
    """

    lost_reason: str | None = None


class OpportunityReopened(_Deal):
    """An opportunity that was won or lost is open again."""


class LeadConverted(Event):
    """A lead became an account, a contact and perhaps an opportunity."""

    status: str
    converted_at: datetime
    converted_account_id: UUID
    converted_contact_id: UUID
    converted_opportunity_id: UUID | None = None


class AccountMerged(Event):
    """An account was taken in by another one.

    Attributes:
        into_id: the account that took it in.
        moved: how many rows now belong to that one.
    """

    into_id: UUID
    moved: int


class AccountUnmerged(Event):
    """An account that another one had taken in is one of its own again.

    Attributes:
        from_id: the account that it left.
    """

    from_id: UUID


class Tagged(Event):
    """A tag was put on a record.

    Attributes:
        why: in the words of whoever put it there.
    """

    tag_id: UUID
    why: str | None = None


class Untagged(Event):
    """A tag was taken off a record."""

    tag_id: UUID


class PluginEnabled(Event):
    """A plugin was enabled for the tenant."""

    slug: str


class PluginDisabled(Event):
    """A plugin was disabled for the tenant."""

    slug: str


class PluginSettingsUpdated(Event):
    """A plugin's settings were changed; which values is in the audit only."""

    slug: str


class TaskDue(Event):
    """A task is due, or the time to remind of it came.

    Attributes:
        due_at: when it is due; None when only a reminder was set.
        assignee_id: who is to do it.
    """

    due_at: datetime | None = None
    assignee_id: UUID | None = None


class NextStepDue(Event):
    """The day of an open opportunity's next step came."""

    next_step_on: date
    owner_id: UUID | None = None


class StageOverdue(Event):
    """An open opportunity is longer in its stage than expected.

    Attributes:
        expected_days: how long it was expected to stay.
        days: how long it stays.
    """

    stage_id: UUID
    expected_days: int
    days: int
    owner_id: UUID | None = None


class LeadUntouched(Event):
    """Nobody worked on an open lead for as many days as the tenant allows.

    Attributes:
        since: when somebody last did, or when it came.
        days: how long ago that is.
    """

    since: datetime
    days: int
    owner_id: UUID | None = None


class Ping(Event):
    """A test that an endpoint is reached; nothing happened."""


__all__ = [
    "AccountMerged",
    "AccountUnmerged",
    "DuplicateFound",
    "LeadConverted",
    "LeadUntouched",
    "NextStepDue",
    "OpportunityLost",
    "OpportunityReopened",
    "OpportunityWon",
    "OwnerChanged",
    "Ping",
    "PluginDisabled",
    "PluginEnabled",
    "PluginSettingsUpdated",
    "StageChanged",
    "StageOverdue",
    "Tagged",
    "TaskDue",
    "TeamChanged",
    "Untagged",
]
