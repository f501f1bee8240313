"""What single entities add to a plain create or update: derived values, filled in before the write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from evenhand.actions.approvals.deals import require_for_orders, require_for_wins
from evenhand.actions.approvals.policies import check_deputies, check_policies
from evenhand.actions.custom_values import settle_custom
from evenhand.actions.handovers.leaving import leaving_users, refuse_leaving
from evenhand.actions.journal import Journal
from evenhand.actions.orders import (
    currency_of_orders,
    effects_of_changes,
    effects_of_new,
    settle_payments,
    total_changes,
    total_new,
)
from evenhand.actions.pools.setup import check_pool_members, check_pool_rules
from evenhand.actions.sight import refuse_hidden_references
from evenhand.actions.stages import check_criteria, move_stages, place_in_pipeline, won_again
from evenhand.actions.structure import settle_structure
from evenhand.auth.fields.rules import check_export_right, check_rule
from evenhand.automation.saving import settle_rules
from evenhand.entities import Lead, Opportunity, Tenant
from evenhand.entities.columns import EMAIL
from evenhand.entities.enums import ChannelKind, CustomFieldType, LeadStatus, StageKind, SurveyKind
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.errors import Problem, Refusals
from evenhand.ownership.visibility.rules import check_rules
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel

DAY_ORDERS = (("starts_on", "ends_on"), ("valid_from", "valid_until"), ("opened_on", "closed_on"))
"""Pairs of days of which the second is never before the first."""


async def prepare_new(kind: Entity, cleaned: Sequence[dict[str, Any]], times: Sequence[datetime]) -> None:
    """Complete checked values of new records; set-based.

    Args:
        times: when each of them is created.

    Raises:
        InvalidInput: a stage that does not exist or is of another pipeline, a survey score out of range, …; `rows`
            says which record.
    """
    refusals = Refusals()
    if kind.name == "Payment":
        await currency_of_orders(cleaned)
    if "currency" in kind.filled:
        await _default_currency(cleaned)
    match kind.name:
        case "Order":
            total_new(cleaned, refusals)
            await _approve_new(kind, dict(enumerate(cleaned)), refusals)
        case "Payment":
            await settle_payments(effects_of_new(cleaned), refusals)
        case "Activity":
            for values in cleaned:
                values["author_id"] = values["author_id"] or current_actor().user_id
        case "Opportunity":
            stages = await place_in_pipeline(cleaned, times, refusals)
            won = {row: values for row, values in enumerate(cleaned) if row not in refusals}
            won = {row: values for row, values in won.items() if stages[values["stage_id"]].kind is StageKind.WON}
            await _approve_new(kind, won, refusals)
        case "Stage":
            await check_criteria(list(enumerate(cleaned)), refusals)
        case "ApprovalPolicy":
            check_policies(cleaned, refusals)
        case "Deputy":
            await check_deputies(cleaned, refusals)
        case "PoolMember":
            check_pool_members(cleaned, refusals)
        case "PoolRule":
            check_pool_rules(cleaned, refusals)
        case "AutomationRule":
            await settle_rules([(None, values) for values in cleaned], refusals)
        case "VisibilityRule":
            check_rules(cleaned, refusals)
        case "FieldRule" | "ExportRight":
            _check_rights(kind, cleaned, refusals)
    await settle_custom(kind, [(None, values) for values in cleaned], refusals)
    await refuse_hidden_references(kind, dict(enumerate(cleaned)), refusals)
    for values, at in zip(cleaned, times, strict=True):
        for moment in ("occurred_at", "opened_at", "paid_at", "answered_at"):
            if moment in kind.filled and values[moment] is None:
                values[moment] = at
    _check_together(kind, cleaned, refusals)
    refusals.raise_if_any()


async def _approve_new(kind: Entity, cleaned: Mapping[int, dict[str, Any]], refusals: Refusals) -> None:
    """Refuse new records that bind us and would need an approval, which nobody can have given before.

    What the system brings in happened already: rules of today do not undo it.
    """
    if current_actor().user_id is None:
        return
    plans: dict[int, tuple[None, dict[str, Any]]] = {row: (None, values) for row, values in cleaned.items()}
    if kind.name == "Order":
        await require_for_orders(plans, None, refusals)
    else:
        await require_for_wins(plans, None, refusals)


async def prepare_changes(
    kind: Entity,
    plans: Sequence[tuple[RecordModel, dict[str, Any]]],
    journal: Journal,
    times: Mapping[UUID, datetime],
    overrides: Mapping[UUID, str],
) -> None:
    """Complete checked changes of locked records; set-based.

    Args:
        times: when each record changes.
        overrides: why an opportunity may go on although criteria of its stage are not met.

    Raises:
        EvenhandError: as `prepare_new`.
    """
    refusals = Refusals()
    match kind.name:
        case "Order":
            await total_changes(plans, refusals)
            present = {row: plan for row, plan in enumerate(plans) if times[plan[0].id] == journal.now}
            await require_for_orders(present, journal, refusals)
        case "Payment":
            await settle_payments(effects_of_changes(plans), refusals)
        case "Lead":
            _require_conversion(cast(Sequence[tuple[Lead, dict[str, Any]]], plans), refusals)
        case "Opportunity":
            moving = cast(Sequence[tuple[Opportunity, dict[str, Any]]], plans)
            await move_stages(moving, journal, times, overrides, refusals)
            await require_for_wins(await won_again(moving), journal, refusals)
        case "Stage":
            given = [(row, values) for row, (_, values) in enumerate(plans) if "exit_criteria" in values]
            await check_criteria(given, refusals)
        case "ApprovalPolicy":
            check_policies([{**record.columns(), **values} for record, values in plans], refusals)
        case "Deputy":
            await check_deputies([{**record.columns(), **values} for record, values in plans], refusals)
        case "PoolMember":
            check_pool_members([{**record.columns(), **values} for record, values in plans], refusals)
        case "PoolRule":
            check_pool_rules([{**record.columns(), **values} for record, values in plans], refusals)
        case "AutomationRule":
            await settle_rules(plans, refusals)
        case "VisibilityRule":
            check_rules([{**record.columns(), **values} for record, values in plans], refusals)
        case "User":
            await refuse_leaving(leaving_users(plans), refusals)
        case "FieldRule" | "ExportRight":
            _check_rights(kind, [{**record.columns(), **values} for record, values in plans], refusals)
    await settle_structure(kind, plans, journal, refusals)
    await settle_custom(kind, plans, refusals)
    await refuse_hidden_references(kind, _new_values(plans), refusals)
    _check_together(kind, [{**record.columns(), **values} for record, values in plans], refusals)
    refusals.raise_if_any()


def _new_values(plans: Sequence[tuple[RecordModel, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """What is different from what is there, by place."""
    return {
        row: {name: value for name, value in values.items() if getattr(record, name, None) != value}
        for row, (record, values) in enumerate(plans)
    }


def _check_rights(kind: Entity, rows: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    check = check_rule if kind.name == "FieldRule" else check_export_right
    for row, values in enumerate(rows):
        refusals.add(row, *check(values))


def _require_conversion(plans: Sequence[tuple[Lead, dict[str, Any]]], refusals: Refusals) -> None:
    """A lead becomes converted by its conversion only, and stays so."""
    for row, (record, values) in enumerate(plans):
        status = values.get("status", record.status)
        if status is record.status:
            continue
        if record.converted_at is not None:
            message = f"status: lead {record.name} was converted and stays so."
            refusals.add(row, Problem("status", "CONVERTED", message, "Change the account that it became."))
        elif status is LeadStatus.CONVERTED:
            message = f"status: lead {record.name} is not converted by its status."
            refusals.add(row, Problem("status", "NOT_CONVERTED", message, "Convert the lead instead."))


async def _default_currency(cleaned: Sequence[dict[str, Any]]) -> None:
    if any(values.get("currency") is None for values in cleaned):
        tenant = await Tenant.first()
        for values in cleaned:
            if values.get("currency") is None:
                values["currency"] = tenant.currency if tenant else None


def _bad_addresses(channels: Sequence[Mapping[str, Any]]) -> list[Problem]:
    problems = []
    for number, channel in enumerate(channels):
        if channel["kind"] is ChannelKind.EMAIL and not EMAIL.pattern.match(channel["value"]):
            where = f"channels.{number}.value"
            problems.append(Problem(where, EMAIL.code, f"{where}: {channel['value']!r} {EMAIL.message}", EMAIL.hint))
    return problems


def _bad_definition(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if values["entity"] not in ENTITIES:
        message = f"entity: there is no entity {values['entity']!r}."
        problems.append(Problem("entity", "UNKNOWN_ENTITY", message, f"Use one of: {', '.join(ENTITIES)}."))
    if values["type"] is CustomFieldType.CHOICE and not values["options"]:
        message = "options: a choice needs some."
        problems.append(Problem("options", "REQUIRED", message, "List the values that may be chosen."))
    return problems


def _check_together(kind: Entity, cleaned: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Rules over several columns of one record."""
    for row, values in enumerate(cleaned):
        for start, end in DAY_ORDERS:
            first, last = values.get(start), values.get(end)
            if first is not None and last is not None and last < first:
                message = f"{end}: {last} is before {start} {first}."
                refusals.add(row, Problem(end, "ENDS_BEFORE_START", message, f"Give a day on or after {first}."))
        match kind.name:
            case "SurveyAnswer" if values["kind"] is SurveyKind.CSAT and not 1 <= values["score"] <= 5:
                message = f"score: {values['score']} is no CSAT score."
                refusals.add(row, Problem("score", "OUT_OF_RANGE", message, "Give 1 to 5."))
            case "Contact":
                refusals.add(row, *_bad_addresses(values.get("channels") or ()))
            case "CustomField":
                refusals.add(row, *_bad_definition(values))
