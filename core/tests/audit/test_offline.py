"""The script that verifies exports: it spells JSON as PostgreSQL does, and finds every manipulation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.audit import redact_audit, take_checkpoint
from evenhand.actions.journal import writing
from evenhand.audit import offline
from evenhand.audit.exporting import NoSuchLink, export_chain
from evenhand.audit.models import AuditSeal
from evenhand.audit.sealing import seal_entries
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(
    ["客户", "公海 🐟", 'a"b\\c', "tab\tline\nend\r", "\u2028\x7f\x1f", "é", "e\u0301"]
)
NUMBERS = st.integers(-(10**30), 10**30) | st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12
).map(Decimal)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


def as_json(value: Any) -> str:
    """JSON as a client may spell it; decimals with their digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=1, max_size=20))
def test_it_reads_back_what_it_spells(values: list[Any]) -> None:
    text = offline.canonical(values)
    assert offline.canonical(offline.parsed(text)) == text


async def test_it_spells_json_as_the_database_does(tenant: SomeTenant) -> None:
    """Many generated values in one statement: PostgreSQL's text of each is the script's."""
    examples: list[Any] = []

    @settings(max_examples=300, deadline=None, database=None)
    @given(VALUES)
    def collect(value: Any) -> None:
        examples.append(value)

    collect()
    fixed = ['{"b":1,"aa":2,"a":[1.50,-0,0.0,1e3,1E-7,-0.00,12345678901234567890]}', "[]", "{}", '"\\u0001"', "-0.0"]
    texts = [*map(as_json, examples), *fixed]
    with acting_as(tenant.system):
        async with transaction() as client:
            rows = await raw_connection(client).fetch(
                "SELECT t::jsonb::text AS spelt FROM unnest($1::text[]) WITH ORDINALITY AS u (t, place) ORDER BY place",
                texts,
            )
    for text, row in zip(texts, rows, strict=True):
        assert offline.canonical(offline.parsed(text)) == row["spelt"], text


async def test_digests_and_links_are_those_of_the_database(tenant: SomeTenant) -> None:
    drawn: list[dict[str, Any]] = []

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.dictionaries(TEXTS, st.none() | st.booleans() | TEXTS | st.integers(-(2**53), 2**53), max_size=6))
    def collect(value: dict[str, Any]) -> None:
        drawn.append(value)

    collect()
    with acting_as(tenant.system):
        async with writing("生成") as journal:
            for value in drawn:
                journal.record("Account", uuid7(), before=value or None, after={"nested": {"list": [value, None]}})
        lines = await exported(tenant)
        async with reading():
            seals = {seal.number: seal for seal in await AuditSeal.all()}
    before = offline.genesis(str(tenant.id))
    for line in lines[1:]:
        digest = offline.digest_of(line["content"])
        before = offline.link(before, line["number"], digest)
        seal = seals[line["number"]]
        assert (seal.digest, seal.hash) == (digest, before)
    assert len(lines) - 1 == len(seals) > len(drawn)


async def exported(tenant: SomeTenant, first: int = 1, last: int | None = None) -> list[dict[str, Any]]:
    with acting_as(tenant.system):
        await seal_entries()
        return [orjson.loads(line) async for line in export_chain(first, last)]


def opened(lines: list[dict[str, Any]]) -> offline.Export:
    return offline.Export(lambda: [json.dumps(line, ensure_ascii=False) for line in lines])


def entry_in(line: dict[str, Any]) -> Any:
    return offline.parsed(line["content"].partition(" ")[2])


@pytest.fixture
async def lines(tenant: SomeTenant) -> list[dict[str, Any]]:
    for number in range(4):
        await tenant.create("Account", name=f"客户 {number}", phone="13800000000")
    return await exported(tenant)


def test_a_whole_export(lines: list[dict[str, Any]]) -> None:
    assert offline.verify(opened(lines)) == len(lines) - 1


async def test_a_part(tenant: SomeTenant, lines: list[dict[str, Any]]) -> None:
    assert offline.verify(opened(await exported(tenant, 3, 6))) == 4
    for first, last in ((5, 4), (1, len(lines)), (len(lines), None)):
        with pytest.raises(NoSuchLink):
            await exported(tenant, first, last)


def _edit(lines: list[dict[str, Any]], place: int, old: str, new: str) -> str:
    assert old in lines[place]["content"]
    content: str = lines[place]["content"].replace(old, new)
    lines[place]["content"] = content
    return content


def _rewrite(lines: list[dict[str, Any]]) -> None:
    """Change an entry and everything after it, as somebody with all rights may."""
    place = next(place for place, line in enumerate(lines) if place and '"action": "create_account"' in line["content"])
    _edit(lines, place, "create_account", "update_account")
    before = bytes.fromhex(lines[place - 1]["hash"])
    for line in lines[place:]:
        digest = offline.digest_of(line["content"])
        before = offline.link(before, line["number"], digest)
        line |= {"digest": digest.hex(), "hash": before.hex()}


MANIPULATIONS: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "changed": lambda lines: _edit(lines, 4, '"via": "', '"via": "x'),
    "changed with its digest": lambda lines: lines[4].update(
        digest=offline.digest_of(_edit(lines, 4, '"via": "', '"via": "x')).hex()
    ),
    "deleted": lambda lines: lines.pop(4),
    "cut off": lambda lines: lines.pop(),
    "swapped": lambda lines: lines.insert(4, lines.pop(5)),
    "emptied": lambda lines: lines[4].update(content=None),
    "other entry": lambda lines: lines[4].update(entry=lines[5]["entry"]),
    "other kind": lambda lines: lines[4].update(kind="retention" if lines[4]["kind"] == "audit" else "audit"),
    "spelt otherwise": lambda lines: _edit(lines, 4, '": "', '":  "'),
    "other beginning": lambda lines: lines[0].update(before="00" * 32),
}


@pytest.mark.parametrize("name", list(MANIPULATIONS))
def test_every_manipulation_is_found(lines: list[dict[str, Any]], name: str) -> None:
    MANIPULATIONS[name](lines)
    with pytest.raises((offline.NotWhole, KeyError)):
        offline.verify(opened(lines))


async def test_a_rewritten_chain_is_found_by_a_checkpoint_only(
    tenant: SomeTenant, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    with acting_as(tenant.system):
        taken = await take_checkpoint()
    checkpoint = {
        "format": offline.CHECKPOINT,
        "tenant": str(tenant.id),
        "number": taken.number,
        "hash": taken.hash,
    }
    assert offline.verify(opened(lines), [checkpoint]) == len(lines) - 1
    _rewrite(lines)
    assert offline.verify(opened(lines)) == len(lines) - 1
    with pytest.raises(offline.NotWhole) as caught:
        offline.verify(opened(lines), [checkpoint])
    assert caught.value.number == taken.number
    with pytest.raises(offline.NotWhole):
        offline.verify(opened(lines), [{**checkpoint, "tenant": str(uuid7())}])
    with pytest.raises(offline.NotWhole):
        offline.verify(opened(lines), [{**checkpoint, "number": taken.number + 1}])


async def test_redacted_entries_are_accepted(tenant: SomeTenant) -> None:
    contact = await tenant.create("Contact", name="王芳")
    await tenant.update("Contact", contact, name="王小芳")
    before = await exported(tenant)
    with acting_as(tenant.system):
        await redact_audit("Contact", contact, ["name"], "She asked for it")
    lines = await exported(tenant)
    assert offline.verify(opened(lines)) == len(lines) - 1
    text = json.dumps(lines, ensure_ascii=False)
    assert "王芳" not in text
    assert "王小芳" not in text
    assert [line["hash"] for line in lines[1 : len(before)]] == [line["hash"] for line in before[1:]]
    with pytest.raises(offline.NotWhole):
        offline.verify(opened(await exported(tenant, 1, len(before) - 1)))


async def test_as_a_script_of_its_own(tenant: SomeTenant, lines: list[dict[str, Any]], tmp_path: Path) -> None:
    script = tmp_path / "verify.py"
    script.write_bytes(Path(offline.__file__).read_bytes())
    export, bad = tmp_path / "export.jsonl", tmp_path / "bad.jsonl"
    export.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    checkpoint = tmp_path / "checkpoint.json"
    last = lines[-1]
    known = {"format": offline.CHECKPOINT, "tenant": str(tenant.id), "number": last["number"], "hash": last["hash"]}
    checkpoint.write_text(json.dumps(known), "utf-8")
    bad.write_text("{}\n", "utf-8")

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    whole = call(export, "--checkpoint", checkpoint)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert f"{len(lines) - 1} links" in whole.stdout
    checkpoint.write_text(json.dumps({**known, "hash": "ab" * 32}), "utf-8")
    broken = call(export, "--checkpoint", checkpoint)
    assert broken.returncode == 1
    assert f"Link {last['number']}" in broken.stdout
    assert call(bad).returncode == 2
    assert call(tmp_path / "nowhere").returncode == 2
