"""Notices: what one transaction changed, packed small enough for PostgreSQL's NOTIFY. No I/O here."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from evenhand.errors import EvenhandError

CHANNEL = "evenhand_changes"
LARGEST_PAYLOAD = 7_900
"""Bytes; PostgreSQL takes less than 8,000."""
MOST_NOTICES = 32
"""For one kind of change of one entity in one transaction; beyond, one notice says that there were many."""
_ID = 22
"""Characters of an id in base 64, without padding."""
_HEAD = 320
"""Characters that everything but the ids takes at most."""
IDS_PER_NOTICE = (LARGEST_PAYLOAD - _HEAD) // _ID


class ChangeOperation(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    REASSIGNED = "reassigned"
    ARCHIVED = "archived"
    RESTORED = "restored"


class InvalidNotice(EvenhandError):
    """A text on our channel that no journal sent."""

    code = "INVALID_NOTICE"


@dataclass(frozen=True)
class Notice:
    """Records of one entity to which the same happened in one transaction.

    Attributes:
        record_ids: None when they are too many to be named.
        actor_id: the user who did it; None for the system.
    """

    tenant_id: UUID
    entity: str
    operation: ChangeOperation
    record_ids: tuple[UUID, ...] | None
    actor_id: UUID | None
    at: datetime


def operation_of(event: str) -> ChangeOperation:
    """What an event of the outbox means for its record."""
    if event == "OwnerChanged":
        return ChangeOperation.REASSIGNED
    for ending in (ChangeOperation.CREATED, ChangeOperation.ARCHIVED, ChangeOperation.RESTORED):
        if event.endswith(ending.value.capitalize()):
            return ending
    return ChangeOperation.UPDATED


_WEAK = (ChangeOperation.UPDATED, ChangeOperation.REASSIGNED)


def joined(earlier: ChangeOperation, later: ChangeOperation) -> ChangeOperation:
    """What two changes of one record are together, for somebody who saw neither.

    Coming and going says more than a change; among changes, another holder says more than another value.
    """
    if earlier is ChangeOperation.CREATED and later is ChangeOperation.RESTORED:
        return earlier
    if later not in _WEAK:
        return later
    return later if earlier is ChangeOperation.UPDATED else earlier


def notices_of(
    tenant_id: UUID,
    actor_id: UUID | None,
    at: datetime,
    events: Iterable[Mapping[str, Any]],
    audit: Iterable[Mapping[str, Any]] = (),
) -> list[Notice]:
    """The notices of a transaction.

    Args:
        events: rows of the outbox: `type`, `entity`, `record_id`.
        audit: rows of the audit: `entity`, `record_id`, `before`; they count for records without an event.
    """
    happened: dict[tuple[str, UUID], ChangeOperation] = {}
    for event in events:
        key = (event["entity"], event["record_id"])
        operation = operation_of(event["type"])
        happened[key] = joined(happened[key], operation) if key in happened else operation
    for entry in audit:
        operation = ChangeOperation.CREATED if entry["before"] is None else ChangeOperation.UPDATED
        happened.setdefault((entry["entity"], entry["record_id"]), operation)
    groups: dict[tuple[str, ChangeOperation], list[UUID]] = {}
    for (entity, record_id), operation in happened.items():
        groups.setdefault((entity, operation), []).append(record_id)
    return [
        Notice(tenant_id, entity, operation, part, actor_id, at)
        for (entity, operation), ids in groups.items()
        for part in _parts(ids)
    ]


def _parts(ids: Sequence[UUID]) -> list[tuple[UUID, ...] | None]:
    if len(ids) > IDS_PER_NOTICE * MOST_NOTICES:
        return [None]
    return [tuple(ids[start : start + IDS_PER_NOTICE]) for start in range(0, len(ids), IDS_PER_NOTICE)]


def pack(notice: Notice) -> str:
    """A notice as a payload of at most `LARGEST_PAYLOAD` bytes."""
    ids = notice.record_ids
    values = {
        "t": notice.tenant_id.hex,
        "e": notice.entity,
        "o": notice.operation.value,
        "a": notice.actor_id.hex if notice.actor_id is not None else None,
        "at": notice.at.isoformat(),
        "i": None if ids is None else "".join(urlsafe_b64encode(one.bytes)[:_ID].decode() for one in ids),
    }
    return orjson.dumps(values).decode()


def unpack(payload: str) -> Notice:
    """The notice of a payload.

    Raises:
        InvalidNotice: nothing that `pack` made.
    """
    try:
        values = orjson.loads(payload)
        ids = values["i"]
        return Notice(
            tenant_id=UUID(values["t"]),
            entity=str(values["e"]),
            operation=ChangeOperation(values["o"]),
            record_ids=None if ids is None else tuple(_ids(ids)),
            actor_id=UUID(values["a"]) if values["a"] is not None else None,
            at=datetime.fromisoformat(values["at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidNotice(
            f"A payload on {CHANNEL} cannot be read: {error}.", hint=f"Let nobody else send on {CHANNEL}."
        ) from error


def _ids(text: str) -> Iterable[UUID]:
    for start in range(0, len(text), _ID):
        yield UUID(bytes=urlsafe_b64decode(text[start : start + _ID] + "=="))
