"""The fields of `Subscription`: changes of every entity, and the progress of jobs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
import structlog
from strawberry import Info

from evenhand.auth.permissions import Operation, require
from evenhand.db.errors import database_is_gone
from evenhand.db.session import reading
from evenhand.entities.registry import ENTITIES
from evenhand.errors import NotFound
from evenhand.jobs.models import FINAL
from evenhand.jobs.models import Job as JobRow
from evenhand.live.notices import ChangeOperation
from evenhand.live.watch import Changes, Watch
from evenhand.tenancy.context import acting_as
from evenhand_schema.context import request_of
from evenhand_schema.declare import TYPES, Bound
from evenhand_schema.errors import to_uuid
from evenhand_schema.names import plural, snake
from evenhand_schema.reads.filter_inputs import filter_inputs
from evenhand_schema.resolvers import arguments_of, record, with_arguments
from evenhand_schema.subscriptions.context import SubscriptionContext
from evenhand_schema.subscriptions.matching import Matching
from evenhand_schema.types import Job

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0


class ShownOperation(Enum):
    CREATED = "created"
    UPDATED = "updated"
    REASSIGNED = "reassigned"
    ARCHIVED = "archived"
    RESTORED = "restored"
    LEFT = "left"


OPERATION = strawberry.enum(
    ShownOperation,
    name="ChangeOperation",
    description="What became of a record. REASSIGNED: it has another owner or pool. LEFT: it changed so that it does "
    "not match the subscription's filter any more.",
)


@dataclass(frozen=True)
class Told:
    """What a `…ChangeNotice` shows."""

    operation: ShownOperation
    id: UUID
    actor_id: UUID | None
    at: datetime


@dataclass(frozen=True)
class Batch:
    """What a `…ChangeBatch` shows."""

    resync: bool
    changes: list[Told]


def _notice_type(item: Bound) -> Any:
    async def resolve(root: Told, info: Info) -> Any:
        return await record(info, item.name, root.id)

    with_arguments(resolve, {}, returns=item.cls | None, root=True)
    members: dict[str, Any] = {
        "operation": strawberry.field(description="What became of it; several changes at once are told as one."),
        "id": strawberry.field(description="The record's id."),
        "actor_id": strawberry.field(description="The user who did it last; null for the system."),
        "at": strawberry.field(description="When it was last changed."),
        "record": strawberry.field(
            resolver=resolve, description="The record as it is now and as the subscriber may see it; null when gone."
        ),
    }
    cls = type(f"{item.name}ChangeNotice", (), members)
    cls.__annotations__ = {
        "operation": ShownOperation,
        "id": strawberry.ID,
        "actor_id": strawberry.ID | None,
        "at": datetime,
    }
    return strawberry.type(cls, description=f"What became of one {item.name} record.")


def _batch_type(item: Bound) -> Any:
    notice: Any = _notice_type(item)
    members = {
        "resync": strawberry.field(
            description="Changes may have been missed, or this is the start: read again what you show, now."
        ),
        "changes": strawberry.field(description="One per record, in the order they happened."),
    }
    cls = type(f"{item.name}ChangeBatch", (), members)
    cls.__annotations__ = {"resync": bool, "changes": list[notice]}
    return strawberry.type(cls, description=f"Changes of {item.name} records that are told together.")


def changes_field(item: Bound) -> Any:
    """`accountsChanged(id, filter)`."""
    filters: Any = filter_inputs()[item.name]
    only = strawberry.argument(description="Only this record; all when left out.")
    where = strawberry.argument(description="Which records, archived ones too; all when left out.")

    async def resolve(info: Info, **arguments: Any) -> AsyncIterator[Any]:
        context = _context_of(info)
        require(context.actor, Operation.READ, item.name)
        wanted = arguments.get("id")
        ids = None if wanted is None else (to_uuid(wanted),)
        with acting_as(context.actor):
            matching = Matching(item, arguments_of(info).get("filter"), info.variable_values)
        limits = context.live.limits
        async with context.live.feed.watch(context.actor.tenant_id, (item.name,), ids, most=limits.pending) as watch:
            while (taken := await watch.take(limits.batch, linger=limits.linger_seconds)) is not None:
                batch = await _batch(context, watch, matching, taken)
                if batch.resync or batch.changes:
                    yield batch

    with_arguments(
        resolve,
        {
            "id": (Annotated[strawberry.ID | None, only], None),
            "filter": (Annotated[filters | None, where], None),
        },
        returns=AsyncGenerator[_batch_type(item), None],  # type: ignore[misc]
    )
    text = f"Tells when {item.name} records change. It begins with `resync`: what you read after that misses nothing."
    return strawberry.subscription(resolver=resolve, description=text)


def _context_of(info: Info) -> SubscriptionContext:
    context = request_of(info)
    if not isinstance(context, SubscriptionContext):
        raise TypeError("a subscription is executed by `subscriptions.stream`")
    return context


async def _batch(context: SubscriptionContext, watch: Watch, matching: Matching, taken: Changes) -> Batch:
    """What of the taken changes the subscriber may see and asked for."""
    if not taken.changes:
        return Batch(taken.resync, [])
    try:
        with acting_as(context.session.caller.actor):
            async with context.live.reads:
                now, left = await matching.matching(
                    [change.record_id for change in taken.changes], min(change.at for change in taken.changes)
                )
    except Exception as error:
        if not database_is_gone(error):
            raise
        # What was taken is lost; the subscriber hears that as soon as the database is there again.
        log.warning("subscription.database_gone", error=str(error))
        await asyncio.sleep(RETRY_SECONDS)
        watch.resync()
        return Batch(False, [])
    told = [
        Told(
            ShownOperation(change.operation.value) if change.record_id in now else ShownOperation.LEFT,
            change.record_id,
            change.actor_id,
            change.at,
        )
        for change in taken.changes
        if change.record_id in now or (change.record_id in left and change.operation is not ChangeOperation.CREATED)
    ]
    return Batch(taken.resync, told)


async def _job(context: SubscriptionContext, job_id: UUID) -> JobRow:
    with acting_as(context.session.caller.actor):
        require(context.session.caller.actor, Operation.READ, "Job")
        async with context.live.reads, reading():
            job = await JobRow.get_or_none(id=job_id)
    if job is None:
        raise NotFound("Job", job_id)
    return job


async def _job_progress(info: Info, id: Any) -> AsyncIterator[Any]:
    """The job as it is, again whenever it went on, until it ended."""
    context = _context_of(info)
    job_id = to_uuid(id)
    async with context.live.feed.watch(context.actor.tenant_id, ("Job",), (job_id,)) as watch:
        while await watch.take(1) is not None:
            job = await _job(context, job_id)
            yield job
            if job.state in FINAL:
                return


def _job_field() -> Any:
    argument = Annotated[strawberry.ID, strawberry.argument(description="The job's id.")]
    returns: Any = AsyncGenerator[Job, None]
    with_arguments(_job_progress, {"id": (argument, inspect.Parameter.empty)}, returns=returns)
    text = "A job as it is now, then whenever it went on; completes when the job ends."
    return strawberry.subscription(resolver=_job_progress, description=text)


def _subscription_type() -> Any:
    members = {f"{snake(plural(name))}_changed": changes_field(TYPES[name]) for name in ENTITIES}
    members["notifications_changed"] = changes_field(TYPES["Notification"])
    members["job_progress"] = _job_field()
    return strawberry.type(type("Subscription", (), members), description="What is told as it happens.")


SUBSCRIPTION = _subscription_type()
