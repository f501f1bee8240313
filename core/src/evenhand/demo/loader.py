"""Write a story into the database through the actions, with its own times; one transaction per tenant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from evenhand.actions.errors import DuplicateValue
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.records import Change, create_records, update_records
from evenhand.actions.tags import Mark, put_tags
from evenhand.actions.tenants import create_tenant
from evenhand.auth.keys import tenant_id_of
from evenhand.db.bulk import chunks
from evenhand.db.session import raw_connection, reading
from evenhand.demo.story import Handover, Label, Record, Ref, Revision, Story
from evenhand.entities import Stage, Team, User
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError
from evenhand.files import store_file
from evenhand.ownership.holders import default_pool_id
from evenhand.tenancy.context import Actor, acting_as, system_actor

VIA = "demo"
CHUNK = 500
ORDER = (
    "CustomField",
    "Team",
    "User",
    "Absence",
    "Product",
    "Campaign",
    "Competitor",
    "Tag",
    "Account",
    "Contact",
    "Opportunity",
    "Order",
    "Payment",
    "Activity",
    "Task",
    "Ticket",
    "SurveyAnswer",
    "Attachment",
)
"""Entities in an order in which references point backwards."""
_LOAD_LOCK = 0x65766E64
"""The advisory lock of loading ("evnd"): a second process waits, then finds everything there."""

Progress = Callable[[int], object]
"""Told how many records more are written."""
Step = TypeVar("Step", Revision, Handover)


class NotADemoTenant(EvenhandError):
    """The demo's slug is taken by a tenant with data of its own."""

    code = "NOT_A_DEMO_TENANT"


class OtherSeed(EvenhandError):
    """The demo was loaded with another seed."""

    code = "OTHER_SEED"


@dataclass(frozen=True)
class Origin:
    """With which seed and for which day a demo tenant was loaded."""

    seed: int
    reference: date


async def find_tenant(tenant: Mapping[str, str]) -> Actor:
    """The system of the demo's tenant, which is created when there is none; two processes create one."""
    slug = tenant["slug"]
    tenant_id = await tenant_id_of(slug)
    if tenant_id is None:
        try:
            tenant_id = await create_tenant(
                slug,
                tenant["name"],
                locale=tenant["locale"],
                time_zone=tenant["time_zone"],
                currency=tenant["currency"],
            )
        except DuplicateValue:
            return await find_tenant(tenant)
    return system_actor(tenant_id, via=VIA)


async def loaded_with(actor: Actor) -> Origin | None:
    """What the tenant's history was loaded with; None when it is still empty.

    Raises:
        NotADemoTenant: it has users but was not made by the demo.
    """
    with acting_as(actor):
        async with reading():
            return await _mark(actor)


async def _mark(actor: Actor) -> Origin | None:
    for team in await Team.all():
        if "demo" in team.custom:
            seed, _, day = str(team.custom["demo"]).partition(" ")
            return Origin(int(seed), date.fromisoformat(day))
    if await User.exists():
        raise NotADemoTenant(
            f"Tenant {actor.tenant_id} has users but is not a demo tenant.",
            hint="Use another database or EVENHAND_DATA for the demo.",
        )
    return None


async def load_history(actor: Actor, story: Story, *, progress: Progress | None = None) -> bool:
    """Write a story's records, changes, hand-overs and tags; all or nothing.

    Its leads are not written: they come in as a file.

    Returns: False when another process has loaded a story meanwhile.
    """
    tell = progress or (lambda _: None)
    with acting_as(actor):
        async with writing("load_demo") as journal:
            await raw_connection(journal.client).execute("SELECT pg_advisory_xact_lock($1)", _LOAD_LOCK)
            if await _mark(actor) is not None:
                return False
            ids = await _stage_ids()
            for name in ORDER:
                await _create(name, story.of(name), ids, journal, tell)
            for name in dict.fromkeys(item.entity for item in story.revisions if item.entity != "User"):
                await _revise(name, [item for item in story.revisions if item.entity == name], ids, journal, tell)
            for name in dict.fromkeys(item.entity for item in story.handovers):
                await _hand_over(name, [item for item in story.handovers if item.entity == name], ids, journal)
            # Nobody leaves who still holds records.
            await _revise("User", [item for item in story.revisions if item.entity == "User"], ids, journal, tell)
            await put_tags([_tag(label, ids) for label in story.labels], journal=journal)
    return True


async def _stage_ids() -> dict[str, UUID]:
    """Keys of what `create_tenant` made: "stage:1" is the first stage of the default pipeline."""
    return {f"stage:{stage.position}": stage.id for stage in await Stage.all()}


def resolved(value: Any, ids: Mapping[str, UUID]) -> Any:
    """The value with ids in the place of references, also inside lists and objects."""
    match value:
        case Ref(key):
            return ids[key]
        case list():
            return [resolved(item, ids) for item in value]
        case dict():
            return {name: resolved(item, ids) for name, item in value.items()}
    return value


def waves(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Cut records into lists in which none refers to another of the same list, in order."""
    wave: list[Record] = []
    keys: set[str] = set()
    for record in records:
        if any(isinstance(value, Ref) and value.key in keys for value in record.values.values()):
            yield wave
            wave, keys = [], set()
        wave.append(record)
        keys.add(record.key)
    if wave:
        yield wave


def rounds(steps: Iterable[Step]) -> list[list[Step]]:
    """Cut steps into lists that hold each record once; a record's steps keep their order in time."""
    found: dict[int, list[Step]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for step in sorted(steps, key=lambda step: step.at):
        found[seen[step.key]].append(step)
        seen[step.key] += 1
    return [found[number] for number in sorted(found)]


async def _create(name: str, records: Sequence[Record], ids: dict[str, UUID], journal: Journal, tell: Progress) -> None:
    for wave in waves(records):
        for chunk in chunks(wave, CHUNK):
            drafts = [_draft(record, ids, journal) for record in chunk]
            moments = [record.at for record in chunk]
            made = await create_records(entity(name), drafts, journal=journal, moments=moments)
            ids.update({record.key: record_id for record, record_id in zip(chunk, made, strict=True)})
            tell(len(chunk))


def _draft(record: Record, ids: Mapping[str, UUID], journal: Journal) -> dict[str, Any]:
    values: dict[str, Any] = resolved(dict(record.values), ids)
    if record.entity == "Attachment":
        content = str(values.pop("content")).encode()
        sha256 = store_file(journal.actor.tenant_id, content)
        values |= {"size_bytes": len(content), "sha256": sha256}
    return values


async def _revise(
    name: str, revisions: Sequence[Revision], ids: Mapping[str, UUID], journal: Journal, tell: Progress
) -> None:
    for step in rounds(revisions):
        for chunk in chunks(step, CHUNK):
            changes = [Change(ids[item.key], resolved(dict(item.values), ids), at=item.at) for item in chunk]
            await update_records(entity(name), changes, journal=journal)
            tell(len(chunk))


async def _hand_over(name: str, handovers: Sequence[Handover], ids: Mapping[str, UUID], journal: Journal) -> None:
    pool = await default_pool_id()
    for step in rounds(handovers):
        holders: dict[UUID, Holder] = {}
        why: dict[UUID, Why] = {}
        moments: dict[UUID, datetime] = {}
        for item in step:
            record = ids[item.key]
            holders[record] = Holder(owner_id=ids[item.owner]) if item.owner else Holder(pool_id=pool)
            reason = OwnershipReason.MANUAL if item.owner else OwnershipReason.RELEASED
            why[record] = Why(reason, note=item.note)
            moments[record] = item.at
        await change_holders(entity(name), holders, why, journal=journal, moments=moments)


def _tag(label: Label, ids: Mapping[str, UUID]) -> Mark:
    return Mark(ids[label.tag], label.entity, ids[label.key], label.why, ids[label.actor], label.at)
