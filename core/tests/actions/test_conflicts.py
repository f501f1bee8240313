"""Conflict cases: evidence, freeze, ruling, appeal; nobody rules in an own case, and of two judges one gets through."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from evenhand.actions.attachments import attach_file
from evenhand.actions.conflicts.cases import add_statement, open_conflict, withdraw_conflict
from evenhand.actions.conflicts.deadlines import settle_conflicts
from evenhand.actions.conflicts.rulings import Ruling, appeal_conflict, rule_conflict
from evenhand.actions.conflicts.settings import set_conflict_rules
from evenhand.actions.merges import unmerge_account
from evenhand.actions.owners import set_owner
from evenhand.actions.pools.claims import ClaimStatus, claim_records
from evenhand.actions.pools.errors import HeldByConflict
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account
from evenhand.entities.enums import ConflictKind, ConflictState, OwnershipReason
from evenhand.errors import EvenhandError, InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.notifications.models import Notification
from evenhand.ownership.conflicts.errors import AppealRefused, CaseEnded, CaseExists
from evenhand.ownership.conflicts.models import ConflictCase, ConflictRuling, ConflictStatement
from evenhand.ownership.members.shares import shares_of
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import Clock, SomeTenant

HALF = Decimal("50.00")


class Scene:
    """Two reps of one manager, each with an account of the same customer; above the manager stands another one."""

    def __init__(self, tenant: SomeTenant) -> None:
        self.tenant = tenant

    async def prepare(self) -> Scene:
        create = self.tenant.create
        self.top = await create("User", name="Top", role="manager")
        self.manager = await create("User", name="Manager", role="manager", manager_id=self.top)
        self.stranger = await create("User", name="Stranger", role="manager")
        self.li = await create("User", name="Li", role="rep", manager_id=self.manager)
        self.wang = await create("User", name="Wang", role="rep", manager_id=self.manager, locale="zh-CN")
        self.first = await create("Account", name="Acme", tax_id="91310000MA1K35XY2B", owner_id=self.li)
        self.second = await create("Account", name="Acme Ltd", tax_id="91310000MA1K35XY2B", owner_id=self.wang)
        await create("Activity", kind="call", subject="Call", account_id=self.first, author_id=self.li)
        await create("Opportunity", name="Deal", account_id=self.second, owner_id=self.wang)
        return self

    def rep(self, user_id: UUID) -> Actor:
        return Actor(tenant_id=self.tenant.id, user_id=user_id, role=Role.REP, via="test")

    def boss(self, user_id: UUID) -> Actor:
        return Actor(tenant_id=self.tenant.id, user_id=user_id, role=Role.MANAGER, via="test")

    async def open(self) -> UUID:
        with acting_as(self.rep(self.li)):
            records = [("Account", self.first), ("Account", self.second)]
            return await open_conflict(records, ConflictKind.SAME_TAX_ID, reason="Same customer")

    async def case(self, case_id: UUID) -> ConflictCase:
        with acting_as(self.tenant.system):
            async with reading():
                return await ConflictCase.get(id=case_id)

    def ruling(self, **more: object) -> Ruling:
        values: dict[str, object] = {
            "owner_id": self.li,
            "split": {self.li: Decimal("70.00"), self.wang: Decimal("30.00")},
            "reason": "Li was first",
        }
        return Ruling(**(values | more))  # type: ignore[arg-type]


@pytest.fixture
async def scene(tenant: SomeTenant) -> Scene:
    return await Scene(tenant).prepare()


async def test_a_case_keeps_its_evidence(scene: Scene) -> None:
    case = await scene.case(await scene.open())
    assert (case.state, case.judge_id, case.title) == (ConflictState.OPEN, scene.manager, "Acme / Acme Ltd")
    first, second = case.evidence["records"]
    assert (first["owner"], second["owner"]) == ("Li", "Wang")
    assert [line["reason"] for line in first["ledger"]] == ["created"]
    assert [(one["author"], one["count"], one["kinds"]) for one in first["activities"]] == [("Li", 1, {"call": 1})]
    assert [deal["name"] for deal in second["deals"]] == ["Deal"]
    assert [key["kind"] for key in case.evidence["keys"]] == ["name", "tax_id"]
    with acting_as(scene.tenant.system):
        async with reading():
            told = {one.user_id: one.title for one in await Notification.filter(record_id=case.id)}
            assert await OutboxEvent.filter(record_id=case.id, type="ConflictOpened").count() == 1
    assert told.keys() == {scene.wang, scene.manager}
    assert told[scene.wang] == "已发起归属争议：Acme / Acme Ltd"


async def test_bad_cases_are_refused(scene: Scene, other_tenant: SomeTenant) -> None:
    with acting_as(scene.tenant.system):
        for records, users, error in (
            ([], (), InvalidInput),
            ([("Contact", uuid7())], (), InvalidInput),
            ([("Account", uuid7())], (), NotFound),
            ([("Account", scene.first)], (), InvalidInput),
            ([("Account", scene.first)], (other_tenant.users[Role.REP],), NotFound),
        ):
            with pytest.raises(error):
                await open_conflict(records, ConflictKind.OTHER, user_ids=users)
    with acting_as(scene.tenant.actor(Role.READ_ONLY)), pytest.raises(PermissionDenied):
        await open_conflict([("Account", scene.first)], ConflictKind.OTHER, user_ids=[scene.wang])
    case_id = await scene.open()
    with acting_as(scene.tenant.actor(Role.ADMIN)), pytest.raises(CaseExists) as known:
        await open_conflict([("Account", scene.first)], ConflictKind.OTHER, user_ids=[scene.wang])
    assert known.value.details["case"] == str(case_id)
    with acting_as(other_tenant.system), pytest.raises(NotFound):
        await add_statement(case_id, "hello")


async def test_records_are_frozen_until_the_ruling(scene: Scene) -> None:
    case_id = await scene.open()
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        with pytest.raises(HeldByConflict, match=r"^Acme waits for the ruling of a conflict case") as frozen:
            await set_owner("Account", [scene.first], owner_id=scene.wang)
        assert frozen.value.details["case"] == str(case_id)
        with pytest.raises(HeldByConflict):
            await set_owner("Account", [scene.first], owner_id=scene.wang, override="I want it")
    with acting_as(scene.boss(scene.manager)):
        await rule_conflict(case_id, scene.ruling())
        await set_owner("Account", [scene.first], owner_id=scene.wang)


async def test_a_ruling_gives_shares_and_names_its_case(scene: Scene) -> None:
    case_id = await scene.open()
    with acting_as(scene.boss(scene.manager)):
        ruling_id = await rule_conflict(case_id, scene.ruling())
        shares = await shares_of("Account", [scene.first, scene.second])
        async with reading():
            ruling = await ConflictRuling.get(id=ruling_id)
            line = await OwnershipEntry.filter(record_id=scene.second).order_by("-started_at").first()
            told = await Notification.filter(record_id=case_id, kind="conflict_ruled").values_list("user_id", flat=True)
    split = {scene.li: Decimal(70), scene.wang: Decimal(30)}
    assert shares == {scene.first: split, scene.second: split}
    assert {one.case_id for one in shares.values()} == {case_id}
    assert ruling.shares() == split
    assert line is not None
    assert (line.owner_id, line.reason, line.policy) == (scene.li, OwnershipReason.RULED, f"conflict:{case_id}")
    assert set(told) == {scene.li, scene.wang}
    assert (await scene.case(case_id)).state is ConflictState.RULED


async def test_a_ruling_merges_what_is_one_customer(scene: Scene) -> None:
    case_id = await scene.open()
    with acting_as(scene.boss(scene.manager)):
        await rule_conflict(case_id, scene.ruling(merge_into=scene.first))
        async with reading():
            assert (await Account.get(id=scene.second)).merged_into_id == scene.first
            ruling = await ConflictRuling.get(case_id=case_id)
        await unmerge_account(UUID(ruling.merges[0]["id"]))
        async with reading():
            assert (await Account.get(id=scene.second)).merged_into_id is None


async def test_nobody_rules_in_an_own_case(scene: Scene) -> None:
    tenant = scene.tenant
    with acting_as(scene.boss(scene.manager)):
        own = await open_conflict([("Account", scene.first)], ConflictKind.OTHER, user_ids=[scene.manager])
    case_id = own
    for actor in (
        scene.boss(scene.manager),
        scene.rep(scene.li),
        tenant.actor(Role.READ_ONLY),
        tenant.system,
    ):
        with acting_as(actor), pytest.raises(PermissionDenied):
            await rule_conflict(case_id, scene.ruling(split={scene.li: Decimal(100)}))
    with acting_as(scene.boss(scene.stranger)), pytest.raises(NotFound):
        await rule_conflict(case_id, scene.ruling(split={scene.li: Decimal(100)}))
    with acting_as(scene.boss(scene.top)):
        for bad in (
            {"split": {scene.li: Decimal("99.99")}},
            {"split": {scene.wang: Decimal(100)}},
            {"reason": "  "},
            {"record_ids": (scene.second,)},
            {"merge_into": scene.first},
        ):
            with pytest.raises(InvalidInput):
                await rule_conflict(case_id, scene.ruling(**bad))
        await rule_conflict(case_id, scene.ruling())
        with pytest.raises(CaseEnded):
            await rule_conflict(case_id, scene.ruling())


async def test_an_appeal_goes_to_somebody_else_and_is_final(scene: Scene, clock: Clock) -> None:
    case_id = await scene.open()
    with acting_as(scene.boss(scene.manager)):
        await rule_conflict(case_id, scene.ruling())
        with pytest.raises(PermissionDenied):
            await appeal_conflict(case_id, "I am no party")
    with acting_as(scene.rep(scene.wang)):
        with pytest.raises(InvalidInput):
            await appeal_conflict(case_id, " ")
        await appeal_conflict(case_id, "I was first")
    assert (await scene.case(case_id)).judge_id == scene.top
    wang = {"owner_id": scene.wang, "split": {scene.wang: HALF, scene.li: HALF}}
    with acting_as(scene.tenant.actor(Role.ADMIN)), pytest.raises(HeldByConflict):
        await set_owner("Account", [scene.first], owner_id=scene.wang)
    with acting_as(scene.boss(scene.manager)), pytest.raises(PermissionDenied):
        await rule_conflict(case_id, scene.ruling(**wang))
    with acting_as(scene.boss(scene.top)):
        await rule_conflict(case_id, scene.ruling(**wang))
        async with reading():
            line = await OwnershipEntry.filter(record_id=scene.first).order_by("-started_at").first()
    assert line is not None
    assert (line.owner_id, line.reason) == (scene.wang, OwnershipReason.APPEALED)
    assert (await scene.case(case_id)).state is ConflictState.CLOSED
    with acting_as(scene.rep(scene.li)), pytest.raises(CaseEnded):
        await appeal_conflict(case_id, "again")


async def test_deadlines_remind_escalate_and_close(scene: Scene, clock: Clock) -> None:
    case_id = await scene.open()
    clock.advance(timedelta(days=4, hours=1))
    with acting_as(scene.tenant.system):
        assert (await settle_conflicts(), await settle_conflicts()) == (1, 0)
        clock.advance(timedelta(days=1))
        assert (await settle_conflicts(), await settle_conflicts()) == (1, 0)
    case = await scene.case(case_id)
    assert (case.judge_id, case.escalations, case.due_at) == (scene.top, 1, clock.now() + timedelta(days=5))
    with acting_as(scene.boss(scene.top)):
        await rule_conflict(case_id, scene.ruling())
    clock.advance(timedelta(days=7, seconds=1))
    with acting_as(scene.rep(scene.wang)), pytest.raises(AppealRefused):
        await appeal_conflict(case_id, "too late")
    with acting_as(scene.tenant.system):
        assert (await settle_conflicts(), await settle_conflicts()) == (1, 0)
    assert (await scene.case(case_id)).state is ConflictState.CLOSED


async def test_statements_and_withdrawal(scene: Scene) -> None:
    case_id = await scene.open()
    with acting_as(scene.rep(scene.wang)):
        file = await attach_file("Account", scene.second, "mail.txt", b"hello")
        await add_statement(case_id, "We met in May", attachment_ids=[file])
        with pytest.raises(InvalidInput):
            await add_statement(case_id, " ")
        with pytest.raises(InvalidInput):
            await add_statement(case_id, "x", attachment_ids=[uuid7()])
        with pytest.raises(PermissionDenied):
            await withdraw_conflict(case_id)
    with acting_as(scene.boss(scene.stranger)), pytest.raises(NotFound):
        await add_statement(case_id, "hello")
    with acting_as(scene.rep(scene.li)):
        await withdraw_conflict(case_id, reason="We agreed")
        with pytest.raises(CaseEnded):
            await add_statement(case_id, "too late")
        async with reading():
            (statement,) = await ConflictStatement.filter(case_id=case_id)
    assert statement.attachments == [{"id": str(file), "file_name": "mail.txt"}]
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        assert await set_owner("Account", [scene.first], owner_id=scene.wang) == [scene.first]


async def test_settings_are_for_admins(scene: Scene) -> None:
    with acting_as(scene.boss(scene.manager)), pytest.raises(PermissionDenied):
        await set_conflict_rules(days_to_rule=3)
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        assert (await set_conflict_rules(days_to_rule=3, days_to_appeal=0)).days_to_rule == 3
        with pytest.raises(InvalidInput):
            await set_conflict_rules(days_to_rule=0)
        with pytest.raises(InvalidInput):
            await set_conflict_rules(days_to_rule=2, remind_days=2)
        case_id = await scene.open()
        await rule_conflict(case_id, scene.ruling())
    assert (await scene.case(case_id)).state is ConflictState.CLOSED


async def test_of_parallel_rulings_one_gets_through(scene: Scene) -> None:
    case_id = await scene.open()
    judges = [scene.boss(scene.manager), scene.boss(scene.top), scene.tenant.actor(Role.ADMIN)] * 10

    async def rule(actor: Actor, owner_id: UUID) -> UUID:
        with acting_as(actor):
            other = scene.wang if owner_id == scene.li else scene.li
            return await rule_conflict(
                case_id, scene.ruling(owner_id=owner_id, split={owner_id: Decimal(60), other: Decimal(40)})
            )

    tasks = [rule(actor, scene.li if number % 2 else scene.wang) for number, actor in enumerate(judges)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, UUID) for one in results) == 1
    assert all(isinstance(one, (UUID, CaseEnded)) for one in results)
    with acting_as(scene.tenant.system):
        async with reading():
            ruling = await ConflictRuling.get(case_id=case_id)
            owners = set(await Account.filter(id__in=[scene.first, scene.second]).values_list("owner_id", flat=True))
        assert owners == {ruling.owner_id}
        assert all(sum(one.values()) == 100 for one in (await shares_of("Account", [scene.first])).values())


async def test_a_freeze_and_a_change_at_once_agree(scene: Scene) -> None:
    """Whichever comes first holds: a change that the case does not know, or none at all."""

    async def open_() -> UUID | EvenhandError:
        try:
            return await scene.open()
        except EvenhandError as error:
            return error

    async def change(owner_id: UUID) -> bool:
        with acting_as(scene.tenant.actor(Role.ADMIN)):
            try:
                await set_owner("Account", [scene.second], owner_id=owner_id)
            except HeldByConflict:
                return False
            return True

    results = await asyncio.gather(
        *(change(scene.wang if number % 2 else scene.manager) for number in range(20)), open_()
    )
    case_id = results[-1]
    assert isinstance(case_id, UUID)
    case = await scene.case(case_id)
    with acting_as(scene.tenant.system):
        async with reading():
            account = await Account.get(id=scene.second)
    kept = next(one for one in case.evidence["records"] if one["id"] == str(scene.second))
    assert kept["owner_id"] == str(account.owner_id)


async def test_a_claim_of_a_frozen_record_is_refused(scene: Scene) -> None:
    pool = await scene.tenant.create("Pool", name="East")
    waiting = await scene.tenant.create("Account", name="Waiting", pool_id=pool)
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        await open_conflict([("Account", waiting)], ConflictKind.SAME_WORK, user_ids=[scene.li, scene.wang])
    with acting_as(scene.rep(scene.li)):
        (item,) = await claim_records("Account", [waiting])
    assert item.status is ClaimStatus.REFUSED
    assert isinstance(item.error, HeldByConflict)
