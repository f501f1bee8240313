"""Read the conditions and steps of policies from the JSON in which they are kept: pure, and all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from evenhand.approvals.rules import AtDeadline, Condition, Need, Step, Who, as_number
from evenhand.entities.enums import ApprovalKind
from evenhand.errors import Problem
from evenhand.tenancy.context import Role

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T")

MOST_STEPS = 10
MOST_HOURS = 24 * 365
DEAL_FACTS = frozenset({"amount", "currency", "discount_percent", "total_discount_percent"})
STAGE_FACTS = frozenset({"amount", "currency", "pipeline_id", "stage_id"})
"""The facts that the core finds out itself; for `custom` the caller names them."""

_STEP = 'Write {"approver": "requester_manager", "need": "any", "hours": 24, "at_deadline": "remind"}.'
_CONDITION = (
    'Write {"fact": "amount", "at_least": "100000", "currency": "CNY"} or {"fact": "stage_id", "one_of": ["…"]}.'
)
_NUMBERS = frozenset({"amount", "discount_percent", "total_discount_percent"})


class _Bad(ValueError):
    """Why something is no step or condition, as the end of a sentence."""


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _named(raw: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """The members by their names here, also when they are written as in the API (`atLeast`)."""
    given = {_snake(name): value for name, value in raw.items()}
    unknown = sorted(given.keys() - allowed)
    if unknown:
        raise _Bad(f"{unknown[0]!r} is no part of it")
    return given


def _chosen(kind: type[S], value: Any, name: str) -> S:
    found = next((one for one in kind if isinstance(value, str) and one.value == _snake(value)), None)
    if found is None:
        raise _Bad(f"{name} {value!r} is none of {', '.join(kind)}")
    return found


def _ids(value: Any) -> tuple[UUID, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise _Bad("users is no list of ids")
    try:
        return tuple(dict.fromkeys(UUID(str(one)) for one in value))
    except ValueError:
        raise _Bad("users is no list of ids") from None


_STEP_PARTS = frozenset({"approver", "role", "users", "need", "hours", "at_deadline"})


def _step(raw: Mapping[str, Any]) -> Step:
    given = _named(raw, _STEP_PARTS)
    who = _chosen(Who, given.get("approver"), "approver")
    if ("role" in given) != (who is Who.ROLE) or ("users" in given) != (who is Who.USERS):
        raise _Bad("role belongs to the approver role, and users to the approver users")
    hours = given.get("hours")
    if hours is not None and (isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= MOST_HOURS):
        raise _Bad(f"hours {hours!r} is no whole number from 1 to {MOST_HOURS}")
    if hours is None and "at_deadline" in given:
        raise _Bad("at_deadline says nothing without hours")
    role = _chosen(Role, given["role"], "role") if who is Who.ROLE else None
    if role is Role.READ_ONLY:
        raise _Bad("read-only users cannot approve")
    return Step(
        who=who,
        role=role,
        users=_ids(given["users"]) if who is Who.USERS else (),
        need=_chosen(Need, given.get("need", Need.ANY.value), "need"),
        hours=hours,
        at_deadline=_chosen(AtDeadline, given.get("at_deadline", AtDeadline.REMIND.value), "at_deadline"),
    )


def _number(given: Mapping[str, Any], name: str) -> Decimal | None:
    if name not in given:
        return None
    number = as_number(given[name])
    if number is None:
        raise _Bad(f"{name} {given[name]!r} is no number")
    return number


def _texts(given: Mapping[str, Any], name: str) -> frozenset[str] | None:
    if name not in given:
        return None
    values = given[name]
    if not isinstance(values, list) or not values or not all(isinstance(one, (str, int)) for one in values):
        raise _Bad(f"{name} is no list of values")
    return frozenset(str(one) for one in values)


_CONDITION_PARTS = frozenset({"fact", "at_least", "more_than", "one_of", "none_of", "currency"})


def facts_of(kind: ApprovalKind) -> frozenset[str] | None:
    """The facts that requests of this kind have; None for any."""
    match kind:
        case ApprovalKind.CUSTOM:
            return None
        case ApprovalKind.STAGE_MOVE:
            return STAGE_FACTS
        case ApprovalKind.DISCOUNT | ApprovalKind.QUOTE | ApprovalKind.CONTRACT:
            return DEAL_FACTS


def _condition(raw: Mapping[str, Any], kind: ApprovalKind) -> Condition:
    given = _named(raw, _CONDITION_PARTS)
    fact = given.get("fact")
    if not isinstance(fact, str) or not fact:
        raise _Bad("it names no fact")
    if kind is not ApprovalKind.CUSTOM:
        fact = _snake(fact)
    known = facts_of(kind)
    if known is not None and fact not in known:
        raise _Bad(f"{fact!r} is none of {', '.join(sorted(known))}")
    if not given.keys() & {"at_least", "more_than", "one_of", "none_of"}:
        raise _Bad("it names no value")
    least = {"at_least", "more_than"} & given.keys()
    if known is not None and least and fact not in _NUMBERS:
        raise _Bad(f"{fact} is no number")
    currency = given.get("currency")
    if fact == "amount" and least and kind is not ApprovalKind.CUSTOM and currency is None:
        raise _Bad("an amount needs its currency")
    if currency is not None and (not isinstance(currency, str) or len(currency) != 3 or not currency.isupper()):
        raise _Bad(f"{currency!r} is no currency")
    return Condition(
        fact=fact,
        at_least=_number(given, "at_least"),
        more_than=_number(given, "more_than"),
        one_of=_texts(given, "one_of"),
        none_of=_texts(given, "none_of"),
        currency=currency,
    )


def _each(
    raw: Sequence[Any], where: str, code: str, hint: str, read: Callable[[Mapping[str, Any]], T]
) -> tuple[list[T], list[Problem]]:
    found: list[T] = []
    problems: list[Problem] = []
    for number, item in enumerate(raw):
        try:
            if not isinstance(item, Mapping):
                raise _Bad("it is no object")
            found.append(read(item))
        except _Bad as bad:
            path = f"{where}.{number}"
            problems.append(Problem(path, code, f"{path}: {bad}.", hint))
    return found, problems


def read_steps(raw: Sequence[Any], where: str = "steps") -> tuple[list[Step], list[Problem]]:
    """The steps as a policy keeps them, and what is wrong with those that are none."""
    if not 1 <= len(raw) <= MOST_STEPS:
        message = f"{where}: there are {len(raw)}."
        return [], [Problem(where, "WRONG_NUMBER", message, f"Give 1 to {MOST_STEPS} steps. {_STEP}")]
    return _each(raw, where, "BAD_STEP", _STEP, _step)


def read_conditions(raw: Sequence[Any], kind: ApprovalKind) -> tuple[list[Condition], list[Problem]]:
    """The conditions as a policy keeps them, and what is wrong with those that are none."""
    return _each(raw, "conditions", "BAD_CONDITION", _CONDITION, lambda item: _condition(item, kind))
