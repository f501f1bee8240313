"""Types over a plugin's own tables: declared like the core's, compiled into the same statement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar, get_type_hints

from evenhand.tenancy.models import TenantModel
from evenhand_schema.declare import TYPES, Bound, members_of

C = TypeVar("C", bound=type)

_claims: dict[str, dict[str, type]] = {}
"""The plugins' types: the classes that are declared under a name, by their modules."""


def table_type(model: type[TenantModel], *, columns: Collection[str] | None = None) -> Callable[[C], C]:
    """Declare a GraphQL type over one of the plugin's tables.

    The class names its relations and computed values (`one`, `many`, `rows`, `first`, `computed`); an annotation
    without a value says a column's type more exactly. Columns are described by their docstrings in the model.

    Args:
        columns: those that are shown besides `id`; all when left out.

    Raises:
        ValueError: the core has a type of this name.
    """

    def declare(cls: C) -> C:
        own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        made: Any = type(cls.__name__, (), own)
        exact = get_type_hints(cls, include_extras=True)
        shown = None if columns is None else frozenset(columns) | {"id"}
        _register(Bound(cls.__name__, model, made, members_of(cls), exact, node=False, shown=shown))
        return made  # type: ignore[no-any-return]

    return declare


def part_type(cls: C) -> C:
    """Declare what the plugin knows of one record of an entity; for `TableField`.

    Its members are about the entity's record: lists of rows that name it (`many`, `rows`, `first`) and values that
    SQL computes from it (`computed`).

    Raises:
        ValueError: the core has a type of this name.
    """
    _register(Bound(cls.__name__, None, cls, members_of(cls), {}, node=False))
    return cls


def _register(item: Bound) -> None:
    known = TYPES.get(item.name)
    if known is not None and known.node:
        raise ValueError(f"The core has a type {item.name} already; call the plugin's type something else.")
    claims = _claims.setdefault(item.name, {})
    claims[item.cls.__module__] = item.cls
    if len(claims) == 1:
        TYPES[item.name] = item


def rivals(types: Iterable[type]) -> list[str]:
    """The names of those types, and of plugins' types that they lead to, that several modules declare."""
    todo, seen = [cls.__name__ for cls in types], set[str]()
    while todo:
        name = todo.pop()
        if name in _claims and name not in seen:
            seen.add(name)
            members = TYPES[name].members.values() if name in TYPES else ()
            todo += [str(getattr(member, "target", "")) for member in members]
    return sorted(name for name in seen if len(_claims[name]) > 1)
