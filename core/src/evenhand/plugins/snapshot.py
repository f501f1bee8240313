"""Which plugins a tenant has enabled, kept in the process for as long as nothing about them changes.

The version of a tenant's plugins is what PostgreSQL says of the rows' own versions (`xmin`, the transaction that wrote
a row, and `ctid`, where it stands). No writer can forget to count it up, and a change that is rolled back leaves no
version that another change might get.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from evenhand.db.session import reading
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import current_tenant

VERSION = (
    "(SELECT coalesce(md5(string_agg(p.xmin::text || p.ctid::text, ' ' ORDER BY p.id)), '') "
    "FROM tenant_plugins AS p WHERE p.tenant_id = $1)"
)
"""SQL for the version; `$1` is the tenant."""
_ROWS = (
    "SELECT slug, enabled, settings::text AS settings, secrets::text AS secrets, settings_version, suspended_at, "
    "reason, position, archived_at, xmin::text || ctid::text AS written "
    "FROM tenant_plugins WHERE tenant_id = $1 ORDER BY id"
)
KEPT = 10_000
"""Tenants whose plugins are kept; the one asked for longest ago gives way."""


@dataclass(frozen=True)
class EnabledPlugin:
    """An installed plugin that the tenant has enabled, with its checked settings."""

    manifest: PluginManifest
    settings: BaseModel | None


@dataclass(frozen=True)
class PluginRow:
    """A tenant's plugin as it is stored."""

    slug: str
    settings: Mapping[str, Any]
    settings_version: int
    secrets: Mapping[str, str]
    suspended: bool
    reason: str | None


@dataclass(frozen=True)
class Snapshot:
    """A tenant's plugins at one moment, in its order.

    Attributes:
        suspended: those that an admin enabled and that may not be asked now, with the reason, by slug.
        memory: what the host worked out from it.
    """

    version: str
    enabled: tuple[EnabledPlugin, ...]
    suspended: Mapping[str, str] = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)


async def read_rows() -> tuple[str, list[PluginRow]]:
    """The version of the current tenant's plugins and those that are enabled, in its order; one statement."""
    async with reading() as client:
        rows = await client.execute_query_dict(_ROWS, [current_tenant()])
    version = ""
    if rows:
        text = " ".join(row["written"] for row in rows)
        version = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    wanted = sorted(
        (row for row in rows if row["enabled"] and row["archived_at"] is None),
        key=lambda row: (row["position"], row["slug"]),
    )
    return version, [
        PluginRow(
            row["slug"],
            orjson.loads(row["settings"]),
            row["settings_version"],
            orjson.loads(row["secrets"]),
            row["suspended_at"] is not None,
            row["reason"],
        )
        for row in wanted
    ]


class Snapshots:
    """The newest snapshot of each tenant."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Snapshot] = OrderedDict()

    def get(self, tenant_id: UUID, version: str) -> Snapshot | None:
        """The snapshot of this version, if it is here."""
        found = self._kept.get(tenant_id)
        if found is None or found.version != version:
            return None
        self._kept.move_to_end(tenant_id)
        return found

    def keep(self, tenant_id: UUID, snapshot: Snapshot) -> None:
        """Keep it instead of the tenant's others."""
        self._kept[tenant_id] = snapshot
        self._kept.move_to_end(tenant_id)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
