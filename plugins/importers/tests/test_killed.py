"""An import that was killed is simply repeated: nothing lost, nothing double."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from urllib.parse import quote

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import ExternalId, Lead
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import acting_as

from .conftest import Company, Write

ROWS = 30_000
COMMAND = "from evenhand.cli.main import main; main()"


def url(config: DatabaseConfig) -> str:
    password = f":{quote(config.password)}" if config.password else ""
    return f"postgresql://{config.user}{password}@/{config.database}?host={quote(config.host)}&port={config.port}"


async def counts(company: Company) -> list[int]:
    with acting_as(company.tenant.system):
        async with reading():
            return [
                await Lead.all().count(),
                await ExternalId.all().count(),
                await OwnershipEntry.all().count(),
                await OutboxEvent.filter(type="LeadCreated").count(),
            ]


async def test_killed_and_repeated(company: Company, write: Write, database: DatabaseConfig) -> None:
    lines = (f"{number},线索 {number},l{number}@example.com" for number in range(ROWS))
    path = write("leads.csv", "编号,姓名,邮箱\n" + "\n".join(lines) + "\n")
    arguments = ["import", str(path), "--as", "leads", "--tenant", company.tenant.slug]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        *arguments,
        env={**os.environ, "DATABASE_URL": url(database)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if (await counts(company))[0] > 0 or process.returncode is not None:
                break
            await asyncio.sleep(0.05)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
    there, *others = await counts(company)
    assert 0 < there < ROWS
    assert others == [there] * 3
    report = await company.load("leads", path)
    assert (report.created, report.unchanged, report.bad) == (ROWS - there, there, 0)
    assert await counts(company) == [ROWS] * 4
