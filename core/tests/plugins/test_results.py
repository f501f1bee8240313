from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest

from evenhand.plugins.hooks import SPECS
from evenhand.plugins.results import check_for, result_check


class Colour(StrEnum):
    RED = "red"


ID = UUID(int=1)


@dataclass(frozen=True)
class Inner:
    number: int = 1


@dataclass(frozen=True)
class Thing:
    """Has a field of each sort."""

    id: UUID = ID
    name: str = "a"
    amount: Decimal = Decimal(1)
    day: date = date(2026, 1, 1)
    colour: Colour = Colour.RED
    words: Mapping[str, str] = field(default_factory=dict)
    work: Callable[[int], Any] = abs
    inner: Sequence[Inner] = ()
    maybe: int | None = None


THING = check_for(Sequence[Thing])


def test_what_is_declared_is_accepted() -> None:
    assert THING([]) is None
    assert THING((Thing(), Thing(maybe=3, inner=[Inner()]))) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "1"}, "item 0: Thing.id: str instead of UUID"),
        ({"name": None}, "Thing.name: NoneType instead of str"),
        ({"amount": 1.5}, "Thing.amount: float instead of a finite Decimal"),
        ({"amount": Decimal("Infinity")}, "Infinity instead of a finite Decimal"),
        ({"day": datetime(2026, 1, 1, tzinfo=UTC)}, "Thing.day: datetime instead of date"),
        ({"colour": "red"}, "Thing.colour: str instead of Colour"),
        ({"words": [("en", "a")]}, "Thing.words: list instead of Mapping"),
        ({"work": 3}, "Thing.work: int instead of a function"),
        ({"inner": [3]}, "Thing.inner: item 0: int instead of Inner"),
        ({"inner": "abc"}, "Thing.inner: str instead of a list"),
        ({"maybe": True}, "Thing.maybe: bool instead of int"),
        ({"maybe": "3"}, "Thing.maybe: str instead of int"),
    ],
)
def test_what_is_not_declared_is_told(change: dict[str, Any], words: str) -> None:
    assert words in str(THING([Thing(**change)]))


def test_a_wrong_whole_is_told() -> None:
    assert THING(None) == "NoneType instead of a list"
    assert THING({}) == "dict instead of a list"
    assert THING([None]) == "item 0: NoneType instead of Thing"


def test_every_hook_is_checked() -> None:
    for one in SPECS.values():
        assert result_check(one.function)(object()) is not None, one.name
