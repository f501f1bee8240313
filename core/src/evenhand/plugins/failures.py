"""Count what goes wrong with a plugin in a tenant, so that one that keeps failing is suspended there."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from evenhand.db.session import after_transaction
from evenhand.plugins.guard import Limits


async def note_failure(tenant_id: UUID, slug: str, reason: str, limits: Limits, *, at_once: bool = False) -> None:
    """Count a failure in a transaction of its own, also when the operation is rolled back.

    Inside a transaction it is counted when that has ended: a second connection is not waited for while one is held.

    Args:
        reason: the error in words, as an admin will read it.
        at_once: suspend the plugin now.
    """
    await after_transaction(partial(_count, tenant_id, slug, reason, limits, at_once))


async def _count(tenant_id: UUID, slug: str, reason: str, limits: Limits, at_once: bool) -> None:
    # The journal knows the plugins' tables, so it cannot be imported by what it imports.
    from evenhand.actions.suspension import count_failure

    most = 1 if at_once else limits.failures
    await count_failure(tenant_id, slug, reason, most=most, window=timedelta(seconds=limits.window))
