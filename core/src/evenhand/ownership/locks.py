"""By which numbers PostgreSQL locks what people hold. No I/O here."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from uuid import UUID


def holder_locks(tenant_id: UUID, locked: Collection[UUID], owner_ids: Iterable[UUID]) -> tuple[int, list[int]]:
    """The group of a tenant's advisory locks, and the numbers of these people in the order to take them.

    Args:
        locked: whose locks are held already.
    """
    numbers = sorted({zlib.crc32(owner_id.bytes) - 2**31 for owner_id in owner_ids if owner_id not in locked})
    return zlib.crc32(b"holder" + tenant_id.bytes) - 2**31, numbers
