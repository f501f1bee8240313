"""Fair turns: who is next, why, and the reason for everybody else. Pure; exact integers, no rounding while dealing.

Each record gives every eligible user a share of it by weight (w / W, where W is the sum of weights). A user's
balance is what became due less what was received. The record goes to the user who would be a whole record short
first, among those to whom anything is due. This is the quota method of Balinski and Young ("The Quota Method of
Apportionment", American Mathematical Monthly 82, 1975), known in scheduling as "earliest eligible virtual deadline
first" (Stoica and Abdel-Wahab, 1995), stride scheduling with a check that nobody runs ahead.

What it keeps, while the same users are eligible from the start: nobody is a whole record away from what is due, at
any moment. Plain stride scheduling (smallest (received + 1) / weight), Webster's rule and "most due first" do not.

When the set of eligible users changes:

- who leaves keeps the distance to the group and takes it along on return, at most one record: no make-up flood;
- who joins starts at the group's level, with nothing due and nothing received ahead;
- the others keep their distances to each other, so that nobody's place moves.

Who is kept from a single record by a limit (a cap, a cool-down) is not among the eligible users for that record, as if
away for this one turn: it is due to the others only. A record that nobody may get is nobody's turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import blake2b
from math import lcm
from uuid import UUID

from evenhand.api import Candidate, OpenRecord, Resolution, Verdict
from evenhand_assignment.settings import ROUND_ROBIN, WEIGHT_UNIT, TurnRules

CHOSEN = "CHOSEN"
LATER_IN_TURN = "LATER_IN_TURN"
INACTIVE = "INACTIVE"
ROLE_NOT_ELIGIBLE = "ROLE_NOT_ELIGIBLE"
NOT_IN_TEAM = "NOT_IN_TEAM"
ABSENT = "ABSENT"
CAP_REACHED = "CAP_REACHED"
COOLING_DOWN = "COOLING_DOWN"
FROZEN = "FROZEN"
HELD_BY_CONFLICT = "HELD_BY_CONFLICT"

RESOLUTION = 1_000_000
"""Balances are kept to a millionth of the smallest share; they are rounded only when the eligible users change."""


@dataclass(frozen=True)
class Turn:
    """Where one user stands.

    Attributes:
        weight: share in thousandths.
        credit: what is due less what was received, in units of 1 / `scale` records.
        in_turn: whether the user took part in the last deal.
    """

    weight: int
    credit: int
    scale: int
    received: int
    in_turn: bool

    @property
    def balance(self) -> Fraction:
        """What is due less what was received, in records."""
        return Fraction(self.credit, self.scale)

    @property
    def due(self) -> float:
        """How many records were due in all, to a thousandth."""
        return round(self.received + self.credit / self.scale, 3)


def refusals(settings: TurnRules, candidates: Iterable[Candidate]) -> dict[UUID, Verdict]:
    """A verdict for every candidate who cannot be given anything now, with the first reason that holds."""
    found: dict[UUID, Verdict] = {}
    for candidate in candidates:
        verdict = _refusal(settings, candidate)
        if verdict is not None:
            found[candidate.user_id] = verdict
    return found


def _refusal(settings: TurnRules, candidate: Candidate) -> Verdict | None:
    if not candidate.is_active:
        return Verdict(candidate.user_id, False, INACTIVE)
    if candidate.role not in settings.roles:
        evidence = {"role": candidate.role, "eligible_roles": sorted(settings.roles)}
        return Verdict(candidate.user_id, False, ROLE_NOT_ELIGIBLE, evidence=evidence)
    if settings.team_ids is not None and candidate.team_id not in settings.team_ids:
        team = None if candidate.team_id is None else str(candidate.team_id)
        return Verdict(candidate.user_id, False, NOT_IN_TEAM, evidence={"team": team})
    if candidate.absent and settings.absences == "skip":
        return Verdict(candidate.user_id, False, ABSENT)
    return None


def seat(turns: Mapping[UUID, Turn], weights: Mapping[UUID, int]) -> dict[UUID, Turn]:
    """The turns of all known users, brought to those who are eligible now.

    Args:
        weights: every eligible user's share in thousandths; not empty.

    Returns: one turn per known or eligible user; the eligible ones share one `scale`.
    """
    playing = {user: turn for user, turn in turns.items() if turn.in_turn}
    if {user: turn.weight for user, turn in playing.items()} == dict(weights):
        return dict(turns)
    staying = [user for user in playing if user in weights]
    level = _level([turns[user].balance for user in staying], [weights[user] for user in staying])
    balances: dict[UUID, Fraction] = {}
    for user, weight in weights.items():
        if user in playing:
            balances[user] = turns[user].balance - weight * level
        elif user in turns:
            balances[user] = max(Fraction(-1), min(Fraction(1), turns[user].balance))
        else:
            balances[user] = Fraction(0)
    shift = _level(list(balances.values()), [weights[user] for user in balances])
    scale = RESOLUTION * sum(weights.values())
    seated = dict(turns)
    for user, turn in playing.items():
        if user not in weights:
            left = turn.balance - turn.weight * level
            seated[user] = replace(turn, credit=round(left * turn.scale), in_turn=False)
    for user, weight in weights.items():
        received = turns[user].received if user in turns else 0
        seated[user] = Turn(weight, round((balances[user] - weight * shift) * scale), scale, received, True)
    return seated


def _level(balances: Sequence[Fraction], weights: Sequence[int]) -> Fraction:
    """How far a group is from its own due, per unit of weight."""
    return sum(balances, Fraction(0)) / sum(weights) if weights else Fraction(0)


def record_seed(seed: int, record_id: UUID) -> int:
    """The seed of one record's decision, in 62 bits; the same however the records are batched."""
    digest = blake2b(seed.to_bytes(8, "big", signed=True) + record_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2


def tie_break(seed: int, user_id: UUID) -> bytes:
    """What decides among users who are equally next: the lowest; it depends on nobody else and on no list's order."""
    return _tie_break(seed.to_bytes(8, "big", signed=True), user_id.bytes)


def _tie_break(seed: bytes, user: bytes) -> bytes:
    return blake2b(seed + user, digest_size=8).digest()


class Limits:
    """Who is kept from which records, while records are given out and people's room gets less."""

    def __init__(self, records: Iterable[OpenRecord] = (), candidates: Iterable[Candidate] = ()) -> None:
        self._records = {record.record_id: record for record in records if record.blocked or record.counts_as}
        self._room = {one.user_id: dict(one.room) for one in candidates}

    def barred(self, record_id: UUID) -> Mapping[UUID, str]:
        """Who may not get the record now, with the code of the limit."""
        record = self._records.get(record_id)
        if record is None:
            return {}
        key = record.counts_as
        if key is None:
            return record.blocked
        holder = record.values.get("owner_id")
        full = [user for user, room in self._room.items() if room.get(key, 1) <= 0 and user != holder]
        return {**dict.fromkeys(full, CAP_REACHED), **record.blocked}

    def given(self, record_id: UUID, user: UUID) -> None:
        """Take the record from the room of whoever gets it and does not hold it yet."""
        record = self._records.get(record_id)
        if record is None or record.counts_as is None or record.values.get("owner_id") == user:
            return
        room = self._room.get(user, {})
        if record.counts_as in room:
            room[record.counts_as] -= 1


class _Table:
    """The turns of those who are eligible for the next record; integers in lists, for speed."""

    def __init__(self, turns: Mapping[UUID, Turn], weights: Mapping[UUID, int]) -> None:
        self.weights = weights
        self._seated = seat(turns, weights)
        self._users = sorted(weights)
        self._names = [user.bytes for user in self._users]
        self._scale = RESOLUTION * sum(weights.values())
        self._gains = [RESOLUTION * weights[user] for user in self._users]
        self._shares = [weights[user] / WEIGHT_UNIT for user in self._users]
        common = lcm(*weights.values())
        self._stretch = [common // weights[user] for user in self._users]
        self._credits = [self._seated[user].credit for user in self._users]
        self._received = [self._seated[user].received for user in self._users]

    def give(self, seed: int) -> list[Verdict]:
        """Give one record out. Returns: verdicts of the eligible users, whoever gets it first."""
        ticket = seed.to_bytes(8, "big", signed=True)
        scale = self._scale
        credits = [credit + gain for credit, gain in zip(self._credits, self._gains, strict=True)]
        places = sorted(
            (credit <= 0, (scale - credit) * factor, _tie_break(ticket, name), index)
            for index, (name, credit, factor) in enumerate(zip(self._names, credits, self._stretch, strict=True))
        )
        verdicts = [
            Verdict(
                self._users[index],
                True,
                LATER_IN_TURN if rank > 1 else CHOSEN,
                rank,
                {
                    "weight": self._shares[index],
                    "received": self._received[index],
                    "due": round(self._received[index] + credits[index] / scale, 3),
                },
            )
            for rank, (_, _, _, index) in enumerate(places, start=1)
        ]
        chosen = places[0][-1]
        credits[chosen] -= scale
        self._received[chosen] += 1
        self._credits = credits
        return verdicts

    def turns(self) -> dict[UUID, Turn]:
        """The turns of all known users as they stand now."""
        now = zip(self._users, self._credits, self._received, strict=True)
        return self._seated | {
            user: replace(self._seated[user], credit=credit, received=count) for user, credit, count in now
        }


def deal(
    record_ids: Sequence[UUID],
    turns: Mapping[UUID, Turn],
    weights: Mapping[UUID, int],
    refused: Sequence[Verdict],
    seed: int,
    policy: str = ROUND_ROBIN,
    limits: Limits | None = None,
) -> tuple[list[Resolution], dict[UUID, Turn]]:
    """Give records out in turn.

    Args:
        record_ids: in the order of the turns.
        turns: as the last deal left them.
        weights: every eligible user's share in thousandths; empty when nobody is.
        refused: the verdicts of everybody else.
        seed: for ties.
        policy: whose turns they are.
        limits: who is kept from single records; by default nobody.

    Returns: one resolution per record, with a verdict for every candidate; and the turns afterwards.
    """
    if not weights:
        return [Resolution(record, None, policy, record_seed(seed, record), refused) for record in record_ids], {}
    if not record_ids:
        return [], seat(turns, weights)
    limits = limits or Limits()
    table: _Table | None = None
    resolutions: list[Resolution] = []
    for record_id in record_ids:
        barred = {user: code for user, code in limits.barred(record_id).items() if user in weights}
        others = [*refused, *(Verdict(user, False, barred[user]) for user in sorted(barred))] if barred else refused
        own_seed = record_seed(seed, record_id)
        playing = {user: weight for user, weight in weights.items() if user not in barred} if barred else weights
        if not playing:
            resolutions.append(Resolution(record_id, None, policy, own_seed, others))
            continue
        if table is None or table.weights != playing:
            table = _Table(turns if table is None else table.turns(), playing)
        verdicts = table.give(own_seed)
        limits.given(record_id, verdicts[0].candidate_id)
        resolutions.append(Resolution(record_id, verdicts[0].candidate_id, policy, own_seed, [*verdicts, *others]))
    return resolutions, dict(turns) if table is None else table.turns()


@dataclass(frozen=True)
class Explanation:
    """A decision in words: as a whole, and about each candidate by user id."""

    sentence: str
    candidates: Mapping[UUID, str]


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        CHOSEN: "{name} is next in turn: {due} due, {received} received before (weight {weight}).",
        LATER_IN_TURN: "{name} is later in turn (place {rank}): {due} due, {received} received (weight {weight}).",
        INACTIVE: "{name} is inactive.",
        ROLE_NOT_ELIGIBLE: "{name} has the role {role}; only these roles take part: {roles}.",
        NOT_IN_TEAM: "{name} is in none of the teams that take part.",
        ABSENT: "{name} is absent today.",
        CAP_REACHED: "{name} holds as many such records as a rule allows.",
        COOLING_DOWN: "{name} had the record a short while ago and does not get it again yet.",
        FROZEN: "{name} does not get it: it came back to the pool a short while ago and is frozen.",
        HELD_BY_CONFLICT: "{name} does not get it: it waits for the ruling of a conflict case.",
        "given": "Given to {name}, first in turn of {eligible} eligible out of {all} candidates: "
        "{due} due, {received} received before (weight {weight}).",
        "nobody": "Nobody of {all} candidates is eligible, so it stays where it is.",
        "unknown": "{name}: {reason}.",
        "somebody": "somebody who is gone",
        "list": ", ",
    },
    "zh": {
        CHOSEN: "{name}轮到：应得 {due}，此前已得 {received}（权重 {weight}）。",
        LATER_IN_TURN: "{name}排在第 {rank} 位：应得 {due}，已得 {received}（权重 {weight}）。",
        INACTIVE: "{name}已停用。",
        ROLE_NOT_ELIGIBLE: "{name}的角色是 {role}，只有这些角色参与：{roles}。",
        NOT_IN_TEAM: "{name}不在参与分配的团队中。",
        ABSENT: "{name}今天缺勤。",
        CAP_REACHED: "{name}持有的此类记录已达规则上限。",
        COOLING_DOWN: "{name}不久前持有过该记录，仍在冷却期内，暂不能再次获得。",
        FROZEN: "{name}不能获得：该记录刚退回公海，仍在冻结期内。",
        HELD_BY_CONFLICT: "{name}不能获得：该记录正在等待归属争议裁决。",
        "given": "分配给{name}：{all} 位候选人中 {eligible} 位可分配，轮到此人；"
        "应得 {due}，此前已得 {received}（权重 {weight}）。",
        "nobody": "{all} 位候选人中无人可分配，保持原状。",
        "unknown": "{name}：{reason}。",
        "somebody": "已不存在的用户",
        "list": "、",
    },
}


def explain(verdicts: Sequence[Verdict], owner_id: UUID | None, names: Mapping[UUID, str], locale: str) -> Explanation:
    """Say a decision in words.

    Args:
        owner_id: who got the record; None when nobody did.
        names: users' names by id; who is missing is called "somebody who is gone".
        locale: "zh…" for Chinese, anything else for English.
    """
    words = _WORDS["zh" if locale.lower().startswith("zh") else "en"]
    # Reasons are in capitals; the other words are not reasons.
    said = {reason: pattern for reason, pattern in words.items() if reason.isupper()}
    candidates = {item.candidate_id: _about(item, words, said.get(item.reason), names) for item in verdicts}
    counts = {"all": len(verdicts), "eligible": sum(item.eligible for item in verdicts)}
    chosen = next((item for item in verdicts if item.candidate_id == owner_id), None)
    if chosen is None:
        return Explanation(words["nobody"].format(**counts), candidates)
    return Explanation(_about(chosen, words, words["given"], names, **counts), candidates)


def _about(
    verdict: Verdict, words: Mapping[str, str], pattern: str | None, names: Mapping[UUID, str], **more: object
) -> str:
    evidence = verdict.evidence
    values = {
        "name": names.get(verdict.candidate_id, words["somebody"]),
        "reason": verdict.reason,
        "rank": verdict.rank,
        "due": _number(evidence.get("due")),
        "received": _number(evidence.get("received")),
        "weight": _number(evidence.get("weight")),
        "role": evidence.get("role", ""),
        "roles": words["list"].join(evidence.get("eligible_roles", ())),
    }
    return (pattern or words["unknown"]).format(**values, **more)


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, (int, float)) else "?"
