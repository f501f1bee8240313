"""Summaries: the few values that tell at a glance how things stand with a record.

Who sees a record also sees the activities, tasks, tickets and orders that name it; of deals this must be asked.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from evenhand_schema.declare import computed, derived, first, one, rows
from evenhand_schema.reads.ordering import Order
from evenhand_schema.reads.parameters import seen
from evenhand_schema.reads.periods import ZONE

_OPEN_DEAL = (
    "FROM opportunities AS deal JOIN stages AS stage ON stage.tenant_id = $1 AND stage.id = deal.stage_id "
    f"WHERE deal.tenant_id = $1 AND deal.archived_at IS NULL AND stage.kind = 'open' AND {seen('Opportunity', 'deal')}"
)

_NEXT_STEP = f"""
SELECT task.tenant_id, task.id, task.account_id, task.contact_id, task.lead_id, task.opportunity_id,
       task.subject::text AS subject, task.due_at, task.assignee_id, task.id AS task_id
FROM tasks AS task
WHERE task.tenant_id = $1 AND task.archived_at IS NULL AND task.done_at IS NULL
UNION ALL
SELECT deal.tenant_id, deal.id, deal.account_id, deal.contact_id, NULL::uuid, deal.id,
       deal.next_step::text, deal.next_step_on::timestamp AT TIME ZONE {ZONE}, deal.owner_id, NULL::uuid
{_OPEN_DEAL} AND deal.next_step <> ''
"""

_REVENUE = """
SELECT sale.tenant_id, sale.account_id, payment.currency, sum(payment.amount) AS amount
FROM payments AS payment JOIN orders AS sale ON sale.tenant_id = $1 AND sale.id = payment.order_id
WHERE payment.tenant_id = $1 AND payment.archived_at IS NULL AND sale.archived_at IS NULL
GROUP BY sale.tenant_id, sale.account_id, payment.currency
"""


def _pipeline(by: str, amount: str) -> str:
    return (
        f"SELECT deal.tenant_id, deal.{by}, deal.currency, {amount} AS amount {_OPEN_DEAL} "
        f"AND deal.amount IS NOT NULL GROUP BY deal.tenant_id, deal.{by}, deal.currency"
    )


def _open_pipeline(by: str) -> Any:
    text = "The amounts of its open deals, by currency; deals without an amount are left out."
    return rows("MoneySum", by, text, Order("currency"), source=_pipeline(by, "sum(deal.amount)"))


def _weighted_pipeline(by: str) -> Any:
    text = "The amounts of its open deals times the chance to win that their stages say, by currency."
    weighted = "round(sum(deal.amount * stage.probability) / 100, 4)"
    return rows("MoneySum", by, text, Order("currency"), source=_pipeline(by, weighted))


def _last_touch(by: str) -> str:
    return (
        f"SELECT max(touch.occurred_at) FROM activities AS touch WHERE touch.tenant_id = $1 "
        f"AND touch.{by} = {{row}}.id AND touch.archived_at IS NULL AND touch.occurred_at <= now()"
    )


def _days_since(moment: str) -> str:
    return f"SELECT (now() AT TIME ZONE {ZONE})::date - (({moment}) AT TIME ZONE {ZONE})::date"


def _last_touch_at(by: str) -> Any:
    return computed(datetime | None, _last_touch(by), "When the latest activity was; null for none.")


def _days_silent(by: str) -> Any:
    text = "Calendar days since the latest activity, in the tenant's time zone; null for none."
    return computed(int | None, _days_since(_last_touch(by)), text)


def _next_step(by: str) -> Any:
    text = "The most urgent open task or next step of an open deal; null when nothing is planned."
    return first("NextStep", by, text, Order("due_at"), Order("id"))


def _open_tickets(by: str) -> Any:
    sql = (
        f"SELECT count(*) FROM tickets AS ticket WHERE ticket.tenant_id = $1 AND ticket.{by} = {{row}}.id "
        "AND ticket.archived_at IS NULL AND ticket.status NOT IN ('resolved', 'closed')"
    )
    return computed(int, sql, "How many requests for service are neither resolved nor closed.")


def _deals(by: str, kind: str, text: str) -> Any:
    sql = (
        "SELECT count(*) FROM opportunities AS deal "
        "JOIN stages AS stage ON stage.tenant_id = $1 AND stage.id = deal.stage_id "
        f"WHERE deal.tenant_id = $1 AND deal.{by} = {{row}}.id AND deal.archived_at IS NULL AND stage.kind = '{kind}' "
        f"AND {seen('Opportunity', 'deal')}"
    )
    return computed(int, sql, text)


@derived(currency="Currency, ISO 4217.", amount="The amount of money in this currency.")
class MoneySum:
    """Money of one currency; amounts of different currencies are never added."""

    currency: str
    amount: Decimal


@derived(
    _NEXT_STEP,
    id="Id of the task or the deal that says it.",
    subject="What is to be done.",
    due_at="When; the beginning of the day, in the tenant's time zone, for a deal's next step. Null when nobody said.",
    assignee_id="Id of the user who is to do it.",
    task_id="Id of the task.",
    opportunity_id="Id of the deal.",
)
class NextStep:
    """What is to be done next: an open task, or the next step noted on an open deal."""

    id: strawberry.ID
    subject: str
    due_at: datetime | None
    assignee_id: strawberry.ID | None
    task_id: strawberry.ID | None
    opportunity_id: strawberry.ID | None
    assignee = one("User", "assignee_id", "Who is to do it: the task's assignee, the deal's owner.")
    task = one("Task", "task_id", "The task; null when it is noted on a deal.")
    opportunity = one("Opportunity", "opportunity_id", "The deal it is about.")


@derived()
class AccountSummary:
    """How things stand with a customer. Archived records do not count."""

    lifetime_revenue = rows(
        "MoneySum",
        "account_id",
        "The payments received for its orders less refunds, by currency.",
        Order("currency"),
        source=_REVENUE,
    )
    open_pipeline = _open_pipeline("account_id")
    weighted_pipeline = _weighted_pipeline("account_id")
    last_touch_at = _last_touch_at("account_id")
    days_silent = _days_silent("account_id")
    next_step = _next_step("account_id")
    open_tickets = _open_tickets("account_id")
    open_opportunities = _deals("account_id", "open", "How many deals are neither won nor lost.")
    won_opportunities = _deals("account_id", "won", "How many deals were won.")


@derived()
class ContactSummary:
    """How things stand with a person. Archived records do not count."""

    last_touch_at = _last_touch_at("contact_id")
    days_silent = _days_silent("contact_id")
    next_step = _next_step("contact_id")
    open_tickets = _open_tickets("contact_id")


@derived()
class LeadSummary:
    """How things stand with a lead. Archived records do not count."""

    last_touch_at = _last_touch_at("lead_id")
    days_silent = _days_silent("lead_id")
    next_step = _next_step("lead_id")
    days_held = computed(
        int,
        _days_since("{row}.held_since"),
        "Calendar days since the present owner or pool got it, in the tenant's time zone.",
    )


@derived()
class OpportunitySummary:
    """How things stand with a deal. Archived records do not count."""

    last_touch_at = _last_touch_at("opportunity_id")
    days_silent = _days_silent("opportunity_id")
    next_step = _next_step("opportunity_id")
    days_in_stage = computed(
        int | None,
        _days_since("{row}.stage_entered_at"),
        "Calendar days since it entered its stage, in the tenant's time zone; null when nobody knows.",
    )
    weighted_amount = computed(
        Decimal | None,
        "SELECT round({row}.amount * stage.probability / 100, 4) FROM stages AS stage "
        "WHERE stage.tenant_id = $1 AND stage.id = {row}.stage_id",
        "The amount times the chance to win that its stage says, in the deal's currency.",
    )


@derived()
class UserSummary:
    """What a person has in hand. Archived records do not count."""

    accounts_held = computed(
        int,
        "SELECT count(*) FROM accounts AS account WHERE account.tenant_id = $1 AND account.owner_id = {row}.id "
        f"AND account.archived_at IS NULL AND {seen('Account', 'account')}",
        "How many accounts the person holds.",
    )
    open_leads = computed(
        int,
        "SELECT count(*) FROM leads AS lead WHERE lead.tenant_id = $1 AND lead.owner_id = {row}.id "
        "AND lead.archived_at IS NULL AND lead.status NOT IN ('converted', 'unqualified') "
        f"AND {seen('Lead', 'lead')}",
        "How many leads the person holds that are neither converted nor unqualified.",
    )
    open_opportunities = _deals("owner_id", "open", "How many deals in the person's hands are neither won nor lost.")
    open_pipeline = _open_pipeline("owner_id")
    weighted_pipeline = _weighted_pipeline("owner_id")
    open_tasks = computed(
        int,
        "SELECT count(*) FROM tasks AS task WHERE task.tenant_id = $1 AND task.assignee_id = {row}.id "
        f"AND task.archived_at IS NULL AND task.done_at IS NULL AND {seen('Task', 'task')}",
        "How many tasks the person still has to do.",
    )
