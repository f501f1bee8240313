"""Which rows of a table a statement may show: the tenant's, and those that the caller sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.ownership.visibility.derivation import derivation
from evenhand_schema.reads.parameters import Parameters

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound


def in_tenant(item: Bound, row: str, parameters: Parameters, *, is_seen: bool = False) -> list[str]:
    """The conditions that every table in a statement carries: the tenant's rows, of private ones the caller's, and of
    the others those that the caller sees.

    Args:
        is_seen: the rows are certainly seen, because of the row that leads to them.
    """
    members = [f"{row}.tenant_id = $1"]
    if item.private_to is not None:
        # Without a user this compares with null, and nothing is found.
        members.append(f'{row}."{item.private_to}" = {parameters.user()}::uuid')
    if item.model is not None and not is_seen:
        condition = parameters.predicates.condition(item.name, row, item.model)
        members += [condition] if condition is not None else []
    return members


def seen_with(item: Bound, column: str, entity: str | None = None) -> bool:
    """Whether who sees a record also sees all rows of a type that name it in this column.

    Args:
        entity: the kind of record that the rows are about, for the column `record_id`.
    """
    derived = derivation(item.name, item.model)
    return derived is not None and derived.seen_with(column, entity)


def leads_to_seen(item: Bound, column: str) -> bool:
    """Whether who sees a row of a type also sees the record that it names in this column."""
    derived = derivation(item.name, item.model)
    return derived is not None and derived.every and column in derived.through
