from __future__ import annotations

from pathlib import Path

import pytest

from evenhand import files
from evenhand.actions.attachments import attach_file, read_attachment
from evenhand.db.session import reading
from evenhand.entities import Attachment
from evenhand.errors import InvalidInput, NotFound
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_DATA", str(tmp_path))
    return tmp_path


async def test_a_file_is_stored_and_read_again(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    with acting_as(tenant.actor(Role.REP)):
        attachment = await attach_file("account", account, "报价单.pdf", b"%PDF-1.7", media_type="application/pdf")
        assert await read_attachment(attachment) == ("报价单.pdf", b"%PDF-1.7")
        async with reading():
            row = await Attachment.get(id=attachment)
    assert (row.size_bytes, row.account_id, row.author_id) == (8, account, tenant.users[Role.REP])


async def test_attachments_do_not_cross_tenants(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    with acting_as(tenant.system):
        attachment = await attach_file("account", account, "a.txt", b"secret")
    with acting_as(other_tenant.system):
        with pytest.raises(NotFound):
            await read_attachment(attachment)
        with pytest.raises(InvalidInput):
            await attach_file("account", account, "b.txt", b"x")


async def test_only_what_fits_is_attached(tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput):
            await attach_file("account", uuid7(), "a.txt", b"x")
        with pytest.raises(InvalidInput):
            await attach_file("team", uuid7(), "a.txt", b"x")
        monkeypatch.setattr(files, "MOST_BYTES", 2)
        with pytest.raises(files.FileTooLarge):
            await attach_file("account", uuid7(), "a.txt", b"abc")


async def test_a_damaged_file_is_noticed(tenant: SomeTenant, own_folder: Path) -> None:
    account = await tenant.create("Account", name="Acme")
    with acting_as(tenant.system):
        attachment = await attach_file("account", account, "a.txt", b"abc")
        (stored,) = [path for path in own_folder.rglob("*") if path.is_file()]
        stored.write_bytes(b"abd")
        with pytest.raises(files.FileMissing):
            await read_attachment(attachment)
