"""Patterns: what is told, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from evenhand.ownership.signals.rules import (
    Bounds,
    Evidence,
    Finding,
    Holding,
    Look,
    SignalKind,
    Touch,
    Warned,
    looking_only,
    newest,
    parking,
    return_and_claim,
    sham_follow_ups,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LI, WANG, ZHAO = (UUID(int=number) for number in (1, 2, 3))


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def history(record: int, *steps: tuple[float, UUID | None, str]) -> list[Holding]:
    """The lines of one record: from which day, who (None: a pool), why."""
    ends = [*(at(day) for day, _, _ in steps[1:]), None]
    return [
        Holding(UUID(int=record * 1000 + number), "Account", UUID(int=record), owner, at(day), end, why)
        for number, ((day, owner, why), end) in enumerate(zip(steps, ends, strict=True))
    ]


def touch(record: int, author: UUID, day: float, *, characters: int = 0, minutes: int = 0, met: bool = False) -> Touch:
    number = UUID(int=int(day * 24) + 10_000 * record)
    return Touch(number, UUID(int=record), author, at(day), characters, minutes, met)


def test_returned_and_claimed_again_twice() -> None:
    lines = [
        *history(1, (0, LI, "claimed"), (5, None, "returned"), (6, LI, "claimed")),
        *history(2, (0, LI, "assigned"), (5, None, "reclaimed"), (9, LI, "drawn")),
    ]
    (found,) = return_and_claim(lines, Bounds())
    assert (found.kind, found.user_id, found.colleague_id, found.times) == (
        SignalKind.RETURN_AND_CLAIM,
        LI,
        None,
        2,
    )
    assert [one.id for one in found.evidence] == [
        lines[1].line_id,
        lines[2].line_id,
        lines[4].line_id,
        lines[5].line_id,
    ]
    assert (found.first_at, found.last_at) == (at(5), at(9))


def test_what_is_no_loop() -> None:
    once = history(1, (0, LI, "claimed"), (5, None, "returned"), (6, LI, "claimed"))
    assert return_and_claim(once, Bounds()) == []
    other = history(2, (0, LI, "claimed"), (5, None, "returned"), (6, WANG, "claimed"), (7, LI, "manual"))
    late = history(3, (0, LI, "claimed"), (5, None, "returned"), (60, LI, "claimed"))
    given_back = history(4, (0, LI, "claimed"), (5, None, "returned"), (6, LI, "manual"))
    assert return_and_claim([*once, *other, *late, *given_back], Bounds()) == []


def parked(record: int, why: str = "manual", days: float = 10) -> list[Holding]:
    return history(record, (0, LI, "claimed"), (20, WANG, why), (20 + days, LI, "manual"))


def test_two_records_parked_with_the_same_colleague() -> None:
    (found,) = parking([*parked(1), *parked(2)], [touch(1, LI, 25)], Bounds())
    assert (found.user_id, found.colleague_id, found.times) == (LI, WANG, 2)
    through_pool = history(
        3,
        (0, LI, "claimed"),
        (20, None, "returned"),
        (21, WANG, "claimed"),
        (30, None, "returned"),
        (31, LI, "claimed"),
    )
    (found,) = parking([*parked(1), *through_pool], [], Bounds())
    assert found.times == 2


def test_what_is_not_parked() -> None:
    assert parking(parked(1), [], Bounds()) == []
    assert parking([*parked(1), *parked(2)], [touch(1, WANG, 25)], Bounds()) == []
    assert parking([*parked(1), *parked(2, why="handed_over")], [], Bounds()) == []
    assert parking([*parked(1), *parked(2, days=61)], [], Bounds()) == []
    still_there = history(2, (0, LI, "claimed"), (20, WANG, "manual"))
    assert parking([*parked(1), *still_there], [], Bounds()) == []


def warned(record: int, due: float) -> Warned:
    return Warned("Account", UUID(int=record), LI, at(due - 3), at(due))


def test_three_deadlines_saved_by_empty_notes() -> None:
    touches = [touch(record, LI, 29.5, characters=4) for record in (1, 2, 3)]
    (found,) = sham_follow_ups([warned(record, 30) for record in (1, 2, 3)], touches, Bounds())
    assert (found.kind, found.user_id, found.times) == (SignalKind.SHAM_FOLLOW_UP, LI, 3)
    assert {one.id for one in found.evidence} == {one.activity_id for one in touches}
    twice = [warned(1, 30), warned(1, 30), warned(2, 30)]
    assert sham_follow_ups(twice, touches, Bounds()) == []


def test_what_is_a_real_follow_up() -> None:
    deadlines = [warned(record, 30) for record in (1, 2, 3)]
    empty = [touch(record, LI, 29.5) for record in (1, 2)]
    for real in (
        touch(3, LI, 29.5, characters=40),
        touch(3, LI, 29.5, minutes=12),
        touch(3, LI, 29.5, met=True),
        touch(3, LI, 27.5),  # early enough to be no last-minute rescue
        touch(3, WANG, 29.5),
        touch(3, LI, 30.5),
    ):
        assert sham_follow_ups(deadlines, [*empty, real], Bounds()) == []


def test_many_looks_and_no_claim() -> None:
    looks = [Look(LI, "Account", UUID(int=number), at(number / 50)) for number in range(60)]
    (found,) = looking_only([*looks, *looks], [(WANG, UUID(int=1)), (LI, UUID(int=99))], Bounds())
    assert (found.user_id, found.times) == (LI, 60)
    assert looking_only(looks, [(LI, UUID(int=1)), (LI, UUID(int=2))], Bounds()) == []
    assert looking_only(looks[:49], [], Bounds()) == []


def test_the_latest_evidence_is_kept() -> None:
    evidence = [Evidence("look", None, "Account", LI, at(day)) for day in (3, 1, 2)]
    assert [one.at for one in newest(evidence, 2)] == [at(3), at(2)]


holders = st.sampled_from([LI, WANG, ZHAO, None])
reasons = st.sampled_from(["claimed", "manual", "returned", "handed_over", "drawn", "reclaimed"])
steps = st.lists(st.tuples(st.floats(0.1, 40), holders, reasons), min_size=1, max_size=8)


def _lines(record: int, given_steps: Sequence[tuple[float, UUID | None, str]]) -> list[Holding]:
    day, made = 0.0, []
    for length, holder, why in given_steps:
        made.append((day, holder, why))
        day += length
    return history(record, *made)


@given(st.lists(steps, max_size=5), st.randoms())
def test_findings_do_not_depend_on_the_order_and_name_what_happened(
    histories: list[list[tuple[float, UUID | None, str]]], chance: Random
) -> None:
    lines = [line for record, some in enumerate(histories, 1) for line in _lines(record, some)]
    mixed = list(lines)
    chance.shuffle(mixed)
    known = {line.line_id for line in lines}
    for find in (return_and_claim, lambda some, bounds: parking(some, [], bounds)):
        found: list[Finding] = find(lines, Bounds())
        assert _plain(found) == _plain(find(mixed, Bounds()))
        for one in found:
            assert one.times >= 2
            assert one.user_id != one.colleague_id
            assert {evidence.id for evidence in one.evidence} <= known


def _plain(found: Sequence[Finding]) -> set[tuple[object, ...]]:
    """Findings without the order of their evidence."""
    return {(one.kind, one.user_id, one.colleague_id, one.times, frozenset(one.evidence)) for one in found}
