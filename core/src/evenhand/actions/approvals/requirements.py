"""Which approvals a change needs, and whether they are there: set-based, an approval counts once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from evenhand.actions.journal import Journal
from evenhand.approvals.errors import ApprovalRequired
from evenhand.approvals.facts import fingerprint
from evenhand.approvals.models import ApprovalPolicy
from evenhand.approvals.reading import read_conditions, read_steps
from evenhand.approvals.rules import Step, applies
from evenhand.db.session import raw_connection
from evenhand.entities.enums import ApprovalKind, ApprovalState
from evenhand.entities.registry import ENTITIES
from evenhand.errors import Problem

_ASKED = """
asked AS (
    SELECT * FROM unnest($2::int[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[])
        AS asked (place, kind, entity, record_id, fingerprint, basis)
),
usable AS (
    SELECT DISTINCT ON (asked.place) asked.place, request.id
    FROM asked
    JOIN approval_requests AS request ON request.tenant_id = $1 AND request.record_id = asked.record_id
        AND request.entity = asked.entity AND request.kind = asked.kind
        AND request.fingerprint = asked.fingerprint AND request.basis = asked.basis
    WHERE request.state = 'approved' AND request.used_at IS NULL
        AND (request.valid_until IS NULL OR request.valid_until > $8)
    ORDER BY asked.place, request.id
)
"""
# Two changes at once wait for each other at the row; the second finds it used.
_TAKE = f"""
WITH {_ASKED}
UPDATE approval_requests AS request SET used_at = $8 FROM usable
WHERE request.tenant_id = $1 AND request.id = usable.id AND request.state = 'approved' AND request.used_at IS NULL
RETURNING usable.place, request.id
"""
_PEEK = f"WITH {_ASKED} SELECT place, id FROM usable"
_STANDING = """
SELECT DISTINCT ON (asked.place) asked.place, request.id, request.state, request.used_at IS NOT NULL AS used,
    request.fingerprint = asked.fingerprint AS same_facts
FROM unnest($2::int[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[])
    AS asked (place, kind, entity, record_id, fingerprint, basis)
JOIN approval_requests AS request ON request.tenant_id = $1 AND request.record_id = asked.record_id
    AND request.entity = asked.entity AND request.kind = asked.kind AND request.basis = asked.basis
ORDER BY asked.place, (request.state = 'pending' AND request.fingerprint = asked.fingerprint) DESC,
    request.requested_at DESC, request.id DESC
"""


Fetch = Callable[..., Awaitable[list[Any]]]
"""Runs a statement with its parameters on the open transaction."""


@dataclass(frozen=True)
class Ask:
    """What is about to be done, as far as it may need an approval.

    Attributes:
        record_id: None for a record that is only about to be created.
        facts: what would be approved.
        change: what is to be done with the record, as column values.
        policy: the name of the policy to go by; without it the first of the kind that applies.
        steps: steps of its own instead of a policy, with `stage`, the id and the name of what lists them.
    """

    kind: ApprovalKind
    entity: str
    record_id: UUID | None
    facts: Mapping[str, Any]
    change: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    steps: tuple[Step, ...] = ()
    stage: tuple[UUID, str] | None = None


@dataclass(frozen=True)
class Requirement:
    """An approval that is needed. Without steps: the policy that is named is not there."""

    ask: Ask
    basis: str
    title: str
    steps: tuple[Step, ...]
    policy: ApprovalPolicy | None = None


async def active_policies(kinds: set[ApprovalKind], names: set[str] | None = None) -> list[ApprovalPolicy]:
    """The tenant's policies of these kinds or names that are in use, in their order; one statement."""
    if not kinds and not names:
        return []
    wanted = Q(kind__in=list(kinds)) if not names else Q(kind__in=list(kinds)) | Q(name__in=list(names))
    return await ApprovalPolicy.filter(wanted, archived_at=None, is_active=True).order_by("position", "id")


def _applies(policy: ApprovalPolicy, facts: Mapping[str, Any]) -> bool:
    conditions, problems = read_conditions(policy.conditions, policy.kind)
    # What can no longer be read was checked when it was saved: then rather ask than let pass.
    return bool(problems) or applies(conditions, facts)


def _by_policy(ask: Ask, policy: ApprovalPolicy) -> Requirement:
    return Requirement(ask, f"policy:{policy.id}", policy.name, tuple(read_steps(policy.steps)[0]), policy)


def _requirement(ask: Ask, policies: Sequence[ApprovalPolicy]) -> Requirement | None:
    if ask.steps and ask.stage is not None:
        return Requirement(ask, f"stage:{ask.stage[0]}", ask.stage[1], ask.steps)
    if ask.policy is not None:
        named = next((policy for policy in policies if policy.name == ask.policy and policy.kind is ask.kind), None)
        if named is None:
            return Requirement(ask, "", ask.policy, ())
        return _by_policy(ask, named) if _applies(named, ask.facts) else None
    found = next((one for one in policies if one.kind is ask.kind and _applies(one, ask.facts)), None)
    return None if found is None else _by_policy(ask, found)


async def requirements_of(
    asks: Sequence[Ask], policies: Sequence[ApprovalPolicy] | None = None
) -> list[Requirement | None]:
    """What each needs, in order; None for nothing. At most one statement.

    Args:
        policies: those of the kinds and names that are asked for, when they were read already.
    """
    if policies is None:
        by_policy = [ask for ask in asks if not ask.steps]
        kinds = {ask.kind for ask in by_policy if ask.policy is None}
        policies = await active_policies(kinds, {ask.policy for ask in by_policy if ask.policy is not None})
    return [_requirement(ask, policies) for ask in asks]


def _columns(needed: Mapping[int, Requirement]) -> list[list[Any]]:
    return [
        list(needed),
        [one.ask.kind.value for one in needed.values()],
        [one.ask.entity for one in needed.values()],
        [one.ask.record_id for one in needed.values()],
        [fingerprint(one.ask.facts) for one in needed.values()],
        [one.basis for one in needed.values()],
    ]


def _refusal(one: Requirement, standing: Mapping[str, Any] | None) -> ApprovalRequired:
    what = f"{one.ask.entity} {one.ask.record_id}" if one.ask.record_id is not None else f"A new {one.ask.entity}"
    pending = None
    if not one.steps:
        message = f"{what}: the approval policy {one.title!r} is not there or not in use."
        hint = "Ask an admin to mend the policy or the criterion that names it."
    elif one.ask.record_id is None:
        message = f"{what} like this needs an approval ({one.title})."
        hint = "Create it as a draft, or open, and request the approval; then go on."
    elif standing is not None and standing["state"] == ApprovalState.PENDING.value and standing["same_facts"]:
        pending = standing["id"]
        message = f"{what}: the approval ({one.title}) is not given yet."
        hint = f"Wait for the decision on approval {pending}, or remind who is asked."
    else:
        said = {
            ApprovalState.REJECTED.value: "was rejected",
            ApprovalState.EXPIRED.value: "was not given in time",
            ApprovalState.CANCELLED.value: "was cancelled",
        }
        said[ApprovalState.PENDING.value] = "was requested with other facts"
        said[ApprovalState.APPROVED.value] = "was given for other facts, used before, or ran out"
        state = said[standing["state"]] if standing is not None else "was not requested"
        message = f"{what} needs an approval ({one.title}), which {state}."
        hint = "Request it with requestApproval, and go on when it is approved."
    return ApprovalRequired(
        message,
        hint=hint,
        kind=one.ask.kind,
        entity=one.ask.entity,
        record_id=one.ask.record_id,
        title=one.title,
        pending=pending,
    )


async def _refusals(fetch: Fetch, tenant: UUID, needed: Mapping[int, Requirement]) -> dict[int, ApprovalRequired]:
    known = {place: one for place, one in needed.items() if one.ask.record_id is not None and one.steps}
    standing: dict[int, Any] = {}
    if known:
        rows = await fetch(_STANDING, tenant, *_columns(known))
        standing = {row["place"]: row for row in rows}
    return {place: _refusal(one, standing.get(place)) for place, one in needed.items()}


def refuse_new(needed: Mapping[int, Requirement]) -> dict[int, ApprovalRequired]:
    """Why records that are only about to be created are refused."""
    return {place: _refusal(one, None) for place, one in needed.items()}


async def take(journal: Journal, needed: Mapping[int, Requirement]) -> dict[int, ApprovalRequired]:
    """Use the approvals that are needed, in one statement. Returns: why not, by place, where there is none.

    Whoever is refused must undo the transaction, or what was taken for others of its places is lost.
    """
    takeable = {place: one for place, one in needed.items() if one.ask.record_id is not None and one.steps}
    taken: set[int] = set()
    fetch, tenant = raw_connection(journal.client).fetch, journal.actor.tenant_id
    if takeable:
        for row in await fetch(_TAKE, tenant, *_columns(takeable), journal.now):
            taken.add(row["place"])
            journal.record("ApprovalRequest", row["id"], before={"used_at": None}, after={"used_at": journal.now})
    rest = {place: one for place, one in needed.items() if place not in taken}
    return await _refusals(fetch, tenant, rest) if rest else {}


async def peek(fetch: Fetch, tenant: UUID, now: Any, needed: Mapping[int, Requirement]) -> dict[int, ApprovalRequired]:
    """What `take` would answer, without using anything."""
    known = {place: one for place, one in needed.items() if one.ask.record_id is not None and one.steps}
    there = {row["place"] for row in await fetch(_PEEK, tenant, *_columns(known), now)} if known else set()
    rest = {place: one for place, one in needed.items() if place not in there}
    return await _refusals(fetch, tenant, rest) if rest else {}


def problem_of(refused: ApprovalRequired) -> Problem:
    """A missing approval as one problem among others."""
    code = "APPROVAL_PENDING" if refused.pending is not None else "APPROVAL_REQUIRED"
    return Problem("approvals", code, f"approvals: {refused.message}", refused.hint)


async def require_approval(
    journal: Journal, *, kind: ApprovalKind | str, entity: str, record_id: UUID, facts: Mapping[str, Any]
) -> None:
    """Let the action go on only with an approval, where a policy of the tenant asks for one; it is used up by this.

    Call it inside the transaction of the action, with the record locked: when the action fails, the approval stays.

    Args:
        kind: "custom" for what plugins ask about; its policies have conditions over any facts.
        entity, record_id: what it is about, e.g. "Order".
        facts: what is to be done, as plain values; the approval counts for exactly these.

    Raises:
        ApprovalRequired: naming what to request, or the request that is pending.
    """
    if entity not in ENTITIES:
        raise LookupError(f"There is no entity {entity!r}.")
    ask = Ask(ApprovalKind(kind), entity, record_id, facts)
    (needed,) = await requirements_of([ask])
    if needed is not None:
        for refused in (await take(journal, {0: needed})).values():
            raise refused
