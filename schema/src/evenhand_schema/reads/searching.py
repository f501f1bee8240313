"""Searching in lists: which records a text finds, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from evenhand.search.rules import Wanted, normalise, wanted
from evenhand.tenancy.context import Actor
from evenhand_schema.reads.arguments import Given, Leaf, Values
from evenhand_schema.reads.masks import found_by_what_is_shown
from evenhand_schema.reads.ordering import Term
from evenhand_schema.reads.parameters import Parameters

_ARGUMENTS = 5
"""Of the database's `evenhand_search`."""
FOUND = "_found"
"""What the alias of the search ends with, behind the alias of the rows."""

BEST_FIRST = Term("rank", f"{{row}}{FOUND}.rank", int, False)


def storable(text: str) -> str:
    """The text without what no record can hold and the driver refuses: zero bytes and halves of characters."""
    return text.replace("\x00", " ").encode("utf-8", "ignore").decode()


def asks_for_something(text: object) -> bool:
    """Whether it has more than blanks; an empty search box finds everything."""
    return isinstance(text, str) and bool(normalise(storable(text)))


@lru_cache(maxsize=512)
def _wanted(text: str) -> Wanted:
    return wanted(storable(text))


def search_arguments(text: str, actor: Actor, entities: Sequence[str]) -> tuple[Any, ...]:
    """What `evenhand_search` takes.

    Raises:
        SearchTooLong: it is longer than anybody types.
    """
    return _wanted(text).arguments(actor.tenant_id, entities)


def search_join(given: Given, entity: str, row: str, parameters: Parameters) -> str | None:
    """The join that leaves only the records found, with their ranks; None when nothing is searched for."""
    if not isinstance(given, Leaf) or not given.ask(asks_for_something):
        return None
    places = ", ".join(parameters.place(_argument(given, entity, number)) for number in range(_ARGUMENTS))
    found = f"{row}{FOUND}"
    told = found_by_what_is_shown(entity, row, f"{found}.rank", partial(_plain, given, parameters), parameters)
    shown = f" AND {told}" if told is not None else ""
    return f" JOIN evenhand_search({places}) AS {found} ON {found}.id = {row}.id{shown}"


def _plain(given: Leaf, parameters: Parameters) -> str:
    return f"{parameters.add(given, storable)}::text"


def _argument(given: Leaf, entity: str, number: int) -> Any:
    def get(actor: Actor, values: Values) -> Any:
        return search_arguments(given.get(values), actor, (entity,))[number]

    return get
