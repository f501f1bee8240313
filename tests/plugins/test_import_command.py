"""`evenhand import` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.actions.owners import set_owner
from evenhand.auth.keys import tenant_id_of
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.ownership.holders import default_pool_id
from evenhand.tenancy.context import acting_as, system_actor
from evenhand.tenancy.models import uuid7
from evenhand.testing import Command


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


@pytest.fixture
def slug(evenhand: Command) -> str:
    slug = f"t-{uuid7().hex}"
    evenhand("tenant", "create", slug, "--name", "华兴", "--locale", "zh-CN", "--currency", "CNY")
    return slug


def test_leads_are_imported_and_assigned(evenhand: Command, slug: str, tmp_path: Path) -> None:
    path = tmp_path / "线索.csv"
    path.write_text(
        "姓名,手机,负责人,预算,奇怪\n李雷,13800000001,,¥3万,x\n韩梅梅,13800000002,没有人,5,y\n", encoding="gb18030"
    )
    assert "evenhand plugin enable importers" in evenhand("import", str(path), "--as", "leads", "-t", slug, code=1)
    for plugin in ("importers", "assignment"):
        evenhand("plugin", "enable", plugin, "--tenant", slug)
    evenhand("user", "add", "--tenant", slug, "--name", "王小明", "--role", "rep")
    dry = evenhand("import", str(path), "--as", "leads", "-t", slug, "--dry-run")
    assert "nothing was kept" in dry
    output = evenhand("import", str(path), "--as", "leads", "-t", slug, "--assign")
    for part in (
        "GB18030, comma",
        "created    1",
        "bad        1",
        "rows/s",
        "'没有人' is no User here",
        "奇怪",
        "王小明  1",
    ):
        assert part in output
    assert path.with_name("线索.csv.errors.csv").exists()
    words = ("--map-value", "负责人:没有人=王小明", "--map", "奇怪=custom.odd")
    output = evenhand("import", str(path), "--as", "leads", "-t", slug, *words)
    assert "created    1" in output
    assert "updated    1" in output


def test_it_fails_only_when_nothing_could_be_done(evenhand: Command, slug: str, tmp_path: Path) -> None:
    evenhand("plugin", "enable", "importers", "--tenant", slug)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("name\nAcme\n", encoding="utf-8")
    bad.write_text("name,employees\nAcme,many\n", encoding="utf-8")
    missing = str(tmp_path / "missing.csv")
    assert "no such file" in evenhand("import", missing, "--as", "accounts", "-t", slug, code=1)
    assert "'many' is not a number" in evenhand("import", str(bad), "--as", "accounts", "-t", slug, code=1)
    evenhand("import", missing, str(bad), str(good), "--as", "accounts", "-t", slug)
    assert "no entity 'accouns'" in evenhand("import", str(good), "--as", "accouns", "-t", slug, code=1)
    assert "has no '='" in evenhand("import", str(good), "--as", "accounts", "-t", slug, "--map", "x", code=1)
    assert "no field" in evenhand("import", str(good), "--as", "accounts", "-t", slug, "--map-value", "x=y", code=1)


async def test_what_an_earlier_run_left_is_assigned_and_what_was_given_back_is_not(
    evenhand: Command, slug: str, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,name\n1,Li\n2,Wang\n")
    for plugin in ("importers", "assignment"):
        evenhand("plugin", "enable", plugin, "--tenant", slug)
    evenhand("user", "add", "--tenant", slug, "--name", "Ann", "--role", "rep")
    evenhand("import", str(path), "--as", "leads", "-t", slug)
    assert "Ann    2" in evenhand("import", str(path), "--as", "leads", "-t", slug, "--assign")
    tenant_id = await tenant_id_of(slug)
    assert tenant_id is not None
    with acting_as(system_actor(tenant_id)):
        async with reading():
            pool, lead = await default_pool_id(), await Lead.get(name="Li")
        await set_owner("lead", [lead.id], pool_id=pool)
    assert "Nothing to assign" in evenhand("import", str(path), "--as", "leads", "-t", slug, "--assign")


def test_bad_rows_are_kept_where_files_can_be_written(evenhand: Command, slug: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,name,value_estimate\n1,Li,5\n2,Wang,-5\n")
    evenhand("plugin", "enable", "importers", "--tenant", slug)
    impossible = path / "folder" / "bad.csv"
    output = evenhand("import", str(path), "--as", "leads", "-t", slug, "--error-file", str(impossible))
    kept = Path(evenhand.environment["EVENHAND_DATA"]) / "import-errors" / "bad.csv"
    assert str(kept) in output
    assert "Wang" in kept.read_text(encoding="utf-8-sig")
