"""What the turns keep, whatever happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.api import Candidate, OpenRecord, Verdict
from evenhand_assignment.rules import CHOSEN, LATER_IN_TURN, Limits, Turn, deal, refusals
from evenhand_assignment.settings import AssignmentSettings

USERS = [UUID(int=number << 64 | number, version=4) for number in range(1, 10)]
WEIGHTS = st.lists(st.integers(1, 50_000), min_size=1, max_size=8)
SEEDS = st.integers(0, 2**62 - 1)


def records(count: int, start: int = 0) -> list[UUID]:
    return [UUID(int=1_000_000 + start + number) for number in range(count)]


def owners(ids: list[UUID], turns: dict[UUID, Turn], weights: dict[UUID, int], seed: int) -> list[UUID]:
    """Deal and keep the state in `turns`. Returns: who got each record."""
    resolutions, after = deal(ids, turns, weights, (), seed)
    turns.clear()
    turns.update(after)
    return [item.owner_id for item in resolutions if item.owner_id is not None]


@given(WEIGHTS, st.lists(st.integers(1, 40), min_size=1, max_size=6), SEEDS)
def test_nobody_is_a_whole_record_from_what_is_due(shares: list[int], batches: list[int], seed: int) -> None:
    weights = dict(zip(USERS, shares, strict=False))
    total = sum(shares)
    turns: dict[UUID, Turn] = {}
    received: Counter[UUID] = Counter()
    dealt = 0
    for batch in batches:
        for owner in owners(records(batch, dealt), turns, weights, seed):
            dealt += 1
            received[owner] += 1
            for user, weight in weights.items():
                assert abs(received[user] - Fraction(dealt * weight, total)) < 1
    assert {user: turn.received for user, turn in turns.items()} == {user: received[user] for user in weights}
    assert {user: turn.balance for user, turn in turns.items()} == {
        user: Fraction(dealt * weight, total) - received[user] for user, weight in weights.items()
    }


@given(st.integers(1, 9), st.integers(1, 80), SEEDS)
def test_equal_shares_differ_by_at_most_one_at_any_moment(people: int, count: int, seed: int) -> None:
    weights = dict.fromkeys(USERS[:people], 1000)
    turns: dict[UUID, Turn] = {}
    received = Counter(dict.fromkeys(weights, 0))
    for number in range(count):
        received.update(owners(records(1, number), turns, weights, seed + number))
        assert max(received.values()) - min(received.values()) <= 1


@given(WEIGHTS, st.integers(1, 40), SEEDS)
def test_batches_and_single_records_are_dealt_alike(shares: list[int], count: int, seed: int) -> None:
    weights = dict(zip(USERS, shares, strict=False))
    at_once = owners(records(count), {}, weights, seed)
    turns: dict[UUID, Turn] = {}
    one_by_one = [owner for record in records(count) for owner in owners([record], turns, weights, seed)]
    assert at_once == one_by_one


@given(st.lists(st.sets(st.sampled_from(USERS[2:6])), min_size=1, max_size=60), SEEDS)
def test_two_who_are_always_there_stay_level_whoever_comes_and_goes(others: list[set[UUID]], seed: int) -> None:
    turns: dict[UUID, Turn] = {}
    received: Counter[UUID] = Counter()
    for number, present in enumerate(others):
        weights = dict.fromkeys([*USERS[:2], *sorted(present)], 1000)
        received.update(owners(records(1, number), turns, weights, seed))
        assert abs(received[USERS[0]] - received[USERS[1]]) <= 1


@given(WEIGHTS.filter(lambda shares: len(shares) > 1), st.integers(0, 60), SEEDS, st.data())
def test_leaving_moves_nobody_else(shares: list[int], before: int, seed: int, data: st.DataObject) -> None:
    weights = dict(zip(USERS, shares, strict=False))
    turns: dict[UUID, Turn] = {}
    owners(records(before), turns, weights, seed)
    gone = data.draw(st.sampled_from(sorted(weights)))
    rest = {user: weight for user, weight in weights.items() if user != gone}
    distance = _distances(turns, rest) if turns else {}
    _, after = deal([], turns, rest, (), seed)
    for pair, value in _distances(after, rest).items():
        # Balances are rounded to a millionth of the smallest share when the set changes.
        assert value == pytest.approx(distance.get(pair, 0), abs=1e-6)


def _distances(turns: dict[UUID, Turn], weights: dict[UUID, int]) -> dict[tuple[UUID, UUID], float]:
    """Who is how far before whom, in turns."""
    level = {user: turns[user].balance / weight * 1000 for user, weight in weights.items()}
    return {(one, two): float(level[one] - level[two]) for one in weights for two in weights}


@given(st.integers(2, 8), st.integers(0, 60), SEEDS, st.data())
def test_without_one_of_equals_the_others_keep_their_order(
    people: int, before: int, seed: int, data: st.DataObject
) -> None:
    weights = dict.fromkeys(USERS[:people], 1000)
    turns: dict[UUID, Turn] = {}
    owners(records(before), turns, weights, seed)
    gone = data.draw(st.sampled_from(sorted(weights)))
    rest = {user: weight for user, weight in weights.items() if user != gone}
    (next_record,) = records(1, before)
    (full,), _ = deal([next_record], turns, weights, (), seed)
    (reduced,), _ = deal([next_record], turns, rest, (), seed)
    remaining = [verdict.candidate_id for verdict in full.verdicts if verdict.candidate_id != gone]
    assert [verdict.candidate_id for verdict in reduced.verdicts] == remaining


@given(st.integers(1, 8), st.integers(0, 100), st.integers(1, 100), SEEDS)
def test_a_joiner_starts_at_the_groups_level(people: int, before: int, after: int, seed: int) -> None:
    turns: dict[UUID, Turn] = {}
    weights = dict.fromkeys(USERS[:people], 1000)
    owners(records(before), turns, weights, seed)
    joiner = USERS[8]
    since = Counter(dict.fromkeys([*weights, joiner], 0))
    for number in range(after):
        since.update(owners(records(1, before + number), turns, weights | {joiner: 1000}, seed))
        assert all(abs(since[joiner] - since[user]) <= 1 for user in weights)


@given(st.integers(2, 8), st.integers(1, 50), st.integers(1, 300), st.integers(1, 60), SEEDS)
def test_a_returner_is_not_flooded(people: int, before: int, away: int, after: int, seed: int) -> None:
    turns: dict[UUID, Turn] = {}
    weights = dict.fromkeys(USERS[:people], 1000)
    owners(records(before), turns, weights, seed)
    absent = USERS[0]
    rest = {user: weight for user, weight in weights.items() if user != absent}
    owners(records(away, before), turns, rest, seed)
    since = Counter(dict.fromkeys(weights, 0))
    for number in range(after):
        since.update(owners(records(1, before + away + number), turns, weights, seed))
        assert all(abs(since[absent] - since[user]) <= 2 for user in rest)


@given(st.integers(2, 8), st.integers(1, 60), SEEDS)
def test_coming_back_at_once_changes_nothing(people: int, before: int, seed: int) -> None:
    turns: dict[UUID, Turn] = {}
    weights = dict.fromkeys(USERS[:people], 1000)
    owners(records(before), turns, weights, seed)
    rest = dict.fromkeys(USERS[1:people], 1000)
    _, without = deal([], turns, rest, (), seed)
    _, again = deal([], without, weights, (), seed)
    for user in weights:
        assert float(again[user].balance) == pytest.approx(float(turns[user].balance), abs=1e-6)


@given(WEIGHTS, st.integers(0, 30), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_lists_does_not_matter(shares: list[int], before: int, seed: int, random: Random) -> None:
    weights = dict(zip(USERS, shares, strict=False))
    turns: dict[UUID, Turn] = {}
    owners(records(before), turns, weights, seed)
    shuffled = sorted(weights, key=lambda _: random.random())
    (record,) = records(1, before)
    assert (
        deal([record], turns, weights, (), seed)[0]
        == deal([record], {user: turns[user] for user in shuffled if user in turns}, weights, (), seed)[0]
        == deal([record], turns, {user: weights[user] for user in shuffled}, (), seed)[0]
    )


def test_ties_follow_the_seed_and_favour_nobody() -> None:
    weights = dict.fromkeys(USERS[:3], 1000)
    first: Counter[UUID] = Counter(owners(records(1), {}, weights, seed)[0] for seed in range(3000))
    assert owners(records(1), {}, weights, 7) == owners(records(1), {}, weights, 7)
    # Binomial with p = 1/3: five standard deviations are 129.
    assert all(871 <= first[user] <= 1129 for user in weights)


def test_one_record_per_run_does_not_go_to_the_first_in_the_list() -> None:
    weights = dict.fromkeys(USERS[:3], 1000)
    turns: dict[UUID, Turn] = {}
    received: Counter[UUID] = Counter()
    for number in range(30):
        received.update(owners(records(1, number), turns, weights, number))
    assert received == dict.fromkeys(USERS[:3], 10)


def test_every_candidate_gets_a_rank_and_numbers() -> None:
    weights = {USERS[0]: 1000, USERS[1]: 500}
    refused = (Verdict(USERS[2], False, "ABSENT"),)
    (resolution,), after = deal(records(1), {}, weights, refused, 3)
    assert resolution.owner_id == USERS[0]
    assert list(resolution.verdicts) == [
        Verdict(USERS[0], True, CHOSEN, 1, {"weight": 1.0, "received": 0, "due": 0.667}),
        Verdict(USERS[1], True, LATER_IN_TURN, 2, {"weight": 0.5, "received": 0, "due": 0.333}),
        *refused,
    ]
    assert after[USERS[0]].received == 1
    assert after[USERS[0]].balance == Fraction(-1, 3)
    assert after[USERS[0]].due == 0.667


def test_nobody_eligible_leaves_the_record_where_it_is() -> None:
    refused = (Verdict(USERS[0], False, "INACTIVE"),)
    resolutions, turns = deal(records(2), {}, {}, refused, 3)
    assert [item.owner_id for item in resolutions] == [None, None]
    assert all(item.verdicts == refused for item in resolutions)
    assert turns == {}


def test_a_changed_weight_counts_from_now_on() -> None:
    turns: dict[UUID, Turn] = {}
    owners(records(100), turns, dict.fromkeys(USERS[:2], 1000), 1)
    received = Counter(owners(records(90, 100), turns, {USERS[0]: 2000, USERS[1]: 1000}, 1))
    assert received == {USERS[0]: 60, USERS[1]: 30}


def candidate(user: UUID, **changes: object) -> Candidate:
    base = Candidate(user_id=user, name="王芳", role="rep", level="senior", is_active=True, absent=False)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_everybody_refused_is_told_why() -> None:
    team = UUID(int=5)
    people = [
        candidate(USERS[0], team_id=team),
        candidate(USERS[1], team_id=team, is_active=False, absent=True),
        candidate(USERS[2], team_id=team, absent=True),
        candidate(USERS[3], team_id=team, role="manager"),
        candidate(USERS[4], team_id=None),
        candidate(USERS[5], team_id=UUID(int=6)),
    ]
    found = refusals(AssignmentSettings(team_ids=frozenset({team})), people)
    assert {user: verdict.reason for user, verdict in found.items()} == {
        USERS[1]: "INACTIVE",
        USERS[2]: "ABSENT",
        USERS[3]: "ROLE_NOT_ELIGIBLE",
        USERS[4]: "NOT_IN_TEAM",
        USERS[5]: "NOT_IN_TEAM",
    }
    assert all(not verdict.eligible and verdict.rank is None for verdict in found.values())
    assert found[USERS[3]].evidence == {"role": "manager", "eligible_roles": ["rep"]}


def test_absences_can_be_ignored() -> None:
    assert refusals(AssignmentSettings(absences="ignore"), [candidate(USERS[0], absent=True)]) == {}


RULE = UUID(int=77)


def open_record(record: UUID, holder: UUID | None = None, **changes: object) -> OpenRecord:
    base = OpenRecord("Lead", record, {"owner_id": holder}, counts_as=RULE)
    return replace(base, **changes)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 12), min_size=2, max_size=8), st.integers(0, 40), st.integers(1, 60), SEEDS)
def test_a_cap_that_fills_up_takes_nobodys_turn(rooms: list[int], before: int, count: int, seed: int) -> None:
    weights = dict.fromkeys(USERS[: len(rooms)], 1000)
    turns: dict[UUID, Turn] = {}
    history = Counter(owners(records(before), turns, weights, seed))
    people = [candidate(user, room={RULE: room}) for user, room in zip(weights, rooms, strict=True)]
    ids = records(count, before)
    resolutions, after = deal(ids, turns, weights, (), seed, limits=Limits([open_record(one) for one in ids], people))
    left, now = dict(zip(weights, rooms, strict=True)), Counter[UUID]()
    for item in resolutions:
        full = {user for user in weights if not left[user]}
        assert {verdict.candidate_id for verdict in item.verdicts if not verdict.eligible} == full
        assert {verdict.reason for verdict in item.verdicts if not verdict.eligible} <= {"CAP_REACHED"}
        assert (item.owner_id is None) == (len(full) == len(weights))
        if item.owner_id is not None:
            left[item.owner_id] -= 1
            now[item.owner_id] += 1
            received = [history[user] + now[user] for user in weights if left[user]]
            # Those who had room all the time stay level, whoever fills up meanwhile.
            assert not received or max(received) - min(received) <= 1
    assert min(left.values()) >= 0
    assert now.total() == min(count, sum(rooms))
    assert {user: turn.received for user, turn in after.items() if turn.received} == {
        user: number for user, number in (history + now).items() if number
    }


@given(st.lists(st.sets(st.sampled_from(USERS[2:6])), min_size=1, max_size=60), SEEDS)
def test_who_is_kept_from_single_records_does_not_move_the_others(kept: list[set[UUID]], seed: int) -> None:
    weights = dict.fromkeys(USERS[:6], 1000)
    ids = records(len(kept))
    limited = [
        OpenRecord("Lead", one, {}, blocked=dict.fromkeys(who, "COOLING_DOWN"))
        for one, who in zip(ids, kept, strict=True)
    ]
    resolutions, _ = deal(ids, {}, weights, (), seed, limits=Limits(limited))
    received: Counter[UUID | None] = Counter()
    for item, who in zip(resolutions, kept, strict=True):
        received[item.owner_id] += 1
        assert item.owner_id not in who
        assert {one.candidate_id: one.reason for one in item.verdicts if not one.eligible} == dict.fromkeys(
            who, "COOLING_DOWN"
        )
        assert abs(received[USERS[0]] - received[USERS[1]]) <= 1
        assert max(received[user] for user in weights) - received[USERS[0]] <= 1


@given(st.integers(0, 40), st.integers(1, 5), SEEDS)
def test_a_record_that_nobody_may_get_is_nobodys_turn(before: int, count: int, seed: int) -> None:
    weights = dict.fromkeys(USERS[:3], 1000)
    turns: dict[UUID, Turn] = {}
    owners(records(before), turns, weights, seed)
    ids = records(count, before)
    shut = [OpenRecord("Lead", one, {}, blocked=dict.fromkeys(weights, "FROZEN")) for one in ids]
    resolutions, after = deal(ids, turns, weights, (), seed, limits=Limits(shut))
    assert [item.owner_id for item in resolutions] == [None] * count
    assert {verdict.reason for item in resolutions for verdict in item.verdicts} == {"FROZEN"}
    assert after == turns


def test_who_holds_a_record_already_needs_no_room_for_it() -> None:
    first, second = USERS[:2]
    weights = dict.fromkeys((first, second), 1000)
    people = [candidate(first, room={RULE: 0}), candidate(second, room={RULE: 1})]
    ids = records(3)
    limits = Limits([open_record(one, first) for one in ids], people)
    resolutions, _ = deal(ids, {}, weights, (), 1, limits=limits)
    assert sorted(Counter(item.owner_id for item in resolutions).values()) == [1, 2]
    assert Counter(item.owner_id for item in resolutions)[second] == 1
