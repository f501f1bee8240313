"""Masks: the same text from Python and the database, and nothing that can be used."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.records import archive_record, create_record, restore_record, update_record
from evenhand.auth.fields.masking import mask
from evenhand.auth.fields.models import ExportRight, FieldRule
from evenhand.auth.fields.rules import DEFAULTS, may_export, shown
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities.enums import FieldEffect
from evenhand.errors import InvalidInput
from evenhand.tenancy.context import HiddenField, Role, acting_as, system_actor
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

SOME = {
    "13812345678": "138****5678",
    "+86 138 1234 5678": "+861****5678",
    "6234 5678": "62****78",
    "li@example.com": "l***@example.com",
    "@example.com": "***@example.com",
    "zhangsan88": "z***8",
    "王小明和李雷": "王***雷",
    "abc": "***",
    "": "***",
    "123456": "1***6",
    "  13812345678 ": "138****5678",
}
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
NUMBER = st.text("0123456789 +-()./@", max_size=25)


@pytest.mark.parametrize(("value", "masked"), SOME.items())
def test_mask(value: str, masked: str) -> None:
    assert mask(value) == masked


@given(st.lists(TEXT | NUMBER, max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_database_masks_alike(tenant: SomeTenant, values: list[str]) -> None:
    with acting_as(tenant.system):
        async with transaction() as client:
            rows = await raw_connection(client).fetch(
                "SELECT evenhand_mask(value) AS masked FROM unnest($1::text[]) WITH ORDINALITY AS one (value, place) "
                "ORDER BY place",
                values,
            )
    assert [row["masked"] for row in rows] == [mask(value) for value in values]


@given(st.text("0123456789", min_size=7, max_size=20))
def test_a_masked_number_lacks_at_least_three_digits(number: str) -> None:
    assert sum(character.isdigit() for character in mask(number)) <= len(number) - 3


async def test_every_tenant_begins_with_rules_and_only_admins_change_them(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with reading():
            rules = await FieldRule.all()
    assert {(rule.entity, rule.field) for rule in rules} == set(DEFAULTS)
    assert all(rule.role is Role.REP and rule.only_in_pool and rule.effect is FieldEffect.MASK for rule in rules)
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
            await archive_record("FieldRule", rules[0].id)
    with acting_as(tenant.actor(Role.ADMIN)):
        await archive_record("FieldRule", rules[0].id)
        await restore_record("FieldRule", rules[0].id)
        await update_record("FieldRule", rules[0].id, {"effect": "hide"})


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"entity": "Leed", "field": "phone"}, "UNKNOWN_ENTITY"),
        ({"entity": "Lead", "field": "fone"}, "NOT_MASKABLE"),
        ({"entity": "Lead", "field": "name"}, "NOT_MASKABLE"),
        ({"entity": "Lead", "field": "owner_id"}, "NOT_MASKABLE"),
        ({"entity": "Opportunity", "field": "amount"}, "NOT_MASKABLE"),
        ({"entity": "Lead", "field": "value_estimate"}, "NOT_A_TEXT"),
        ({"entity": "ContactChannel", "field": "value", "effect": "hide"}, "NOT_HIDABLE"),
        ({"entity": "Campaign", "field": "cost_currency"}, "NEVER_IN_POOL"),
    ],
)
async def test_rules_that_cannot_be(tenant: SomeTenant, rule: dict[str, str], code: str) -> None:
    with acting_as(tenant.system), pytest.raises(InvalidInput) as caught:
        await create_record("FieldRule", {"role": "manager", **rule})
    assert code in {problem.code for problem in caught.value.problems}


def test_what_was_changed_is_masked_like_the_record() -> None:
    hidden = {HiddenField("Lead", "phone", False, True), HiddenField("Lead", "notes", True, False)}
    values = {"phone": "13812345678", "notes": "x", "name": "Li", "email": None}
    assert shown(hidden, "Lead", values, waits=True) == {**values, "phone": "138****5678", "notes": None}
    assert shown(hidden, "Lead", values, waits=False) == {**values, "notes": None}
    assert shown(hidden, "Lead", None, waits=True) is None
    channels = {HiddenField("ContactChannel", "value", False, True)}
    contact = {"channels": [{"kind": "phone", "value": "13812345678"}]}
    assert shown(channels, "Contact", contact, waits=True) == {"channels": [{"kind": "phone", "value": "138****5678"}]}


def test_whom_a_right_to_export_is_about() -> None:
    def right(*, user: bool, entity: str | None, allowed: bool) -> ExportRight:
        with acting_as(system_actor(uuid7())):
            return ExportRight(entity=entity, allowed=allowed, user_id=uuid7() if user else None)

    assert [may_export(role, "Lead", []) for role in Role] == [True, True, False, False]
    of_role = right(user=False, entity=None, allowed=True)
    assert may_export(Role.REP, "Lead", [of_role])
    assert not may_export(Role.REP, "Lead", [of_role, right(user=False, entity="Lead", allowed=False)])
    assert may_export(Role.REP, "Account", [of_role, right(user=False, entity="Lead", allowed=False)])
    assert not may_export(Role.ADMIN, "Lead", [right(user=True, entity=None, allowed=False), of_role])
    assert not may_export(Role.REP, "Lead", [of_role, right(user=False, entity=None, allowed=False)])
