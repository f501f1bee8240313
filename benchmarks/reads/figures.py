"""What was measured, and how it is shown. No I/O."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least `percent` of 100 values do not exceed; 0.0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


@dataclass(frozen=True)
class Round:
    """One contender's figures of one round; times in milliseconds, CPU per request.

    Attributes:
        postgres_cpu: None when the database is not on this machine.
    """

    rate: float
    p50: float
    p99: float
    single_p50: float
    single_p99: float
    server_cpu: float
    postgres_cpu: float | None
    client_cpu: float
    size: float
    """Kilobytes of one answer."""


def middle(rounds: Sequence[Round]) -> Round:
    """The median of each figure."""
    database = [one.postgres_cpu for one in rounds if one.postgres_cpu is not None]

    def of(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in rounds))

    names = ("rate", "p50", "p99", "single_p50", "single_p99", "server_cpu", "client_cpu", "size")
    return Round(**{name: of(name) for name in names}, postgres_cpu=statistics.median(database) if database else None)


def comparison(title: str, rounds: Mapping[str, Sequence[Round]], ours: str) -> Table:
    """One workload: a row per contender; "Evenhand is" tells how many times its rate ours is, by the medians.

    The range is of the ratios of single rounds.
    """
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("contender", no_wrap=True)
    for heading in (
        "req/s c16",
        "Evenhand is",
        "range",
        "p50/p99 ms c16",
        "p50/p99 ms c1",
        "server CPU ms",
        "PG CPU ms",
        "client",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    base = rounds.get(ours, [])
    for name, measured in rounds.items():
        if not measured:
            continue
        one = middle(measured)
        ratio, spread = "", ""
        if base and name != ours:
            ratio = f"{middle(base).rate / one.rate:.2f} ×"
            ratios = [first.rate / second.rate for first, second in zip(base, measured, strict=False)]
            spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
        table.add_row(
            name,
            f"{one.rate:,.0f}",
            ratio,
            spread,
            f"{one.p50:.2f} / {one.p99:.2f}",
            f"{one.single_p50:.2f} / {one.single_p99:.2f}",
            f"{one.server_cpu:.3f}",
            "–" if one.postgres_cpu is None else f"{one.postgres_cpu:.3f}",
            f"{one.client_cpu:.3f}",
        )
    return table
