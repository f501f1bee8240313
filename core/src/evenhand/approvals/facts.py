"""The facts that are approved: computed from records, so that nobody can state them; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_UP, Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

_PLACES = Decimal("0.0001")
_WHOLE = Decimal(100)


@dataclass(frozen=True)
class PricedLine:
    """A line with the price of its product's list in the deal's currency; None when there is none.

    Attributes:
        unit_price: None when the line has no price of its own: then it is sold at the list price.
    """

    quantity: Decimal
    unit_price: Decimal | None
    list_price: Decimal | None
    discount_percent: Decimal = Decimal(0)

    @property
    def asked(self) -> Decimal | None:
        """What one costs without any discount; None when nobody knows."""
        prices = [price for price in (self.list_price, self.unit_price) if price is not None]
        return max(prices) if prices else None

    @property
    def sold(self) -> Decimal | None:
        """What one is sold for."""
        price = self.unit_price if self.unit_price is not None else self.list_price
        return None if price is None else price * (_WHOLE - self.discount_percent) / _WHOLE


def _percent(asked: Decimal, sold: Decimal) -> Decimal:
    # Rounded up, so that no discount stays under a threshold by its last digits.
    return ((asked - sold) * _WHOLE / asked).quantize(_PLACES, rounding=ROUND_UP) if asked > 0 else Decimal(0)


def discounts(lines: Sequence[PricedLine]) -> dict[str, Decimal]:
    """The largest discount of a line, and that of all lines together, in percent below the list."""
    asked = sold = largest = Decimal(0)
    for line in lines:
        if line.asked is None or line.sold is None:
            continue
        largest = max(largest, _percent(line.asked, line.sold))
        asked += line.quantity * line.asked
        sold += line.quantity * line.sold
    return {"discount_percent": largest, "total_discount_percent": _percent(asked, sold)}


def as_kept(value: Any) -> Any:
    """A fact as it is kept and compared: equal values are written alike."""
    match value:
        case bool() | None:
            return value
        case Enum():
            return as_kept(value.value)
        case Decimal() | int() | float():
            number = Decimal(str(value))
            return format(number.normalize() if number else Decimal(0), "f") if number.is_finite() else str(value)
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(name): as_kept(one) for name, one in value.items() if one is not None}
        case list() | tuple():
            return [as_kept(one) for one in value]
        case UUID():
            return str(value)
    return value if isinstance(value, str) else str(value)


def kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are kept; what is empty is left out."""
    found: dict[str, Any] = as_kept(facts)
    return found


def fingerprint(facts: Mapping[str, Any]) -> str:
    """The same for the same facts, and for no others."""
    return hashlib.sha256(orjson.dumps(kept(facts), option=orjson.OPT_SORT_KEYS)).hexdigest()
