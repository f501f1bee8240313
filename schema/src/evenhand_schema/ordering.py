"""The direction in which lists and groups are ordered."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="Records without a value come last either way.")
class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"
