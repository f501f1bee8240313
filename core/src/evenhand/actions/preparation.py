"""What single entities add to a plain create or update: derived values, filled in before the write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from evenhand.actions.custom_values import settle_custom
from evenhand.actions.journal import Journal
from evenhand.actions.structure import settle_structure
from evenhand.entities import Lead, Opportunity, Order, OrderLine, Pipeline, Stage, Tenant
from evenhand.entities.columns import EMAIL
from evenhand.entities.enums import ChannelKind, CustomFieldType, LeadStatus, StageKind, SurveyKind
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import RecordModel

DAY_ORDERS = (("starts_on", "ends_on"), ("valid_from", "valid_until"), ("opened_on", "closed_on"))
"""Pairs of days of which the second is never before the first."""


_TOO_MUCH = Decimal(10) ** 14
"""Amounts have fourteen digits before the point."""


def line_amount(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal, currency: str) -> Decimal:
    """Quantity times price less the discount, rounded half up to the currency's smallest unit (ISO 4217)."""
    unit = Decimal(1).scaleb(-get_currency_precision(currency))
    return (quantity * unit_price * (100 - discount_percent) / 100).quantize(unit, rounding=ROUND_HALF_UP)


async def tenant_zone() -> ZoneInfo:
    """The time zone in which the tenant's days begin."""
    return ZoneInfo((await Tenant.get(id=current_tenant())).time_zone)


async def prepare_new(kind: Entity, cleaned: Sequence[dict[str, Any]], times: Sequence[datetime]) -> None:
    """Complete checked values of new records; set-based.

    Args:
        times: when each of them is created.

    Raises:
        InvalidInput: a stage that does not exist or is of another pipeline, a survey score out of range, …
    """
    if kind.name == "Payment":
        await _currency_of_orders(cleaned)
    if "currency" in kind.filled:
        await _default_currency(cleaned)
    if kind.name == "Order":
        for values in cleaned:
            _total_lines(values, values["currency"])
        _require_totals(cleaned)
    if kind.name == "Activity":
        for values in cleaned:
            values["author_id"] = values["author_id"] or current_actor().user_id
    if kind.name == "Opportunity":
        await _place_in_pipeline(cleaned, times)
    await settle_custom(kind, [(None, values) for values in cleaned])
    for values, at in zip(cleaned, times, strict=True):
        for moment in ("occurred_at", "opened_at", "paid_at", "answered_at"):
            if moment in kind.filled and values[moment] is None:
                values[moment] = at
    _check_together(kind, cleaned)


async def prepare_changes(
    kind: Entity,
    plans: Sequence[tuple[RecordModel, dict[str, Any]]],
    journal: Journal,
    times: Mapping[UUID, datetime],
) -> None:
    """Complete checked changes of locked records; set-based. `times`: when each record changes."""
    if kind.name == "Order":
        await _require_sums(plans)
        for record, values in plans:
            _total_lines(values, _merged(record, values)["currency"])
    if kind.name == "Lead":
        _require_conversion(cast(Sequence[tuple[Lead, dict[str, Any]]], plans))
    if kind.name == "Opportunity":
        await _move_stages(cast(Sequence[tuple[Opportunity, dict[str, Any]]], plans), journal, times)
    await settle_structure(kind, plans, journal)
    await settle_custom(kind, plans)
    _check_together(kind, [_merged(record, values) for record, values in plans])


def _require_conversion(plans: Sequence[tuple[Lead, dict[str, Any]]]) -> None:
    """A lead becomes converted by its conversion only, and stays so."""
    problems = []
    for record, values in plans:
        status = values.get("status", record.status)
        if status is record.status:
            continue
        if record.converted_at is not None:
            message = f"status: lead {record.name} was converted and stays so."
            problems.append(Problem("status", "CONVERTED", message, "Change the account that it became."))
        elif status is LeadStatus.CONVERTED:
            message = f"status: lead {record.name} is not converted by its status."
            problems.append(Problem("status", "NOT_CONVERTED", message, "Convert the lead instead."))
    if problems:
        raise InvalidInput(problems)


def _merged(record: RecordModel, values: Mapping[str, Any]) -> dict[str, Any]:
    return {**record.columns(), **values}


def _total_lines(values: dict[str, Any], currency: str) -> None:
    lines = values.get("lines")
    if lines is None or (not lines and values.get("total") is not None):
        return
    for line in lines:
        amount = line_amount(line["quantity"], line["unit_price"], line["discount_percent"], currency)
        line.setdefault("amount", amount)
    values["total"] = sum((line["amount"] for line in lines), Decimal(0))
    if values["total"] >= _TOO_MUCH:
        message = f"lines: their sum {values['total']} is too large."
        raise InvalidInput([Problem("lines", "TOO_LARGE", message, "Split the order.")])


async def _require_sums(plans: Sequence[tuple[RecordModel, dict[str, Any]]]) -> None:
    """The total of an order with lines is their sum and cannot be set."""
    stated = {record.id: values["total"] for record, values in plans if "total" in values and "lines" not in values}
    if not stated:
        return
    sums: dict[UUID, Decimal] = {}
    for line in await OrderLine.filter(order_id__in=list(stated)):
        sums[line.order_id] = sums.get(line.order_id, Decimal(0)) + line.amount
    for order_id, total in sums.items():
        if stated[order_id] != total:
            message = f"total: {stated[order_id]} is not the sum of the lines, {total}."
            raise InvalidInput([Problem("total", "NOT_THE_SUM", message, "Change the lines.")])


def _require_totals(cleaned: Sequence[Mapping[str, Any]]) -> None:
    if any(values["total"] is None for values in cleaned):
        message = "total: is required for an order without lines."
        raise InvalidInput([Problem("total", "REQUIRED", message, "Give the total or the lines.")])


async def _default_currency(cleaned: Sequence[dict[str, Any]]) -> None:
    if any(values.get("currency") is None for values in cleaned):
        tenant = await Tenant.first()
        for values in cleaned:
            if values.get("currency") is None:
                values["currency"] = tenant.currency if tenant else None


async def _currency_of_orders(payments: Sequence[dict[str, Any]]) -> None:
    unsaid = [values for values in payments if values["currency"] is None]
    if unsaid:
        orders = await Order.filter(id__in=list({values["order_id"] for values in unsaid}))
        currencies = {order.id: order.currency for order in orders}
        for values in unsaid:
            values["currency"] = currencies.get(values["order_id"])


async def _stages(ids: set[UUID]) -> dict[UUID, Stage]:
    return {stage.id: stage for stage in await Stage.filter(id__in=list(ids))}


def _no_stage(stage_id: UUID) -> InvalidInput:
    message = f"stage_id: stage {stage_id} does not exist in this pipeline."
    return InvalidInput([Problem("stage_id", "REFERENCE_NOT_FOUND", message, "Use a stage of the pipeline.")])


def _require_closing_day(stage: Stage, closed_on: date | None) -> None:
    """Won and lost deals have the day on which they closed, open ones have none."""
    if stage.kind is StageKind.OPEN and closed_on is not None:
        message = f"closed_on: {closed_on} is given, but stage {stage.name} is open."
        hint = "Give a won or lost stage, or use expected_close."
        raise InvalidInput([Problem("closed_on", "NOT_CLOSED", message, hint)])
    if stage.kind is not StageKind.OPEN and closed_on is None:
        message = f"closed_on: must not be empty in stage {stage.name}."
        raise InvalidInput([Problem("closed_on", "REQUIRED", message, "Give the day, or an open stage.")])


async def _place_in_pipeline(cleaned: Sequence[dict[str, Any]], times: Sequence[datetime]) -> None:
    await _default_places(cleaned)
    stages = await _stages({values["stage_id"] for values in cleaned})
    zone = await tenant_zone()
    for values, at in zip(cleaned, times, strict=True):
        stage = stages.get(values["stage_id"])
        if stage is None or stage.pipeline_id != values["pipeline_id"]:
            raise _no_stage(values["stage_id"])
        values["stage_entered_at"] = at
        if stage.kind is not StageKind.OPEN and values["closed_on"] is None:
            values["closed_on"] = at.astimezone(zone).date()
        _require_closing_day(stage, values["closed_on"])


async def _default_places(cleaned: Sequence[dict[str, Any]]) -> None:
    """Without a pipeline: the stage's own, else the default one; without a stage: the pipeline's first open one."""
    given = await _stages({values["stage_id"] for values in cleaned if values["stage_id"] is not None})
    for values in cleaned:
        if values["pipeline_id"] is None and values["stage_id"] in given:
            values["pipeline_id"] = given[values["stage_id"]].pipeline_id
    if any(values["pipeline_id"] is None for values in cleaned):
        default = await Pipeline.get(is_default=True)
        for values in cleaned:
            values["pipeline_id"] = values["pipeline_id"] or default.id
    homeless = {values["pipeline_id"] for values in cleaned if values["stage_id"] is None}
    if homeless:
        opening = Stage.filter(pipeline_id__in=list(homeless), kind=StageKind.OPEN, archived_at=None)
        first: dict[UUID, UUID] = {}
        for stage in await opening.order_by("position"):
            first.setdefault(stage.pipeline_id, stage.id)
        for values in cleaned:
            values["stage_id"] = values["stage_id"] or first.get(values["pipeline_id"])


async def _move_stages(
    plans: Sequence[tuple[Opportunity, dict[str, Any]]], journal: Journal, times: Mapping[UUID, datetime]
) -> None:
    placing = {"pipeline_id", "stage_id", "closed_on"}
    placed = [
        (record, values, values.get("stage_id", record.stage_id))
        for record, values in plans
        if any(values[name] != getattr(record, name) for name in placing & values.keys())
    ]
    if not placed:
        return
    stages = await _stages({stage_id for _, _, stage_id in placed})
    zone = await tenant_zone()
    noted = []
    for record, values, stage_id in placed:
        stage = stages.get(stage_id)
        if stage is None or stage.pipeline_id != values.get("pipeline_id", record.pipeline_id):
            raise _no_stage(stage_id)
        at = times[record.id]
        if stage_id != record.stage_id and values.get("closed_on") is None:
            values["closed_on"] = None if stage.kind is StageKind.OPEN else at.astimezone(zone).date()
        _require_closing_day(stage, values.get("closed_on", record.closed_on))
        if stage_id == record.stage_id:
            continue
        values["stage_entered_at"] = at
        noted.append((record.id, record.stage_id, stage.id, at))
    if noted:
        from evenhand.actions.stages import note_stage_changes

        await note_stage_changes(noted, journal)


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


def _check_together(kind: Entity, cleaned: Sequence[Mapping[str, Any]]) -> None:
    """Rules over several columns of one record."""
    problems: list[Problem] = []
    for values in cleaned:
        for start, end in DAY_ORDERS:
            first, last = values.get(start), values.get(end)
            if first is not None and last is not None and last < first:
                message = f"{end}: {last} is before {start} {first}."
                problems.append(Problem(end, "ENDS_BEFORE_START", message, f"Give a day on or after {first}."))
        match kind.name:
            case "SurveyAnswer" if values["kind"] is SurveyKind.CSAT and not 1 <= values["score"] <= 5:
                message = f"score: {values['score']} is no CSAT score."
                problems.append(Problem("score", "OUT_OF_RANGE", message, "Give 1 to 5."))
            case "Contact":
                problems += _bad_addresses(values.get("channels") or ())
            case "CustomField":
                problems += _bad_definition(values)
    if problems:
        raise InvalidInput(problems)
