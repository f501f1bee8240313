"""The rules of shares, without any I/O: what is left for the owner, and how an amount is divided exactly."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar
from uuid import UUID

from evenhand.entities.enums import MemberRole
from evenhand.errors import Problem

WHOLE = Decimal("100.00")
STEP = Decimal("0.01")
MOST = 50
"""So many members a team may have besides the owner."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Member:
    """One user in the team on a record, besides its owner. `share`: percent, null for a watcher."""

    user_id: UUID
    role: MemberRole
    share: Decimal | None = None


def owner_share(shares: Iterable[Decimal]) -> Decimal:
    """What collaborators with these shares leave for the owner, in percent."""
    return WHOLE - sum(shares, Decimal(0))


def divide(amount: Decimal, shares: Mapping[K, Decimal], step: Decimal = STEP) -> dict[K, Decimal]:
    """Divide an amount by shares, in whole steps, so that the parts make exactly the amount.

    Each gets its part rounded towards less; what is left goes step by step to those who lost most by that (largest
    remainder), in the order of `shares` among equals. The amount must be whole steps itself.

    Args:
        shares: any weights that are not negative, with a sum above zero.
    """
    total = sum(shares.values(), Decimal(0))
    if total <= 0 or any(share < 0 for share in shares.values()):
        raise ValueError("shares must not be negative, and their sum must be above zero")
    steps = amount / step
    if steps != steps.to_integral_value():
        raise ValueError(f"{amount} is not a multiple of {step}")
    parts: dict[K, Decimal] = {}
    lost: list[tuple[Decimal, int, K]] = []
    for place, (key, share) in enumerate(shares.items()):
        # The remainder is kept over the same denominator, so that nothing is rounded on the way.
        exact = steps * share
        whole = (exact / total).to_integral_value(ROUND_FLOOR)
        while whole * total > exact:
            whole -= 1
        while (whole + 1) * total <= exact:
            whole += 1
        parts[key] = whole
        lost.append((whole * total - exact, place, key))
    left = int(steps - sum(parts.values(), Decimal(0)))
    for _, _, key in sorted(lost, key=lambda item: item[:2])[:left]:
        parts[key] += 1
    return {key: part * step for key, part in parts.items()}


def team_problems(members: Sequence[Member], owner_id: UUID | None) -> list[Problem]:
    """Why these cannot be the team on a record of this owner; empty when they can."""
    problems: list[Problem] = []
    if owner_id is None:
        message = "members: the record waits in a pool, and a team needs an owner."
        problems.append(Problem("members", "NO_OWNER", message, "Give the record to somebody first."))
    if len(members) > MOST:
        message = f"members: {len(members)} are too many."
        problems.append(Problem("members", "TOO_MANY", message, f"Name at most {MOST}."))
    seen: set[UUID] = set()
    for number, member in enumerate(members):
        where = f"members.{number}"
        if member.user_id in seen:
            message = f"{where}.user_id: user {member.user_id} is named twice."
            problems.append(Problem(f"{where}.user_id", "NAMED_TWICE", message, "Name each user once."))
        seen.add(member.user_id)
        if member.user_id == owner_id:
            message = f"{where}.user_id: user {member.user_id} is the owner."
            hint = "Leave the owner out; the owner has what the others leave of 100 percent."
            problems.append(Problem(f"{where}.user_id", "IS_OWNER", message, hint))
        problem = _share_problem(member, f"{where}.share")
        if problem is not None:
            problems.append(problem)
    if problems:
        return problems
    total = sum((member.share for member in members if member.share is not None), Decimal(0))
    if total > WHOLE:
        message = f"members: the shares make {total} percent."
        problems.append(Problem("members", "OVER_WHOLE", message, "Together they must not be above 100."))
    return problems


def _share_problem(member: Member, where: str) -> Problem | None:
    share = member.share
    if member.role is MemberRole.WATCHER:
        if share is None:
            return None
        return Problem(where, "NO_SHARE", f"{where}: a watcher has no share.", "Leave it out.")
    if share is None:
        return Problem(where, "REQUIRED", f"{where}: a collaborator needs a share.", "Give percent, such as 20.00.")
    if not share.is_finite() or not 0 <= share <= WHOLE or share != share.quantize(STEP):
        message = f"{where}: {share} is no share."
        return Problem(where, "BAD_SHARE", message, "Give percent from 0 to 100 with at most two decimals.")
    return None


def split_problems(split: Mapping[UUID, Decimal], owner_id: UUID) -> list[Problem]:
    """Why a record cannot be split like this: percent by user, with the owner, exactly 100 together."""
    problems = []
    for user_id, share in split.items():
        if not share.is_finite() or not 0 <= share <= WHOLE or share != share.quantize(STEP):
            message = f"split: {share} for user {user_id} is no share."
            problems.append(
                Problem("split", "BAD_SHARE", message, "Give percent from 0 to 100 with at most two decimals.")
            )
    if not problems and sum(split.values(), Decimal(0)) != WHOLE:
        message = f"split: the shares make {sum(split.values(), Decimal(0))} percent."
        problems.append(Problem("split", "NOT_WHOLE", message, "Together they must be exactly 100."))
    if owner_id not in split:
        message = f"split: the owner {owner_id} is missing."
        problems.append(Problem("split", "OWNER_MISSING", message, "Name the owner with a share, which may be 0."))
    return problems
