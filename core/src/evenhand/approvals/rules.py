"""The rules of approvals, without any I/O: when one is needed, who is asked, who may decide, what comes next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from evenhand.entities.enums import ApprovalState, ApprovalVerdict
from evenhand.tenancy.context import Role


class Who(StrEnum):
    """By what the approvers of a step are found."""

    REQUESTER_MANAGER = "requester_manager"
    OWNER_MANAGER = "owner_manager"
    TEAM_LEAD = "team_lead"
    ROLE = "role"
    USERS = "users"


class Need(StrEnum):
    """How many of the approvers of a step must approve; one rejection always ends the request."""

    ANY = "any"
    ALL = "all"


class AtDeadline(StrEnum):
    """What happens when a step is not decided in time."""

    REMIND = "remind"
    ESCALATE = "escalate"
    REJECT = "reject"
    EXPIRE = "expire"


@dataclass(frozen=True)
class Step:
    """One step: who is asked, how many must approve, by when.

    Attributes:
        role: for `Who.ROLE`. users: for `Who.USERS`.
        hours: time to decide; None for no deadline.
    """

    who: Who
    role: Role | None = None
    users: tuple[UUID, ...] = ()
    need: Need = Need.ANY
    hours: int | None = None
    at_deadline: AtDeadline = AtDeadline.REMIND

    def plain(self) -> dict[str, Any]:
        """The step as it is kept."""
        return {
            "approver": self.who.value,
            **({"role": self.role.value} if self.role is not None else {}),
            **({"users": [str(user) for user in self.users]} if self.users else {}),
            "need": self.need.value,
            **({"hours": self.hours, "at_deadline": self.at_deadline.value} if self.hours is not None else {}),
        }


@dataclass(frozen=True)
class Condition:
    """A threshold over one fact: a least value (in a currency, for money), or a list of values."""

    fact: str
    at_least: Decimal | None = None
    more_than: Decimal | None = None
    one_of: frozenset[str] | None = None
    none_of: frozenset[str] | None = None
    currency: str | None = None

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether the facts meet it; a fact that is not there or is no number meets no least value."""
        value = facts.get(self.fact)
        if self.currency is not None and facts.get("currency") != self.currency:
            return False
        if self.one_of is not None and str(value) not in self.one_of:
            return False
        if self.none_of is not None and str(value) in self.none_of:
            return False
        if self.at_least is None and self.more_than is None:
            return True
        number = as_number(value)
        if number is None:
            return False
        return (self.at_least is None or number >= self.at_least) and (
            self.more_than is None or number > self.more_than
        )


def as_number(value: Any) -> Decimal | None:
    """A fact as a number; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def applies(conditions: Sequence[Condition], facts: Mapping[str, Any]) -> bool:
    """Whether all conditions hold; without any, always."""
    return all(condition.holds(facts) for condition in conditions)


@dataclass(frozen=True)
class Person:
    """A user as the rules see one. `able`: active, and not read-only."""

    id: UUID
    role: Role
    manager_id: UUID | None = None
    team_id: UUID | None = None
    able: bool = True


def managers_above(user_id: UUID | None, people: Mapping[UUID, Person]) -> Iterator[UUID]:
    """The managers above a user, the nearest first; a loop in the chain ends it."""
    seen = {user_id}
    person = people.get(user_id) if user_id is not None else None
    while person is not None and person.manager_id is not None and person.manager_id not in seen:
        seen.add(person.manager_id)
        yield person.manager_id
        person = people.get(person.manager_id)


def _first_able(chain: Iterator[UUID], people: Mapping[UUID, Person], but: UUID | None) -> list[UUID]:
    for user_id in chain:
        if user_id != but and user_id in people and people[user_id].able:
            return [user_id]
    return []


def _team_leads(
    requester: Person | None, people: Mapping[UUID, Person], parents: Mapping[UUID, UUID | None]
) -> list[UUID]:
    """Managers in the requester's team; when there are none, in the nearest team above that has one."""
    team, seen = requester.team_id if requester is not None else None, set[UUID]()
    while team is not None and team not in seen:
        seen.add(team)
        found = [
            person.id
            for person in people.values()
            if person.team_id == team
            and person.role is Role.MANAGER
            and person.able
            and (requester is None or person.id != requester.id)
        ]
        if found:
            return found
        team = parents.get(team)
    return []


def approvers(
    step: Step,
    people: Mapping[UUID, Person],
    parents: Mapping[UUID, UUID | None],
    *,
    requester: UUID | None,
    owner: UUID | None,
) -> list[UUID]:
    """Who is asked at a step, by id: never the requester, never somebody who is not able.

    When the step finds nobody, the nearest manager above the requester is asked, else all admins.

    Args:
        parents: the team above each team.

    Returns: nobody when there is nobody else.
    """
    asked = people.get(requester) if requester is not None else None
    match step.who:
        case Who.REQUESTER_MANAGER:
            found = _first_able(managers_above(requester, people), people, requester)
        case Who.OWNER_MANAGER:
            found = _first_able(managers_above(owner, people), people, requester)
        case Who.TEAM_LEAD:
            found = _team_leads(asked, people, parents)
        case Who.ROLE:
            found = [person.id for person in people.values() if person.role is step.role]
        case Who.USERS:
            found = list(step.users)
    return (
        _able(found, people, requester)
        or _first_able(managers_above(requester, people), people, requester)
        or _able([person.id for person in people.values() if person.role is Role.ADMIN], people, requester)
    )


def _able(found: Collection[UUID], people: Mapping[UUID, Person], but: UUID | None) -> list[UUID]:
    return sorted(one for one in set(found) if one != but and one in people and people[one].able)


def escalated(seat: UUID, people: Mapping[UUID, Person], requester: UUID | None) -> UUID | None:
    """Who is asked instead of an approver who did not decide in time: the nearest able manager above."""
    found = _first_able(managers_above(seat, people), people, requester)
    return found[0] if found else None


class Refused(StrEnum):
    """Why somebody may not decide."""

    ENDED = "ended"
    OWN_REQUEST = "own_request"
    DECIDED = "decided"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True)
class Case:
    """A request as the rules see it.

    Attributes:
        needs: of each step, in order.
        step: the current one, 1 is the first.
        waiting: who is asked at the current step and has not decided.
        approved: who of those asked at the current step approved, themselves or through a deputy.
        deciders: who decided at the current step.
    """

    requester: UUID | None
    needs: tuple[Need, ...]
    step: int = 1
    state: ApprovalState = ApprovalState.PENDING
    waiting: frozenset[UUID] = frozenset()
    approved: frozenset[UUID] = frozenset()
    deciders: frozenset[UUID] = frozenset()


def seat_for(case: Case, actor: UUID, deputy_of: Collection[UUID]) -> UUID | Refused:
    """For whom the actor decides: for oneself, else for the first one who is asked and whose deputy the actor is.

    Nobody decides about an own request, and nobody twice at one step, also not for somebody else.
    """
    if case.state is not ApprovalState.PENDING:
        return Refused.ENDED
    if actor == case.requester:
        return Refused.OWN_REQUEST
    if actor in case.deciders:
        return Refused.DECIDED
    if actor in case.waiting:
        return actor
    represented = sorted(case.waiting & set(deputy_of))
    return represented[0] if represented else Refused.NOT_ASKED


def decide(case: Case, seat: UUID, actor: UUID, verdict: ApprovalVerdict) -> Case:
    """The case after a decision that `seat_for` allowed. A new step begins with nobody asked yet."""
    decided = replace(case, waiting=case.waiting - {seat}, deciders=case.deciders | {actor})
    if verdict is ApprovalVerdict.REJECT:
        return replace(decided, state=ApprovalState.REJECTED, waiting=frozenset())
    decided = replace(decided, approved=case.approved | {seat})
    if case.needs[case.step - 1] is Need.ALL and decided.waiting:
        return decided
    if case.step == len(case.needs):
        return replace(decided, state=ApprovalState.APPROVED, waiting=frozenset())
    return Case(case.requester, case.needs, case.step + 1)
