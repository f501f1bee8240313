"""Choose who gets what, step by step: the pure rules, and the tenant's policies for who asks them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from evenhand.actions.assignment import (
    candidates_for,
    check_resolutions,
    no_policy,
    open_records,
    shown_verdicts,
    without,
)
from evenhand.actions.journal import Journal
from evenhand.db.session import transaction
from evenhand.entities import Tenant
from evenhand.entities.enums import HandoverMethod
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.handovers.reading import ENTITIES, books_of, people
from evenhand.ownership.handovers.rules import (
    NOBODY,
    Item,
    Step,
    Target,
    balance,
    follow_account,
    keep_collaborators,
    share_out,
)
from evenhand.ownership.models import Pool
from evenhand.plugins.contract import Resolution
from evenhand.plugins.host import current_host, tenant_context

MOST_STEPS = 50
MOST_SHARE = 1_000_000


@dataclass(frozen=True)
class Choice:
    """Who gets a record, and how that was chosen."""

    target: Target = NOBODY
    method: HandoverMethod | None = None
    policy: str | None = None
    seed: int | None = None
    verdicts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def columns(self) -> dict[str, Any]:
        """As a line keeps it."""
        return {
            "to_user_id": self.target.user_id,
            "to_pool_id": self.target.pool_id,
            "method": self.method,
            "policy": self.policy,
            "seed": self.seed,
            "verdicts": list(self.verdicts),
        }


class _TakeBack(Exception):
    """Ends a savepoint without its effects."""


class _Choosing:
    """The choices for one plan while they are made."""

    def __init__(
        self,
        items: Sequence[Item],
        kept: Mapping[UUID, Target],
        leaver: UUID,
        seed: int,
        journal: Journal,
        today: date,
        users: Mapping[UUID, Mapping[str, Any]],
        currency: str,
    ) -> None:
        self.items = items
        self.kept = kept
        self.leaver = leaver
        self.seed = seed
        self.journal = journal
        self.today = today
        self.users = users
        self.currency = currency
        self.eligible = frozenset(user for user, row in users.items() if row["eligible"])
        self.chosen: dict[UUID, Choice] = {}
        self.following: dict[UUID, Item] = {}

    def waiting(self, step: Step) -> list[Item]:
        """The records for which this step is to choose."""
        return [
            item
            for item in self.items
            if item.record_id not in self.chosen
            and item.record_id not in self.kept
            and item.record_id not in self.following
            and step.where.takes(item)
        ]

    def among(self, step: Step) -> list[UUID]:
        """The users of a step; when it names none, those of the leaver's team who are there and hold records."""
        if step.users:
            return list(step.users)
        leaver = self.users[self.leaver]
        able = [
            user
            for user, row in self.users.items()
            if row["eligible"] and not row["absent"] and user != self.leaver and row["role"] == leaver["role"]
        ]
        return [user for user in able if self.users[user]["team_id"] == leaver["team_id"]] or able

    async def take(self, number: int, step: Step) -> None:
        """Choose by one step."""
        waiting = self.waiting(step)
        if not waiting:
            return
        match step.method:
            case HandoverMethod.HAND:
                target = Target(step.users[0] if step.users else None, step.pool_id)
                self.chosen |= {item.record_id: Choice(target, step.method) for item in waiting}
            case HandoverMethod.COLLABORATOR:
                self.give(keep_collaborators(waiting, self.eligible, self.leaver), step.method)
            case HandoverMethod.SHARES:
                self.give(share_out(waiting, self.among(step), step.shares, self.seed + number), step.method)
            case HandoverMethod.FOLLOW_ACCOUNT:
                self.follow(waiting)
            case HandoverMethod.BALANCE:
                await self.even_out(number, step, waiting)
            case HandoverMethod.POLICY:
                await self.ask(number, step, waiting)

    def give(self, users: Mapping[UUID, UUID], method: HandoverMethod) -> None:
        self.chosen |= {record: Choice(Target(user), method) for record, user in users.items()}

    def follow(self, waiting: Sequence[Item]) -> None:
        """Those whose customer is in the plan wait for what becomes of it."""
        planned = {item.record_id for item in self.items if item.entity == "Account"}
        inside = [item for item in waiting if item.entity != "Account" and item.account_id in planned]
        self.following |= {item.record_id: item for item in inside}
        outside = [item for item in waiting if item.account_id not in planned]
        for record, target in follow_account(outside, {}, self.eligible, self.leaver).items():
            self.chosen[record] = Choice(target, HandoverMethod.FOLLOW_ACCOUNT)

    def accounts(self) -> dict[UUID, Target]:
        """What was chosen for customers."""
        found = {record: choice.target for record, choice in self.chosen.items()} | dict(self.kept)
        return {item.record_id: found[item.record_id] for item in self.items if found.get(item.record_id)}

    async def even_out(self, number: int, step: Step, waiting: Sequence[Item]) -> None:
        users = self.among(step)
        books = await books_of(users, self.today)
        for item in self.items:
            target = (
                self.chosen[item.record_id].target if item.record_id in self.chosen else self.kept.get(item.record_id)
            )
            if target and target.user_id in books:
                books[target.user_id].add(item)
        # What follows its customer weighs with it.
        along = {item.record_id for item in waiting if item.entity == "Account"}
        with_customer = [item for item in self.following.values() if item.account_id in along]
        given = balance(
            [*waiting, *with_customer],
            books,
            users,
            self.seed + number,
            currency=self.currency,
            shares=step.shares,
        )
        self.give({item.record_id: given[item.record_id] for item in waiting if item.record_id in given}, step.method)

    async def ask(self, number: int, step: Step, waiting: Sequence[Item]) -> None:
        """Ask the plugins; what they note down meanwhile (turns) is taken back, nobody's turn is used up by a plan."""
        for name in ENTITIES:
            records = [item for item in waiting if item.entity == name]
            if records:
                plugin, resolutions = await self._resolve(name, [item.record_id for item in records], step, number)
                self.chosen |= {
                    one.record_id: Choice(
                        Target(one.owner_id),
                        step.method,
                        f"{plugin}:{one.policy}",
                        one.seed,
                        shown_verdicts(one),
                    )
                    for one in resolutions
                    if one.owner_id is not None
                }

    async def _resolve(
        self, name: str, ids: Sequence[UUID], step: Step, number: int
    ) -> tuple[str, Sequence[Resolution]]:
        kind = entity(name)
        found = {record.id: record for record in await kind.model.filter(id__in=list(ids))}
        ctx = await tenant_context(seed=self.seed + number, now=self.journal.now)
        named = frozenset(step.users)
        candidates = [
            one
            for one in await candidates_for(kind, ctx)
            if one.user_id != self.leaver and (not named or one.user_id in named)
        ]
        records, candidates = await open_records(kind, found, ids, candidates, self.journal, lock=False)
        answer: tuple[str, Sequence[Resolution]] | None = None
        try:
            async with transaction():
                answer = await current_host().resolve_owner(
                    ctx, records=records, candidates=candidates, policy=step.policy
                )
                raise _TakeBack
        except _TakeBack:
            pass
        if answer is None:
            raise no_policy(kind, step.policy)
        plugin, resolutions = answer
        check_resolutions(resolutions, records, candidates, step.policy)
        blocked = {record.record_id: record.blocked for record in records}
        return plugin, [without(item, blocked[item.record_id]) for item in resolutions]

    def finish(self) -> dict[UUID, Choice]:
        """The choices, with those who follow their customers."""
        for record, target in follow_account(
            self.following.values(), self.accounts(), self.eligible, self.leaver
        ).items():
            self.chosen[record] = Choice(target, HandoverMethod.FOLLOW_ACCOUNT)
        return self.chosen


async def choose(
    items: Sequence[Item],
    steps: Sequence[Step],
    *,
    leaver: UUID,
    seed: int,
    journal: Journal,
    today: date,
    kept: Mapping[UUID, Target] | None = None,
) -> dict[UUID, Choice]:
    """Who gets which record, by record; those that no step chooses for are left out.

    Args:
        kept: what is settled already, by record.

    Raises:
        InvalidInput: a step that cannot be taken. NoPolicy, PluginFailed.
    """
    users = await people(today)
    await read_steps(steps, leaver, users)
    tenant = await Tenant.first()
    currency = tenant.currency if tenant is not None else ""
    choosing = _Choosing(items, kept or {}, leaver, seed, journal, today, users, currency)
    for number, step in enumerate(steps):
        await choosing.take(number, step)
    return choosing.finish()


async def read_steps(steps: Sequence[Step], leaver: UUID, users: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Raise `InvalidInput` with all that is wrong with the steps."""
    pools = {pool.id for pool in await Pool.filter(archived_at=None)}
    problems: list[Problem] = []
    if len(steps) > MOST_STEPS:
        problems.append(Problem("steps", "TOO_MANY", f"steps: {len(steps)} are too many.", f"Give up to {MOST_STEPS}."))
    for number, step in enumerate(steps[:MOST_STEPS]):
        problems += _problems(f"steps.{number}", step, leaver, users, pools)
    if problems:
        raise InvalidInput(problems)


def _problems(
    place: str, step: Step, leaver: UUID, users: Mapping[UUID, Mapping[str, Any]], pools: Collection[UUID]
) -> list[Problem]:
    found: list[Problem] = []

    def wrong(part: str, code: str, message: str, hint: str) -> None:
        found.append(Problem(f"{place}.{part}", code, f"{place}.{part}: {message}", hint))

    for user in step.users:
        if user == leaver:
            wrong("users", "HANDS_OVER", "who hands over cannot take over.", "Name others.")
        elif user not in users:
            wrong("users", "REFERENCE_NOT_FOUND", f"user {user} does not exist here.", "Use ids of users.")
        elif not users[user]["eligible"]:
            wrong("users", "NOT_ELIGIBLE", f"{users[user]['name']} cannot hold records.", "Choose active users.")
    if len(set(step.users)) < len(step.users):
        wrong("users", "NAMED_TWICE", "somebody is named twice.", "Name each once.")
    if step.shares:
        fit = len(step.shares) == len(step.users)
        if not fit or not all(0 <= share <= MOST_SHARE for share in step.shares) or not any(step.shares):
            wrong("shares", "BAD_SHARES", "they do not fit the users.", "Give one whole number for each user.")
        if step.method not in (HandoverMethod.SHARES, HandoverMethod.BALANCE):
            wrong("shares", "NOT_USED", "only SHARES and BALANCE have them.", "Leave them out.")
    if step.pool_id is not None and step.pool_id not in pools:
        wrong("pool", "REFERENCE_NOT_FOUND", f"pool {step.pool_id} does not exist here.", "Use the id of a pool.")
    if step.method is HandoverMethod.HAND:
        if len(step.users) + (step.pool_id is not None) != 1:
            wrong("users", "ONE_HOLDER", "by hand it needs one user or one pool.", "Name exactly one.")
    elif step.pool_id is not None:
        wrong("pool", "NOT_USED", "only HAND takes a pool.", "Leave it out.")
    if step.policy is not None and step.method is not HandoverMethod.POLICY:
        wrong("policy", "NOT_USED", "only POLICY has one.", "Leave it out.")
    for entity_name in step.where.entities - frozenset(ENTITIES):
        wrong("where", "NOT_OWNABLE", f"{entity_name[:64]!r} has no owner.", f"Use any of: {', '.join(ENTITIES)}.")
    return found
