"""Importers of third parties, and what the core itself does with their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.actions.imports import ImportOptions, NoImporter, import_file
from evenhand.actions.imports.mapping import parse_meaning
from evenhand.actions.imports.naming import derive, fold, natural_key, person_name
from evenhand.actions.imports.references import Directory
from evenhand.actions.imports.writing import merge_children
from evenhand.actions.plugins import set_plugin
from evenhand.api import (
    BadCell,
    BadRow,
    Importer,
    ImportField,
    ReadCell,
    Recognition,
    SourceRow,
    TenantContext,
    hookimpl,
)
from evenhand.db.session import reading
from evenhand.entities import Account, Campaign, ExternalId
from evenhand.entities.registry import entity
from evenhand.plugins.host import PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


@dataclass(frozen=True)
class Lines:
    """A table of `field=value` lines, as no real format has it."""

    headers: Sequence[str]
    records: Sequence[SourceRow | BadRow]
    description: str = "lines"

    def rows(self) -> Iterator[SourceRow | BadRow]:
        yield from self.records


@dataclass
class LinesImporter:
    """Somebody else's importer: headers are field names."""

    name: str = "lines"
    sure: float = 1.0
    table: Lines = field(default_factory=lambda: Lines((), ()))

    def sniff(self, path: Path) -> float:
        return self.sure

    def open(self, path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Lines:
        return self.table

    def recognise(self, entity: str, fields: Sequence[ImportField], headers: Sequence[str]) -> Recognition:
        known = {item.name for item in fields}
        return Recognition({header: header for header in headers if header in known}, source=self.name)

    def reader(self, target: ImportField, samples: Collection[str]) -> ReadCell:
        return str.upper if target.name == "industry" else str


def table(*rows: Mapping[str, str], bad: BadRow | None = None) -> Lines:
    headers = tuple(rows[0])
    records: list[SourceRow | BadRow] = [
        SourceRow(line, [row.get(header, "") for header in headers]) for line, row in enumerate(rows, start=2)
    ]
    return Lines(headers, [*records, bad] if bad else records)


def host_with(**importers: Importer | Exception) -> PluginHost:
    """A host with one plugin per importer; an exception is raised by its hook."""
    host = PluginHost([])
    for slug, importer in importers.items():

        class Hooks:
            offered = importer

            @hookimpl
            def importers(self, ctx: TenantContext) -> Sequence[Importer]:
                if isinstance(self.offered, Exception):
                    raise self.offered
                return [self.offered]

        host.load(PluginManifest(slug=slug, title={"en": slug}, api=">=0.1", hooks="none:none"), Hooks())
    return host


async def load(tenant: SomeTenant, host: PluginHost, kind: str, **options: Any) -> Any:
    with acting_as(tenant.system):
        for slug in host.manifests:
            await set_plugin(slug, enabled=True)
        return await import_file(kind, Path("anything"), ImportOptions(**options))


async def test_a_third_partys_importer_is_used_like_ours(tenant: SomeTenant, tmp_path: Path) -> None:
    source = table({"name": "Acme", "industry": "retail", "other": "x"}, {"name": "华兴", "industry": ""})
    with use_host(host_with(theirs=LinesImporter(table=source))) as host:
        report = await load(tenant, host, "account", error_file=tmp_path / "errors.csv")
    assert (report.created, report.importer, report.source) == (2, "lines (lines)", "lines")
    assert report.mapping == {"name": "name", "industry": "industry"}
    assert [column.header for column in report.unmapped] == ["other"]
    with acting_as(tenant.system):
        async with reading():
            assert [a.industry for a in await Account.all().order_by("id")] == ["RETAIL", None]
            assert {known.external_id for known in await ExternalId.all()} == {"acme", "华兴"}


async def test_the_surest_importer_reads_and_a_broken_plugin_does_not_matter(tenant: SomeTenant) -> None:
    unsure = LinesImporter("unsure", 0.1, table({"name": "Wrong"}))
    sure = LinesImporter("sure", 0.9, table({"name": "Right"}))
    with use_host(host_with(broken=RuntimeError("broken"), first=unsure, second=sure)) as host:
        report = await load(tenant, host, "account")
        assert report.importer == "sure (lines)"
        report = await load(tenant, host, "account", importer="unsure")
        assert report.importer == "unsure (lines)"
        with pytest.raises(NoImporter, match="unsure, sure"):
            await load(tenant, host, "account", importer="none")


async def test_any_entity_can_be_imported(tenant: SomeTenant) -> None:
    source = table({"name": "Spring fair", "channel": "event", "external_id": "c-1", "starts_on": "2026-03-01"})
    with use_host(host_with(theirs=LinesImporter(table=source))) as host:
        report = await load(tenant, host, "campaigns")
    assert report.created == 1, report.problems
    with acting_as(tenant.system):
        async with reading():
            (campaign,) = await Campaign.all()
    assert (campaign.name, campaign.channel.value, str(campaign.starts_on)) == ("Spring fair", "event", "2026-03-01")


async def test_rows_that_the_importer_could_not_read_are_bad_rows(tenant: SomeTenant, tmp_path: Path) -> None:
    bad = BadRow(9, ["a", "b", "c"], "TORN", "the line is torn.", "Glue it.")
    with use_host(host_with(theirs=LinesImporter(table=table({"name": "Acme"}, bad=bad)))) as host:
        report = await load(tenant, host, "account", error_file=tmp_path / "errors.csv")
    assert (report.created, report.bad, report.nothing_done) == (1, 1, False)
    assert (tmp_path / "errors.csv").read_text(encoding="utf-8-sig").splitlines() == [
        "_line,_column,_problem,_hint,name",
        "9,,the line is torn.,Glue it.,a,b,c",
    ]


NAMES = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


@given(NAMES)
def test_folding_is_stable_and_forgets_case_width_and_blanks(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(f"  {text} ") == fold(text)


def test_folding() -> None:
    assert fold("ＧＴＸ　Ｐｒｏ") == fold("gtx  PRO") == "gtx pro"


@pytest.mark.parametrize(
    ("first", "last", "whole"),
    [("小明", "王", "王小明"), ("Anna", "Snelling", "Anna Snelling"), (None, "Li", "Li"), (None, None, None)],
)
def test_names_of_people(first: str | None, last: str | None, whole: str | None) -> None:
    assert person_name(first, last) == whole


@pytest.mark.parametrize(
    ("kind", "texts", "locale", "derived"),
    [
        ("Opportunity", {"account": "Cancity", "product": "GTX"}, "en", {"name": "Cancity · GTX"}),
        ("Opportunity", {"external_id": "X1"}, "zh-CN", {"name": "商机 X1"}),
        ("Lead", {"number": "660737", "email": "a@b.c"}, "en", {"name": "Lead 660737"}),
        ("Lead", {"number": "660737"}, "zh", {"name": "线索 660737"}),
        ("Product", {"name": "Pump"}, "en", {"code": "Pump"}),
        ("Account", {"industry": "x"}, "en", {}),
        ("Account", {"name": "Acme"}, "en", {}),
    ],
)
def test_names_are_made_of_what_there_is(
    kind: str, texts: dict[str, str], locale: str, derived: dict[str, str]
) -> None:
    assert derive(entity(kind), texts, locale) == derived


def test_natural_keys() -> None:
    assert natural_key(entity("user"), {"name": "Li", "email": "LI@x.y"}) == "li@x.y"
    assert natural_key(entity("lead"), {"name": "Li", "company": "Acme"}) == "li | acme"
    assert natural_key(entity("lead"), {"company": "Acme"}) is None


def test_a_directory_finds_by_id_then_by_name() -> None:
    directory = Directory("Account")
    first, second = uuid7(), uuid7()
    directory.add(first, "GTX Pro", ["高级"])
    directory.add(second, "GTX Basic")
    directory.external["GTX Pro"] = second
    assert directory.find("GTX Pro", "product") == second
    assert directory.find("gtx pro", "product") == first
    assert directory.find("高级", "product") == first
    assert directory.find(str(first), "product") == first
    assert directory.suggest("GTXPro") == ["GTX Pro"]
    with pytest.raises(BadCell) as caught:
        directory.find(str(uuid7()), "product")
    assert caught.value.code == "REFERENCE_NOT_FOUND"


def test_children_are_merged() -> None:
    here = [{"kind": "email", "value": "a@b.c", "label": None, "is_primary": True}]
    new = {"kind": "email", "value": "d@e.f", "label": None, "is_primary": True}
    assert merge_children("channels", here, [dict(here[0])]) is None
    assert merge_children("channels", here, [new]) == [here[0], {**new, "is_primary": False}]
    line = {"product_id": uuid7(), "quantity": 1, "unit_price": None}
    assert merge_children("lines", [{**line, "quantity": 5}], [line]) is None
    assert merge_children("lines", [{**line, "product_id": uuid7()}], [line]) == [line]
    assert merge_children("lines", [line], None) is None


@pytest.mark.usefixtures("database")
def test_meanings_are_parsed() -> None:
    parsed = parse_meaning(entity("account"), " annual_revenue * 1000000 , owner_id, custom.size ")
    assert [(target.name, factor) for target, factor in parsed] == [
        ("annual_revenue", 1_000_000),
        ("owner", None),
        ("custom.size", None),
    ]
    assert parse_meaning(entity("account"), "") == []
