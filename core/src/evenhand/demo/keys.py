"""The demo's API keys, kept in the data directory so that a printed command works after a restart, too.

The database holds only hashes, so that a key cannot be shown again. The file is readable by its user alone, who can
read the demo's database in the same directory anyway; making a new key at each start would break what was copied.
"""

from __future__ import annotations

import os
from pathlib import Path

from evenhand.auth.keys import Unauthenticated, authenticate, create_api_key
from evenhand.db.config import data_directory
from evenhand.demo.prepare import DemoTenant
from evenhand.tenancy.context import acting_as


def key_file(slug: str) -> Path:
    """Where the key of a demo tenant is kept."""
    return data_directory() / "demo" / f"{slug}.key"


async def demo_key(tenant: DemoTenant) -> str:
    """The kept key of the tenant's admin when it still opens the tenant, else a new one, which is kept."""
    path = key_file(tenant.slug)
    if path.exists():
        key = path.read_text().strip()
        try:
            if (await authenticate(key)).tenant_id == tenant.system.tenant_id:
                return key
        except Unauthenticated:
            pass
    with acting_as(tenant.system):
        key = await create_api_key(tenant.admin_id, "demo")
    _keep(path, key)
    return key


def _keep(path: Path, key: str) -> None:
    """Write the key whole or not at all, never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
    partial.replace(path)
