"""Every action respects who may change what: hidden records look like missing ones, others' are refused, and nothing
changes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

import evenhand.actions
from evenhand.actions.approvals.requests import request_approval
from evenhand.actions.attachments import attach_file, read_attachment
from evenhand.actions.bulk import archive_many, restore_many, update_many
from evenhand.actions.leads import convert_lead
from evenhand.actions.merges.merge import Source, merge_accounts
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.owners import set_owner
from evenhand.actions.record_members import set_record_members
from evenhand.actions.records import Change, archive_record, create_record, restore_record, update_record
from evenhand.actions.tags import tag_records, untag_records
from evenhand.actions.upserts import Upsert, upsert_many
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import transaction
from evenhand.entities import Account, Pipeline, Stage
from evenhand.entities.enums import ApprovalKind, MemberRole
from evenhand.errors import EvenhandError, InvalidInput, NotFound
from evenhand.ownership.members.rules import Member
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.digests import tenant_digest


class Scene:
    """A rep, and records of somebody else."""

    def __init__(self, tenant: SomeTenant) -> None:
        self.tenant = tenant

    async def set_up(self) -> Scene:
        """Make the records."""
        tenant = self.tenant
        self.rep = tenant.users[Role.REP]
        other = await tenant.create("User", name="Other", role=Role.REP)
        self.account = await tenant.create("Account", name="Hidden", owner_id=other)
        self.second = await tenant.create("Account", name="Hidden too", owner_id=other)
        self.lead = await tenant.create("Lead", name="Hidden lead", owner_id=other)
        self.deal = await tenant.create("Opportunity", name="Hidden deal", owner_id=other, account_id=self.account)
        self.contact = await tenant.create("Contact", name="Hidden person", account_id=self.account)
        self.mine = await tenant.create("Account", name="Mine", owner_id=self.rep)
        self.note = await tenant.create("Activity", kind="note", subject="x", account_id=self.mine, author_id=self.rep)
        self.tag = await tenant.create("Tag", name="VIP")
        with acting_as(tenant.system):
            async with transaction():
                pipeline = await Pipeline.get(is_default=True)
                self.stage = (await Stage.filter(pipeline_id=pipeline.id).order_by("position"))[1].id
            await upsert_many("Account", "erp", [Upsert("A-1", {"name": "Hidden by name"})])
            await set_owner("Account", [await _by_name("Hidden by name")], owner_id=other)
            await tag_records("Account", [self.account], self.tag)
            self.file = await attach_file("Account", self.account, "a.txt", b"x")
        return self


async def _by_name(name: str) -> UUID:
    async with transaction():
        found = await Account.get(name=name)
    return found.id


async def _one(items: Awaitable[list[Any]]) -> Any:
    (item,) = await items
    if item.error is not None:
        raise item.error
    return item


ACTS: dict[str, Callable[[Scene, UUID | None], Awaitable[Any]]] = {
    "update_record": lambda s, i: update_record("Account", i or s.account, {"name": "X"}),
    "update_record of a contact": lambda s, i: update_record("Contact", i or s.contact, {"name": "X"}),
    "archive_record": lambda s, i: archive_record("Account", i or s.account),
    "restore_record": lambda s, i: restore_record("Account", i or s.account),
    "update_many": lambda s, i: _one(update_many("Account", [Change(i or s.account, {"name": "X"})])),
    "archive_many": lambda s, i: _one(archive_many("Account", [i or s.account])),
    "restore_many": lambda s, i: _one(restore_many("Account", [i or s.account])),
    "move_opportunity": lambda s, i: move_opportunity(i or s.deal, s.stage),
    "convert_lead": lambda s, i: convert_lead(i or s.lead),
    "request_approval": lambda s, i: request_approval("Opportunity", i or s.deal, kind=ApprovalKind.CUSTOM),
    "tag_records": lambda s, i: tag_records("Account", [i or s.account], s.tag),
    "attach_file": lambda s, i: attach_file("Account", i or s.account, "b.txt", b"y"),
    "read_attachment": lambda s, i: read_attachment(i or s.file),
    "create_record: activity": lambda s, i: create_record(
        "Activity", {"kind": "note", "subject": "x", "account_id": i or s.account}
    ),
    "create_record: contact": lambda s, i: create_record("Contact", {"name": "x", "account_id": i or s.account}),
    "create_record: deal": lambda s, i: create_record("Opportunity", {"name": "x", "account_id": i or s.account}),
    "create_record: task": lambda s, i: create_record("Task", {"subject": "x", "contact_id": i or s.contact}),
    "update_record: parent": lambda s, i: update_record("Account", s.mine, {"parent_id": i or s.account}),
    "update_record: other account": lambda s, i: update_record("Activity", s.note, {"account_id": i or s.account}),
}
"""Calls of actions on a record that the rep does not see, or on an id that is nobody's."""


@pytest.mark.parametrize("act", ACTS)
async def test_a_hidden_record_is_refused_like_a_missing_one(tenant: SomeTenant, act: str) -> None:
    scene = await Scene(tenant).set_up()
    before = await tenant_digest(tenant)
    nobody, refusals = uuid7(), []
    with acting_as(tenant.actor(Role.REP)):
        for record_id in (None, nobody):
            with pytest.raises(EvenhandError) as caught:
                await ACTS[act](scene, record_id)
            refusals.append(caught.value)
    hidden, missing = refusals
    assert type(hidden) is type(missing)
    assert isinstance(hidden, NotFound | InvalidInput)
    known = {str(one) for one in vars(scene).values() if isinstance(one, UUID)}

    def shape(error: EvenhandError) -> str:
        words = f"{error.message} {error.hint} {getattr(error, 'problems', '')}"
        for one in known:
            words = words.replace(one, "ID")
        return words.replace(str(nobody), "ID")

    assert shape(hidden) == shape(missing)
    assert await tenant_digest(tenant) == before


async def test_hidden_records_by_the_names_of_other_systems_and_merges(tenant: SomeTenant) -> None:
    scene = await Scene(tenant).set_up()
    before = await tenant_digest(tenant)
    with acting_as(tenant.actor(Role.REP)):
        (item,) = await upsert_many("Account", "erp", [Upsert("A-1", {"name": "Mine now"})])
        assert isinstance(item.error, NotFound)
        assert await untag_records("Account", [scene.account], scene.tag) == 0
    outside = await tenant.create("User", name="Another manager", role=Role.MANAGER)
    before = await tenant_digest(tenant)
    with acting_as(replace(tenant.actor(Role.MANAGER), user_id=outside)):
        for attempt in (
            merge_accounts(scene.mine, [Source(scene.account)]),
            set_owner("Account", [scene.account], owner_id=outside),
        ):
            with pytest.raises(NotFound):
                await attempt
    assert await tenant_digest(tenant) == before


@pytest.mark.parametrize("how", ["pool", "watcher", "read level"])
async def test_what_is_seen_but_not_ones_own_is_refused_as_such(tenant: SomeTenant, how: str) -> None:
    rep = tenant.users[Role.REP]
    other = await tenant.create("User", name="Other", role=Role.REP)
    match how:
        case "pool":
            record = await tenant.create("Account", name="Waits")
        case "watcher":
            record = await tenant.create("Account", name="Watched", owner_id=other)
            with acting_as(tenant.system):
                await set_record_members("Account", record, [Member(rep, MemberRole.WATCHER)])
        case _:
            record = await tenant.create("Account", name="Seen", owner_id=other)
            await tenant.create("VisibilityRule", role="rep", entity="Account", sees="all", edits="own")
    before = await tenant_digest(tenant)
    with acting_as(tenant.actor(Role.REP)):
        for attempt in (
            update_record("Account", record, {"name": "X"}),
            archive_record("Account", record),
            _one(update_many("Account", [Change(record, {"name": "X"})])),
            tag_records("Account", [record], uuid7()),
        ):
            with pytest.raises((PermissionDenied, NotFound)) as caught:
                await attempt
            assert isinstance(caught.value, PermissionDenied) or "Tag" in caught.value.message
    assert await tenant_digest(tenant) == before


def _in(module: str, *names: str) -> set[str]:
    return {f"evenhand.actions.{module}.{name}" for name in names}


SETTLED: dict[str, set[str]] = {
    "lock records by lock_known, lock_all or refuse_records": (
        _in("records", "create_record", "update_record")
        | _in("bulk", "create_many", "update_many", "run_bulk")
        | _in("upserts", "upsert_many")
        | _in("leads", "convert_lead")
        | _in("merges.merge", "merge_accounts")
        | _in("merges.unmerge", "unmerge_account")
        | _in("opportunities", "move_opportunity")
        | _in("owners", "set_owner")
        | _in("tags", "tag_records", "untag_records")
        | _in("attachments", "attach_file")
        | _in("approvals.requests", "request_approval")
        | _in("record_members", "set_record_members", "add_record_member", "remove_record_member")
        | _in("imports.writing", "write_drafts", "link_later")
    ),
    "have rights of their own: who is asked, who hands over, who may claim from the pool": (
        _in("approvals.decisions", "decide_approval")
        | _in("approvals.requests", "cancel_approval")
        | _in("handovers.execution", "execute_handover")
        | _in("handovers.plans", "plan_handover", "change_handover_lines", "cancel_handover")
        | _in("handovers.undoing", "undo_handover")
        | _in("pools.claims", "claim_records", "return_records")
        | _in("signals", "find_signals", "review_signal")
        | _in("audit", "request_verification")
        | _in("conflicts.cases", "add_statement", "open_conflict", "withdraw_conflict")
        | _in("conflicts.deadlines", "settle_conflicts")
        | _in("conflicts.rulings", "appeal_conflict", "rule_conflict")
        | _in("conflicts.settings", "set_conflict_rules")
        | _in("exports", "note_export_ended", "note_export_started")
        | _in("pools.draws", "settle_draws")
        | _in("pools.offers", "accept_offer", "decline_offer", "expire_offers", "offer_records")
        | _in("pools.views", "view_record")
        | _in("reclaims.extending", "decide_extension", "request_extension")
        | _in("reclaims.protection", "protect_records", "unprotect_records")
        | _in("reclaims.reclaiming", "reclaim_batch")
        | _in("reclaims.warning", "warn_batch")
    ),
    "are for the system, for admins or about the caller's own settings": (
        _in("approvals.deadlines", "settle_deadlines")
        | _in("approvals.deputies", "set_deputy", "end_deputy")
        | _in("audit", "redact_audit", "set_audit_retention", "take_checkpoint", "verify_audit")
        | _in("deliveries", "replay_dead_letters")
        | _in("duplicates.settings", "set_duplicate_checks")
        | _in("handovers.settings", "set_handover_limits")
        | _in("jobs", "start_job", "finish_job", "cancel_job")
        | _in("notifications", "mark_notifications_read", "mute_notifications")
        | _in("plugins", "reorder_plugins")
        | _in("purge", "purge_plugin")
        | _in("schedules", "set_schedule", "set_default_schedules")
        | _in("suspension", "count_failure")
        | _in("tenants", "create_tenant")
        | _in(
            "webhooks",
            "create_webhook_endpoint",
            "update_webhook_endpoint",
            "delete_webhook_endpoint",
            "rotate_webhook_secret",
            "replay_webhook",
            "pause_dead_endpoint",
        )
    ),
}
"""How each action respects who may change what; a new one must be added here."""


def actions() -> dict[str, Any]:
    """Every action: public coroutine functions that open a unit of work themselves."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(evenhand.actions.__path__, "evenhand.actions."):
        for name, member in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or not inspect.iscoroutinefunction(member) or member.__module__ != module.name:
                continue
            if "writing(" in inspect.getsource(member) or "run_bulk(" in inspect.getsource(member):
                found[f"{module.name}.{name}"] = member
    return found


def test_no_action_forgets_it() -> None:
    known = set().union(*SETTLED.values())
    assert set(actions()) - known == set(), "say how these respect who may change what, and try them above"
    assert known - set(actions()) == set(), "these are gone"
