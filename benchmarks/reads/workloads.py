"""What is asked: the documents, and the values they are asked with."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.reads import words
from benchmarks.reads.dataset import Dataset, Tenant

CUSTOMER360, ACCOUNT_LIST = "customer360", "account_list"
MIXED = (
    CUSTOMER360,
    ACCOUNT_LIST,
    "account_card",
    "contact_card",
    "opportunity_card",
    "order_card",
    "activity_feed",
    "new_tickets",
    "my_deals",
    "new_leads",
    "account_names",
    "my_tasks",
)
"""Twelve screens, as many requests to each."""

SEED = 2026
LIST_PAGES = 6
_BUSY = 10
"""Contacts of an account worth a customer 360: its answer is then about 500 values."""


@dataclass(frozen=True)
class Asked:
    """One request: which document, for whom, with which values."""

    document: str
    tenant: Tenant
    variables: Mapping[str, Any]


@cache
def document(dialect: str, name: str) -> str:
    """A document as a server takes it; `dialect` is "evenhand" or "postgraphile"."""
    return (Path(__file__).parent / "documents" / dialect / f"{name}.graphql").read_text()


@cache
def declared(text: str) -> frozenset[str]:
    """The variables that a document declares."""
    return frozenset(re.findall(r"\$(\w+):", text))


async def _ids(connection: asyncpg.Connection, tenant: Tenant, table: str, count: int) -> list[str]:
    # Scattered over the table, the same in each run.
    rows = await connection.fetch(
        f"SELECT id FROM {table} WHERE tenant_id = $1 AND archived_at IS NULL ORDER BY hashtextextended(id::text, $2) "
        "LIMIT $3",
        tenant.id,
        SEED,
        count,
    )
    return [str(row["id"]) for row in rows]


async def _busy_accounts(connection: asyncpg.Connection, tenant: Tenant, count: int) -> list[str]:
    rows = await connection.fetch(
        "SELECT account_id FROM contacts WHERE tenant_id = $1 GROUP BY account_id "
        "ORDER BY least(count(*), $4) DESC, hashtextextended(account_id::text, $2) LIMIT $3",
        tenant.id,
        SEED,
        count,
        _BUSY,
    )
    return [str(row["account_id"]) for row in rows]


async def sample(connection: asyncpg.Connection, dataset: Dataset, count: int) -> dict[str, list[Asked]]:
    """For every document but the list `count` requests; larger tenants are asked more often.

    The list's follow from the servers' own cursors, see `list_starts`.
    """
    rng = random.Random(SEED)
    total = sum(tenant.counts["accounts"] for tenant in dataset.tenants)
    asked: dict[str, list[Asked]] = {name: [] for name in MIXED if name != ACCOUNT_LIST}
    for tenant in dataset.tenants:
        share = max(round(count * tenant.counts["accounts"] / total), 3)
        values = {
            "id": await _busy_accounts(connection, tenant, share),
            "contact": await _ids(connection, tenant, "contacts", share),
            "opportunity": await _ids(connection, tenant, "opportunities", share),
            "order": await _ids(connection, tenant, "orders", share),
            "user": await _ids(connection, tenant, "users", share),
        }
        for number in range(share):
            variables = {name: ids[number % len(ids)] for name, ids in values.items()}
            for name, requests in asked.items():
                requests.append(Asked(name, tenant, {**variables, "status": "NEW"}))
    for requests in asked.values():
        rng.shuffle(requests)
    return asked


def list_starts(tenants: Sequence[Tenant]) -> list[Asked]:
    """The first pages of the account list, for each tenant and industry."""
    return [Asked(ACCOUNT_LIST, tenant, {"industry": industry}) for tenant in tenants for industry in words.INDUSTRIES]
