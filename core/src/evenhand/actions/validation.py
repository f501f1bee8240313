"""Ask the plugins that a tenant has enabled whether records may be written as they are about to be."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.actions.journal import Journal
from evenhand.entities.registry import Entity
from evenhand.errors import EvenhandError, Problem, Refusals
from evenhand.plugins.context import tenant_context
from evenhand.plugins.contract import RecordChange
from evenhand.plugins.host import PluginFailed, current_host


def asks_plugins(kind: Entity) -> bool:
    """Whether an installed plugin checks records of this entity; costs no statement."""
    return current_host().validates(kind.name)


async def validate_changes(kind: Entity, changes: Sequence[RecordChange], journal: Journal) -> None:
    """Ask once for all of them, after the core's own checks and before the write; set-based.

    Nothing is read or loaded unless an installed plugin checks records of this entity.

    Args:
        changes: of records of `kind`.

    Raises:
        EvenhandError: with `rows` filled: what plugins find wrong with single records, as `InvalidInput`; or that a
            plugin failed, which refuses all of them.
    """
    if not changes or not asks_plugins(kind):
        return
    if journal.hook_context is None:
        journal.hook_context = await tenant_context(now=journal.now)
    places = {change.record_id: place for place, change in enumerate(changes)}
    refusals = Refusals()
    try:
        for slug, found in await current_host().validate_record(journal.hook_context, changes=changes):
            if found.record_id not in places:
                raise PluginFailed(
                    f"Plugin {slug} found fault with {kind.name} {found.record_id}, which is not being written.",
                    hint="Nothing was changed. Disable the plugin or tell its author.",
                    plugin=slug,
                    hook="validate_record",
                )
            message = f"{found.message.rstrip()} (plugin {slug})"
            refusals.add(places[found.record_id], Problem(found.field, found.code, message, found.hint))
    except EvenhandError as error:
        # Trying the records one by one would only fail as often as there are records.
        error.rows = dict.fromkeys(range(len(changes)), error)
        raise
    refusals.raise_if_any()
