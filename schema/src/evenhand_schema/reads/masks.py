"""Fields that the caller sees in part or not at all: the table as the caller sees it.

Every statement reads a type through `shown_table`. What is hidden is replaced there, before anything compares it:
filters, orderings, groups and cursors know the mask only, in plans and in loaders alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from evenhand.auth.fields.rules import CHANNEL, MANAGED_POOLS, pool_sql
from evenhand.entities.registry import ENTITIES
from evenhand.tenancy.context import HiddenField, current_actor
from evenhand_schema.reads.parameters import Parameters

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound

_KEPT_CHANGES = {"AccountMerge": ("Account", ("before", "after"))}
"""Types with columns that hold values of an entity's fields by their names."""
_FOUND_BY_NAME = 4
"""Ranks of a search below this one come from names alone."""


def _hidden(entity: str) -> list[HiddenField]:
    return sorted((one for one in current_actor().hidden if one.entity == entity), key=lambda one: one.field)


def waits(entity: str, row: str, parameters: Parameters) -> str:
    """SQL: whether a record waits in a pool that the caller does not manage."""
    pool = pool_sql(entity)
    if pool is None:
        return "FALSE"
    user = f"{parameters.user()}::uuid"
    held = pool.format(row=row)
    return f"({held} IS NOT NULL AND {held} NOT IN ({MANAGED_POOLS.format(user=user)}))"


def shown_table(item: Bound, row: str, parameters: Parameters) -> str:
    """The table of a type under an alias, for FROM, with what the caller may see of it."""
    if item.model is None:
        return item.table(row)
    raw = f"{row}_raw"
    replaced = shown_columns(item, raw, parameters)
    if not replaced:
        return item.table(row)
    columns = ", ".join(
        f'{replaced[column]} AS "{column}"' if column in replaced else f'{raw}."{column}"' for column in item.stored()
    )
    return f"(SELECT {columns} FROM {item.table(raw)} WHERE {raw}.tenant_id = $1) AS {row}"


def shown_columns(item: Bound, row: str, parameters: Parameters) -> dict[str, str]:
    """The columns of a type that the caller does not see as they are, with the SQL of what the caller sees."""
    if item.name in _KEPT_CHANGES:
        entity, columns = _KEPT_CHANGES[item.name]
        hidden = _hidden(entity)
        return {column: _members(f'{row}."{column}"', hidden, row, parameters) for column in columns if hidden}
    return {one.field: _value(f'{row}."{one.field}"', one, item.name, row, parameters) for one in _hidden(item.name)}


def _value(value: str, one: HiddenField, entity: str, row: str, parameters: Parameters) -> str:
    when = waits(entity, row, parameters) if one.only_in_pool else "TRUE"
    shown = "NULL" if one.hide else f"evenhand_mask({value})"
    return f"CASE WHEN {when} THEN {shown} ELSE {value} END"


def _members(value: str, hidden: Collection[HiddenField], row: str, parameters: Parameters) -> str:
    always = [one for one in hidden if not one.only_in_pool]
    if always:
        value = _masked_members(value, always)
    pooled = [one for one in hidden if one.only_in_pool]
    if pooled:
        # Its rows name an account, as those of a contact do.
        value = f"CASE WHEN {waits('Contact', row, parameters)} THEN {_masked_members(value, pooled)} ELSE {value} END"
    return value


def _masked_members(value: str, hidden: Collection[HiddenField]) -> str:
    lists = [", ".join(f"'{one.field}'" for one in hidden if one.hide is hide) for hide in (False, True)]
    return f"evenhand_mask_members({value}, ARRAY[{lists[0]}]::text[], ARRAY[{lists[1]}]::text[])"


def found_by_what_is_shown(
    entity: str, row: str, rank: str, text: Callable[[], str], parameters: Parameters
) -> str | None:
    """SQL: whether a record may be told as found. What is hidden finds nothing: such a record is found by its names,
    or when the whole text occurs in a text of it as it is shown. None when nothing of the entity is hidden.

    Args:
        row: the alias of the record's `shown_table`.
        rank: SQL of the rank that the search gave it.
        text: makes the place of what is searched for.
    """
    search = ENTITIES[entity].search
    if search is None:
        return None
    hidden = [one for one in _hidden(entity) if one.field in search.texts]
    if any(listed.table == "contact_channels" for listed in search.listed):
        hidden += _hidden(CHANNEL)
    if not hidden:
        return None
    concerned = "TRUE" if any(not one.only_in_pool for one in hidden) else waits(entity, row, parameters)
    shown = ", ".join(["''", *(f'{row}."{column}"' for column in search.texts)])
    in_shown = f"strpos(lower(concat_ws(E'\\n', {shown})), lower(btrim({text()}))) > 0"
    return f"({rank} < {_FOUND_BY_NAME} OR NOT ({concerned}) OR {in_shown})"
