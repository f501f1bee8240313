"""The rules of conflict cases, without any I/O: who may rule, and who is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from evenhand.tenancy.context import Role


def common_superiors(reps: Collection[UUID], above: Mapping[UUID, Sequence[UUID]]) -> list[UUID]:
    """Who stands above all of these users and is none of them, the nearest first.

    Args:
        above: who stands above each user, the nearest first.
    """
    if not reps:
        return []
    common = set.intersection(*(set(above.get(rep, ())) for rep in reps)) - set(reps)
    return sorted(common, key=lambda one: (sum(list(above[rep]).index(one) for rep in reps), one))


def may_rule(
    user_id: UUID | None,
    role: Role,
    reps: Collection[UUID],
    above: Mapping[UUID, Sequence[UUID]],
    former: Collection[UUID] = (),
) -> bool:
    """Whether a user may rule: an admin, or who stands above all parties; never a party, and never twice.

    Args:
        former: who ruled before; a manager who rules on an appeal also stands above them.
    """
    if user_id is None or user_id in reps or user_id in former:
        return False
    if role is Role.ADMIN:
        return True
    return role is Role.MANAGER and user_id in common_superiors([*reps, *former], above)


def judge_of(
    reps: Collection[UUID], above: Mapping[UUID, Sequence[UUID]], former: Collection[UUID] = ()
) -> UUID | None:
    """Who is asked to rule: the nearest who stands above all; None when only admins are left."""
    found = common_superiors([*reps, *former], above)
    return found[0] if found else None
