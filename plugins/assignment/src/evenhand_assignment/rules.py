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
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import blake2b
from math import lcm
from uuid import UUID

from evenhand.api import Candidate, Resolution, Verdict
from evenhand_assignment.settings import ROUND_ROBIN, WEIGHT_UNIT, TurnRules

CHOSEN = "CHOSEN"
LATER_IN_TURN = "LATER_IN_TURN"
INACTIVE = "INACTIVE"
ROLE_NOT_ELIGIBLE = "ROLE_NOT_ELIGIBLE"
NOT_IN_TEAM = "NOT_IN_TEAM"
ABSENT = "ABSENT"

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


def deal(
    record_ids: Sequence[UUID],
    turns: Mapping[UUID, Turn],
    weights: Mapping[UUID, int],
    refused: Sequence[Verdict],
    seed: int,
    policy: str = ROUND_ROBIN,
) -> tuple[list[Resolution], dict[UUID, Turn]]:
    """Give records out in turn.

    Args:
        record_ids: in the order of the turns.
        turns: as the last deal left them.
        weights: every eligible user's share in thousandths; empty when nobody is.
        refused: the verdicts of everybody else.
        seed: for ties.
        policy: whose turns they are.

    Returns: one resolution per record, with a verdict for every candidate; and the turns afterwards.
    """
    if not weights:
        return [Resolution(record, None, policy, record_seed(seed, record), refused) for record in record_ids], {}
    seated = seat(turns, weights)
    users = sorted(weights)
    names = [user.bytes for user in users]
    total = sum(weights.values())
    scale = RESOLUTION * total
    gains = [RESOLUTION * weights[user] for user in users]
    shares = [weights[user] / WEIGHT_UNIT for user in users]
    common = lcm(*weights.values())
    stretch = [common // weights[user] for user in users]
    credits = [seated[user].credit for user in users]
    received = [seated[user].received for user in users]
    resolutions: list[Resolution] = []
    for record_id in record_ids:
        own_seed = record_seed(seed, record_id)
        ticket = own_seed.to_bytes(8, "big", signed=True)
        credits = [credit + gain for credit, gain in zip(credits, gains, strict=True)]
        places = [
            (credit <= 0, (scale - credit) * factor, _tie_break(ticket, name), index)
            for index, (name, credit, factor) in enumerate(zip(names, credits, stretch, strict=True))
        ]
        verdicts = [
            Verdict(
                users[index],
                True,
                LATER_IN_TURN if rank > 1 else CHOSEN,
                rank,
                {
                    "weight": shares[index],
                    "received": received[index],
                    "due": round(received[index] + credits[index] / scale, 3),
                },
            )
            for rank, (_, _, _, index) in enumerate(sorted(places), start=1)
        ]
        owner = verdicts[0].candidate_id
        chosen = users.index(owner)
        credits[chosen] -= scale
        received[chosen] += 1
        resolutions.append(Resolution(record_id, owner, policy, own_seed, [*verdicts, *refused]))
    for user, credit, count in zip(users, credits, received, strict=True):
        seated[user] = replace(seated[user], credit=credit, received=count)
    return resolutions, seated


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
