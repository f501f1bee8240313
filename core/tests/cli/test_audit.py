"""The audit chain on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evenhand.audit import offline
from evenhand.audit.models import AuditCheckpoint, AuditVerification
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import reading
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import Command, SomeTenant


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


async def test_from_seal_to_a_chain_that_was_cut_and_rewritten(
    evenhand: Command, database: DatabaseConfig, tenant: SomeTenant, tmp_path: Path
) -> None:
    contact = await tenant.create("Contact", name="王芳", department="secret")
    assert "entries are sealed" in evenhand("audit", "seal", "-t", tenant.slug)
    assert "0 entries are sealed" in evenhand("audit", "seal", "-t", tenant.slug)
    checkpoint, export = tmp_path / "checkpoint.json", tmp_path / "export.jsonl"
    assert "Written" in evenhand("audit", "checkpoint", "-t", tenant.slug, "-o", str(checkpoint))
    known = json.loads(checkpoint.read_text("utf-8"))
    assert "links are whole" in evenhand("audit", "verify", "-t", tenant.slug, "--checkpoint", str(checkpoint))
    arguments = ("contact", str(contact), "-f", "department", "--reason", "Asked", "-t", tenant.slug, "-y")
    assert "1 entries" in evenhand("audit", "redact", *arguments)
    assert "kept 90 days" in evenhand("audit", "retention", "90", "-t", tenant.slug)
    assert "for ever" in evenhand("audit", "retention", "forever", "-t", tenant.slug)
    assert "30 to 36500" in evenhand("audit", "retention", "5", "-t", tenant.slug, code=1)
    evenhand("audit", "export", "-t", tenant.slug, "-o", str(export))
    assert offline.main([str(export), "--checkpoint", str(checkpoint)]) == 0
    assert "no part" in evenhand("audit", "export", "-t", tenant.slug, "--from", "9", "--to", "8", code=1)

    owner = await connect(database)
    try:
        await owner.execute("SELECT set_config('app.tenant', $1, false)", str(tenant.id))
        number = known["number"] - 2
        await owner.execute("DELETE FROM audit_seals WHERE tenant_id = $1 AND number > $2", tenant.id, number)
        await owner.execute("DELETE FROM audit_checkpoints WHERE tenant_id = $1", tenant.id)
        await owner.execute(
            "UPDATE audit_heads AS h SET number = s.number, hash = s.hash FROM audit_seals AS s "
            "WHERE h.tenant_id = $1 AND s.tenant_id = $1 AND s.number = $2",
            tenant.id,
            number,
        )
    finally:
        await owner.close()
    told = evenhand("audit", "verify", "-t", tenant.slug, "--checkpoint", str(checkpoint), code=1)
    assert f"BROKEN at link {number + 1} (chain)" in told
    assert "BROKEN" in evenhand("audit", "verify", "-t", tenant.slug, code=1)
    with acting_as(tenant.system):
        async with reading():
            assert await AuditCheckpoint.all().count() == 0
            found = await AuditVerification.all().order_by("id")
            admins = await Notification.filter(kind="audit_broken")
    assert [one.problem is None for one in found] == [True, False, False]
    assert {one.user_id for one in admins} == {tenant.users[Role.ADMIN]}


async def test_what_cannot_be_read(
    evenhand: Command, tenant: SomeTenant, other_tenant: SomeTenant, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}", "utf-8")
    assert "no checkpoint" in evenhand("audit", "verify", "-t", tenant.slug, "--checkpoint", str(bad), code=1)
    assert "nowhere" in evenhand("audit", "verify", "--checkpoint", str(tmp_path / "nowhere"), code=1)
    evenhand("audit", "checkpoint", "-t", other_tenant.slug, "-o", str(bad))
    assert "not verified" in evenhand("audit", "verify", "-t", tenant.slug, "--checkpoint", str(bad), code=1)
    assert "is no id" in evenhand(
        "audit", "redact", "contact", "x", "-f", "name", "--reason", "r", "-t", tenant.slug, "-y", code=1
    )
    assert "no number" in evenhand("audit", "retention", "soon", "-t", tenant.slug, code=1)
