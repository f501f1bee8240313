"""Suspend plugins that keep failing in a tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from evenhand.actions.journal import writing
from evenhand.db.session import raw_connection
from evenhand.tenancy.context import acting_as, system_actor

log = structlog.get_logger(__name__)

RESUMED: dict[str, Any] = {"suspended_at": None, "reason": None, "failures": 0, "failing_since": None}
"""What a plugin's row is given when an admin enables it (again): it starts with a clean sheet."""

_RECENT = "failing_since > $3::timestamptz - $5::interval"
_FAILURES = f"CASE WHEN {_RECENT} THEN failures + 1 ELSE 1 END"
_SUSPENDS = f"{_FAILURES} >= $4"
# One statement, so that failures that come at the same time are all counted.
_COUNT = f"""
UPDATE tenant_plugins SET
    failures = {_FAILURES},
    failing_since = CASE WHEN {_RECENT} THEN failing_since ELSE $3 END,
    suspended_at = CASE WHEN {_SUSPENDS} THEN $3 END,
    reason = CASE WHEN {_SUSPENDS} THEN $6 END,
    version = version + CASE WHEN {_SUSPENDS} THEN 1 ELSE 0 END
WHERE tenant_id = $1 AND slug = $2 AND enabled AND suspended_at IS NULL AND archived_at IS NULL
RETURNING id, failures, suspended_at
"""


async def count_failure(tenant_id: UUID, slug: str, reason: str, *, most: int, window: timedelta) -> bool:
    """Count one failure of an enabled plugin; the last of `most` within `window` suspends it. Only the host calls it.

    Args:
        reason: the failure in words; it is kept when the plugin is suspended.

    Returns: whether this failure suspended it. A plugin that is disabled or suspended already stays as it is.
    """
    with acting_as(system_actor(tenant_id, via="plugins")):
        async with writing("suspend_plugin") as journal:
            words = f"It failed {most} times within {_words(window)}. The last time: {reason}" if most > 1 else reason
            row = await raw_connection(journal.client).fetchrow(
                _COUNT, tenant_id, slug, journal.now, most, window, words
            )
            if row is None or row["suspended_at"] is None:
                return False
            after = {"slug": slug, "suspended_at": row["suspended_at"], "reason": words, "failures": row["failures"]}
            journal.record("TenantPlugin", row["id"], before={"suspended_at": None, "reason": None}, after=after)
    log.warning("plugin.suspended", plugin=slug, tenant=str(tenant_id), reason=words)
    return True


def _words(window: timedelta) -> str:
    seconds = window.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
