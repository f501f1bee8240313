"""The pure parts of the read benchmark: percentiles, medians, tables, comparing answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.reads.compare import differences, leaves
from benchmarks.reads.figures import Round, comparison, middle, percentile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

ROUND = Round(
    rate=100.0,
    p50=1.0,
    p99=2.0,
    single_p50=0.5,
    single_p99=0.9,
    server_cpu=0.1,
    postgres_cpu=0.2,
    client_cpu=0.03,
    size=16.0,
)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(1, 100))
def test_as_many_values_as_asked_are_within_a_percentile(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-6


def test_percentiles_by_hand() -> None:
    assert percentile(range(1, 101), 50) == 50
    assert percentile(range(1, 101), 99) == 99
    assert percentile([7.0], 99) == 7.0
    assert percentile([], 50) == 0.0


def test_the_middle_is_taken_of_each_figure_by_itself() -> None:
    rounds = [replace(ROUND, rate=10, p99=9), replace(ROUND, rate=30, p99=1), replace(ROUND, rate=20, p99=5)]
    assert (middle(rounds).rate, middle(rounds).p99) == (20, 5)
    assert middle([replace(ROUND, postgres_cpu=None)]).postgres_cpu is None


def test_the_table_has_ratios_of_medians_and_their_range() -> None:
    ours = [replace(ROUND, rate=rate) for rate in (300.0, 100.0, 200.0)]
    theirs = [replace(ROUND, rate=rate) for rate in (100.0, 100.0, 50.0)]
    console = Console(width=200)
    with console.capture() as captured:
        console.print(comparison("List", {"ours": ours, "theirs": theirs}, "ours"))
    row = next(line for line in captured.get().splitlines() if "theirs" in line)
    assert "2.00 ×" in row
    assert "1.00–4.00" in row


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"paidAt": "2026-01-02T03:04:05.120000+00:00"}, {"paidAt": "2026-01-02T11:04:05.12+08:00"}),
        ({"total": "12.5000"}, {"total": "12.50"}),
        ({"status": "NEW"}, {"status": "new"}),
        ({"endCursor": "a"}, {"endCursor": "b"}),
        ([{"name": "A"}], [{"name": "A"}]),
    ],
)
def test_other_ways_to_write_a_value_are_no_difference(ours: object, theirs: object) -> None:
    assert list(differences(ours, theirs)) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "place"),
    [
        ({"name": "NEW"}, {"name": "new"}, "data.name"),
        ({"total": "12.50"}, {"total": "12.51"}, "data.total"),
        ({"paidAt": "2026-01-02T03:04:05+00:00"}, {"paidAt": "2026-01-02T03:04:06+00:00"}, "data.paidAt"),
        ({"nodes": [1, 2]}, {"nodes": [1]}, "data.nodes"),
        ({"nodes": [{"id": 1}, {"id": 2}]}, {"nodes": [{"id": 2}, {"id": 1}]}, "data.nodes[0].id"),
        ({"owner": None}, {"owner": {"name": "A"}}, "data.owner"),
        ({"a": 1}, {}, "data.a"),
    ],
)
def test_a_difference_says_where(ours: object, theirs: object, place: str) -> None:
    assert next(differences(ours, theirs)).startswith(place)


def test_leaves_are_counted_at_any_depth() -> None:
    assert leaves({"a": 1, "b": [{"c": None, "d": []}, {"e": "x"}]}) == 3
