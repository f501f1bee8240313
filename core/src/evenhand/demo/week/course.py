"""The week while it goes on: its clock, its jobs, what its people do, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from evenhand.actions.pools.claims import ClaimItem, ClaimStatus, claim_records
from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.actions.reclaims.warning import warn_batch
from evenhand.actions.records import create_record
from evenhand.actions.signals import WORDS, find_signals
from evenhand.db.session import raw_connection, reading
from evenhand.demo.week.cast import ZONE, Cast, Customer
from evenhand.demo.week.telling import Told, said
from evenhand.ownership.clocks.reading import deadlines
from evenhand.ownership.signals.models import OwnershipSignal
from evenhand.tenancy.context import acting_as

_EVENTS = """
SELECT record_id, payload FROM outbox_events WHERE tenant_id = $1 AND type = $2 AND occurred_at = $3
ORDER BY record_id, id
"""


class Week:
    """The week of one company while it goes on."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.told: list[Told] = []
        self.moment = cast.at(0, 0)
        self.names = {user: name for name, user in cast.users.items()} | {one.id: one.name for one in cast.customers}
        self.names |= {pool: name for name, pool in cast.pools.items()}
        self.back: list[tuple[UUID, str]] = []
        """What came back to its pool in the week, and from whom."""
        self.case: tuple[UUID, Customer]
        """The case that is open, and the customer it is about."""

    def tell(self, kind: str, **values: Any) -> None:
        """Note down what happened now."""
        self.told.append(Told(self.moment, kind, values))

    def day(self, moment: datetime | str) -> str:
        """A day as people say it."""
        when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return f"{when.astimezone(ZONE):%m-%d}"

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """Read as the company's system."""
        with acting_as(self.cast.system):
            async with reading() as client:
                return list(await raw_connection(client).fetch(sql, self.cast.tenant_id, *values))

    # The jobs

    async def night(self, day: int) -> None:
        """One o'clock: what has run out goes back."""
        self.moment = self.cast.at(day, 1)
        with acting_as(self.cast.system):
            await reclaim_batch("Account")
        for row in await self.rows(_EVENTS, "RecordReclaimed", self.moment):
            what = orjson.loads(row["payload"])
            holder = self.names[UUID(what["owner_id"])]
            self.back.append((row["record_id"], holder))
            self.tell(
                "reclaimed",
                account=self.names[row["record_id"]],
                holder=holder,
                pool=self.names[UUID(what["pool_id"])],
                why=(what["explanation"]["en"], what["explanation"]["zh"]),
            )

    async def morning(self, day: int) -> list[UUID]:
        """Eight o'clock: holders hear what will run out. Returns: these records."""
        self.moment = self.cast.at(day, 8)
        with acting_as(self.cast.system):
            await warn_batch("Account")
        told: dict[UUID, list[dict[str, Any]]] = {}
        for row in await self.rows(_EVENTS, "ReclaimWarned", self.moment):
            told.setdefault(row["record_id"], []).append(orjson.loads(row["payload"]))
        for account, (what, *more) in told.items():
            self.tell(
                "warned",
                who=", ".join(self.names[UUID(one["user_id_warned"])] for one in (what, *more)),
                account=self.names[account],
                holder=self.names[UUID(what["owner_id"])],
                pool=self.names[UUID(what["pool_id"])],
                due=self.day(what["due_at"]),
                why=(what["explanation"]["en"], what["explanation"]["zh"]),
            )
        return list(told)

    # The people

    async def visit(self, account: UUID, day: int, hour: int) -> None:
        """Its holder goes there."""
        self.moment = self.cast.at(day, hour)
        holder = await self.holder(account)
        with acting_as(self.cast.actor(holder)):
            draft = {"kind": "visit", "subject": "拜访", "body": "现场确认需求与预算", "duration_minutes": 90}
            await create_record("Activity", {**draft, "account_id": account, "occurred_at": self.moment})
            found = (await deadlines("Account", [account]))[account]
        self.tell("saved", holder=holder, account=self.names[account], due=self.day(found.at))

    async def holder(self, account: UUID) -> str:
        """The name of who holds an account now."""
        (row,) = await self.rows("SELECT owner_id FROM accounts WHERE tenant_id = $1 AND id = $2", account)
        return self.names[row["owner_id"]]

    async def claim(self, who: str, account: UUID, *, kind: str = "refused") -> None:
        """Somebody claims a customer; told as `kind` when it is refused."""
        with acting_as(self.cast.actor(who)):
            (item,) = await claim_records("Account", [account])
        if item.status is ClaimStatus.CLAIMED:
            self.tell("claimed", who=who, account=self.names[account])
        else:
            self.tell(kind, who=who, account=self.names[account], error=said(item.error))

    async def race(self, racers: Sequence[str], account: UUID) -> None:
        """Several claim the same customer at the same moment, on connections of their own."""

        async def one(name: str) -> ClaimItem:
            with acting_as(self.cast.actor(name)):
                return (await claim_records("Account", [account]))[0]

        items = dict(zip(racers, await asyncio.gather(*(one(name) for name in racers)), strict=True))
        winners = [name for name, item in items.items() if item.status is ClaimStatus.CLAIMED]
        others = [name for name in racers if name not in winners]
        self.tell(
            "raced",
            racers=", ".join(racers),
            who=", ".join(winners),
            account=self.names[account],
            others=", ".join(others),
            error=said(items[others[0]].error),
        )

    def pool_of(self, account: UUID) -> str:
        """The name of the pool that a customer belongs to."""
        return next(one.pool for one in self.cast.customers if one.id == account)

    async def held_by(self, name: str) -> list[Customer]:
        """The customers whom somebody holds now."""
        rows = await self.rows("SELECT id FROM accounts WHERE tenant_id = $1 AND owner_id = $2", self.cast.users[name])
        held = {row["id"] for row in rows}
        return [one for one in self.cast.customers if one.id in held]

    def waiting(self, pool: str) -> list[Customer]:
        """The customers who were in a pool when the week began."""
        return [one for one in self.cast.customers if one.pool == pool and one.holder is None]

    async def signals(self) -> None:
        """Sunday night: what somebody should look at."""
        with acting_as(self.cast.system):
            await find_signals()
            async with reading():
                for one in await OwnershipSignal.all().order_by("kind", "id"):
                    words = {"user": self.names[one.user_id], "times": one.times}
                    words["colleague"] = self.names.get(one.colleague_id, "") if one.colleague_id else ""
                    title = WORDS[one.kind]
                    self.tell("signal", title=(title["en"].format(**words), title["zh"].format(**words)))
