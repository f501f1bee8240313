"""Bring the demo tenants to where they should be, from wherever an earlier run stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from evenhand import clock
from evenhand.actions.plugins import set_plugin
from evenhand.db.session import reading
from evenhand.demo.generate import SEED, generate
from evenhand.demo.intake import assign_leads, import_leads, lead_ids, undecided_leads
from evenhand.demo.leads import LEADS
from evenhand.demo.lexicon import Lexicon
from evenhand.demo.loader import Origin, OtherSeed, find_tenant, load_history, loaded_with
from evenhand.entities import Team, User
from evenhand.plugins.host import current_host
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import Actor, acting_as

PluginSettings = Callable[[str, Sequence[Team], Sequence[User]], Mapping[str, Any]]
"""From a plugin's slug, the sales teams and all users to the settings that the demo gives it."""


class Watcher(Protocol):
    """Follows the work."""

    def step(self, name: str, total: int) -> None:
        """A step begins that has so many records to do."""

    def advance(self, records: int) -> None:
        """Some records of the step are done."""


class Nobody:
    """Follows nothing."""

    def step(self, name: str, total: int) -> None:
        """Not shown."""

    def advance(self, records: int) -> None:
        """Not shown."""


@dataclass(frozen=True)
class DemoTenant:
    """A demo tenant that is ready.

    Attributes:
        system: acts with every right.
        admin_id: the user for whom the demo's API key acts.
        created: whether this run wrote its history.
    """

    slug: str
    name: str
    locale: str
    system: Actor
    admin_id: UUID
    origin: Origin
    created: bool


async def prepare_tenant(
    lexicon: Lexicon,
    *,
    seed: int | None = None,
    today: date | None = None,
    settings_for: PluginSettings | None = None,
    watcher: Watcher | None = None,
) -> DemoTenant:
    """Make one demo tenant ready: history, plugins, imported leads, assignment. What is there already stays.

    Every step is all or nothing or can be repeated, so that a run that was killed is continued by the next one.

    Args:
        seed: for a new story; an existing one keeps its own.
        today: the day before which the story ends; today by default.

    Raises:
        OtherSeed: a seed is given and the tenant was loaded with another. NotADemoTenant, LeadsRefused.
    """
    watching = watcher or Nobody()
    system = await find_tenant(lexicon.tenant)
    origin = await loaded_with(system)
    created = False
    if origin is None:
        wanted = Origin(SEED if seed is None else seed, today or clock.now().date())
        story = generate(lexicon, wanted.reference, wanted.seed)
        watching.step("two years of history", len(story.records) + len(story.revisions))
        created = await load_history(system, story, progress=watching.advance)
        origin = await loaded_with(system) or wanted
    if seed is not None and seed != origin.seed:
        raise OtherSeed(
            f"The demo tenant {lexicon.tenant['slug']} was made with seed {origin.seed}, not {seed}.",
            hint="Leave --seed out, or remove the demo first: make clean.",
        )
    await _enable_plugins(system, settings_for)
    await _bring_in_leads(lexicon, system, origin, watching)
    with acting_as(system):
        async with reading():
            admin = await User.filter(role="admin", is_active=True, archived_at=None).order_by("id").first()
    if admin is None:
        raise LookupError("the demo tenant has no admin")
    tenant = lexicon.tenant
    return DemoTenant(tenant["slug"], tenant["name"], tenant["locale"], system, admin.id, origin, created)


async def _enable_plugins(system: Actor, settings_for: PluginSettings | None) -> None:
    """Enable every installed plugin that the tenant has never had; what somebody disabled stays disabled."""
    with acting_as(system):
        async with reading():
            known = {row.slug for row in await TenantPlugin.all()}
            teams = await Team.filter(archived_at=None).exclude(region=None)
            users = await User.filter(archived_at=None)
        for position, slug in enumerate(sorted(current_host().manifests)):
            if slug not in known:
                settings = dict(settings_for(slug, teams, users)) if settings_for else {}
                await set_plugin(slug, enabled=True, settings=settings, position=position)


async def _bring_in_leads(lexicon: Lexicon, system: Actor, origin: Origin, watching: Watcher) -> None:
    with acting_as(system):
        complete = len(await lead_ids()) == LEADS
    if not complete:
        watching.step("lead file, imported", LEADS)
        watching.advance(await import_leads(system, generate(lexicon, origin.reference, origin.seed)))
    todo = await undecided_leads(system)
    if todo:
        watching.step("leads, assigned", len(todo))
        watching.advance(await assign_leads(system, todo, origin.seed))
