"""SQL expressions of the generated data: everything follows from a row's number `n`, so that runs are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

SKEW = 2.5
"""How uneven customers are: rank = count * random ** SKEW; at 2.5 the busiest 3 of 100 have a quarter of everything."""

_SPREAD = 7919
"""A prime: neighbours in rank are far apart in the table."""

_SEEDS_PER_TENANT = 100


def literal(text: str) -> str:
    """A text constant."""
    return "'" + text.replace("'", "''") + "'"


def whole(seed: int, n: str = "n") -> str:
    """A whole number from 0 to 2^31 - 1 that looks random."""
    return f"(hashint8extended(({n})::bigint, {seed}) & 2147483647)"


def fraction(seed: int, n: str = "n") -> str:
    """A number from 0 to 1 that looks random."""
    return f"({whole(seed, n)} / 2147483648.0::float8)"


def below(limit: int, seed: int, n: str = "n") -> str:
    """A whole number from 0 to `limit` - 1."""
    return f"({whole(seed, n)} % {limit})::int"


def pick(values: Sequence[str], seed: int, n: str = "n") -> str:
    """One of some texts."""
    return f"(ARRAY[{', '.join(literal(one) for one in values)}])[1 + {below(len(values), seed, n)}]"


def chance(percent: int, seed: int, n: str = "n") -> str:
    """True in so many of 100 rows."""
    return f"({below(100, seed, n)} < {percent})"


@dataclass(frozen=True)
class Span:
    """When the rows of a table were made: evenly from the start of one year to the start of another."""

    first: datetime
    last: datetime

    def milliseconds(self, n: str, count: int) -> str:
        """Since 1970, of row `n` of `count`."""
        start = int(self.first.timestamp() * 1000)
        step = int((self.last - self.first).total_seconds() * 1000) // max(count, 1)
        return f"({start}::bigint + ({n})::bigint * {step})"


def years(first: int, last: int) -> Span:
    """From one New Year to another, in UTC."""
    return Span(datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Numbers:
    """One tenant's numbers of rows by table, and how its rows are named and dated.

    Attributes:
        tenant: 1, 2, 3…
        counts: rows by table.
        spans: when they were made, by table.
    """

    tenant: int
    counts: dict[str, int]
    spans: dict[str, Span]

    def made(self, table: str, n: str) -> str:
        """When row `n` was made."""
        return f"to_timestamp({self.spans[table].milliseconds(n, self.counts[table])} / 1000.0)"

    def id(self, table: str, n: str) -> str:
        """The id of row `n`: shaped as a UUIDv7 of the moment it was made."""
        moment = self.spans[table].milliseconds(n, self.counts[table])
        seed = list(self.counts).index(table) * _SEEDS_PER_TENANT + self.tenant
        digits = f"lpad(to_hex(hashint8extended(({n})::bigint, {seed})), 16, '0')"
        return f"(lpad(to_hex({moment}), 12, '0') || '7' || left({digits}, 3) || '8bc' || right({digits}, 13))::uuid"

    def any(self, table: str, seed: int, n: str = "n") -> str:
        """The number of some row of a table, all alike."""
        return f"(1 + {whole(seed, n)} % {self.counts[table]})"

    def account_of_contact(self, contact: str) -> str:
        """The number of the account that contact number `contact` belongs to: few accounts have many."""
        count = self.counts["accounts"]
        rank = f"floor({count} * power({fraction(11, contact)}, {SKEW}))::bigint"
        return f"(1 + ({rank} * {_SPREAD}) % {count})"
