"""Rules, and events as they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.records import create_record
from evenhand.automation.delivery import deliver_to_rules
from evenhand.automation.models import AutomationRun
from evenhand.db.session import reading, transaction
from evenhand.events.catalogue import read_event
from evenhand.events.models import OutboxEvent
from evenhand.events.pump import drain_deliveries
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

NOTIFY = {"do": "notify", "to": ["owner"], "title": {"en": "Look at {record.name}", "zh": "请看{record.name}"}}


async def make_rule(tenant: SomeTenant, entity: str, events: Sequence[str], *actions: Any, **values: Any) -> UUID:
    """A rule of the tenant; it notifies the owner when no action is given."""
    given = {"name": "Test", "entity": entity, "events": list(events), "actions": list(actions) or [NOTIFY], **values}
    with acting_as(tenant.system):
        return await create_record("AutomationRule", given)


async def events_of(tenant: SomeTenant, *types: str) -> list[OutboxEvent]:
    """The tenant's events of some types, in order."""
    with acting_as(tenant.system):
        async with reading():
            return await OutboxEvent.filter(type__in=types).order_by("id")


async def drain(tenant: SomeTenant) -> None:
    """Deliver all that is due for the tenant, and what comes of it."""
    with acting_as(tenant.system):
        await drain_deliveries(only_this_tenant=True)


async def deliver(tenant: SomeTenant, *types: str) -> None:
    """Hand all events of some types to the rules once more, as a delivery that is repeated does."""
    with acting_as(tenant.system):
        async with transaction():
            rows = await OutboxEvent.filter(type__in=types).order_by("id")
            await deliver_to_rules("rules", [read_event(row.columns()) for row in rows])


async def runs(tenant: SomeTenant) -> list[AutomationRun]:
    """What came of the tenant's rules."""
    return await rows(tenant, AutomationRun)


async def rows(tenant: SomeTenant, model: Any, **where: Any) -> list[Any]:
    """Rows of the tenant, the oldest first."""
    with acting_as(tenant.system):
        async with reading():
            return list(await model.filter(**where).order_by("id"))
