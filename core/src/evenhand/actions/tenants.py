"""Create a tenant with what every tenant needs: a pool, a pipeline and schedules."""

from __future__ import annotations

import re
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import asyncpg

from evenhand.actions.errors import DuplicateValue
from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.actions.schedules import add_default_schedules
from evenhand.actions.values import require_value
from evenhand.auth.fields.defaults import create_default_field_rules
from evenhand.automation.defaults import create_default_rules
from evenhand.db.bulk import insert_rows
from evenhand.entities import Tenant
from evenhand.entities.columns import CURRENCY_PATTERN
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.context import acting_as, system_actor
from evenhand.tenancy.models import uuid7

_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")

_DEFAULTS = {
    "en": {
        "pool": "Public pool",
        "pipeline": "Sales",
        "stages": ("Prospecting", "Engaging", "Proposal", "Negotiation", "Won", "Lost"),
    },
    "zh": {
        "pool": "公海",
        "pipeline": "销售流程",
        "stages": ("初步接触", "需求确认", "方案报价", "商务谈判", "赢单", "输单"),
    },
}
_STAGE_FACTS = ((10, "open", 14), (30, "open", 30), (50, "open", 21), (75, "open", 14), (100, "won", 0), (0, "lost", 0))


def default_stage_names() -> list[tuple[str, ...]]:
    """The default stages in order, each with its names in all languages."""
    return list(zip(*(words["stages"] for words in _DEFAULTS.values()), strict=True))


def _check(slug: str, name: str, locale: str, time_zone: str, currency: str) -> None:
    problems = []
    if not _SLUG.fullmatch(slug):
        hint = "Use small letters, digits and hyphens, at most 63, e.g. acme-shanghai."
        problems.append(Problem("slug", "BAD_SLUG", f"slug: {slug!r} cannot be used.", hint))
    for column, value in (("name", name), ("locale", locale)):
        try:
            require_value(Tenant, column, value)
        except InvalidInput as invalid:
            problems += invalid.problems
    if time_zone not in available_timezones():
        hint = "Use a name such as Asia/Shanghai or Europe/London."
        problems.append(Problem("time_zone", "BAD_TIME_ZONE", f"time_zone: {time_zone!r} is unknown.", hint))
    if not re.fullmatch(CURRENCY_PATTERN, currency):
        hint = "Use three letters such as CNY or USD."
        problems.append(Problem("currency", "BAD_CURRENCY", f"currency: {currency!r} is no currency.", hint))
    if problems:
        raise InvalidInput(problems)


async def create_tenant(
    slug: str, name: str, *, locale: str = "en", time_zone: str = "UTC", currency: str = "USD"
) -> UUID:
    """Create a tenant with a default pool and a default pipeline, named in its language.

    Returns: its id.

    Raises:
        InvalidInput; DuplicateValue: the slug is taken.
    """
    _check(slug, name, locale, time_zone, currency)
    tenant_id = uuid7()
    words = _DEFAULTS["zh" if locale.startswith("zh") else "en"]
    with acting_as(system_actor(tenant_id, via="set-up")):
        try:
            async with writing("create_tenant") as journal:
                row = {"id": tenant_id, "slug": slug, "name": name.strip(), "locale": locale}
                row |= {"time_zone": ZoneInfo(time_zone).key, "currency": currency, "created_at": journal.now}
                await insert_rows(journal.client, Tenant, [row])
                journal.record("Tenant", tenant_id, before=None, after=row)
                await create_records(entity("Pool"), [{"name": words["pool"], "is_default": True}], journal=journal)
                pipeline = {"name": words["pipeline"], "is_default": True}
                (pipeline_id,) = await create_records(entity("Pipeline"), [pipeline], journal=journal)
                stages = [
                    {
                        "pipeline_id": pipeline_id,
                        "name": stage,
                        "position": position,
                        "probability": probability,
                        "kind": kind,
                        "expected_days": days,
                    }
                    for position, (stage, (probability, kind, days)) in enumerate(
                        zip(words["stages"], _STAGE_FACTS, strict=True), start=1
                    )
                ]
                await create_records(entity("Stage"), stages, journal=journal)
                await add_default_schedules(journal)
                await create_default_rules("zh" if locale.startswith("zh") else "en", journal)
                await create_default_field_rules(journal)
        except asyncpg.UniqueViolationError as error:
            raise DuplicateValue(f"The slug {slug!r} is taken.", hint="Choose another slug.", slug=slug) from error
    return tenant_id
