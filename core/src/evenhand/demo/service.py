"""What happens around the deals: activities, tasks, tickets and surveys."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from evenhand.demo.plot import Colleague, Customer, Plot, ref
from evenhand.demo.story import Ref

_DURATIONS = {"call": (3, 25), "meeting": (30, 120), "visit": (45, 180)}
_KINDS = ("call", "call", "email", "email", "meeting", "visit", "message", "note")


def write_activities(plot: Plot) -> None:
    """About 2,000: several in each deal, and now and then one with every customer."""
    rng = plot.chance("activities")
    span = plot.span
    for deal in plot.deals:
        end = deal.closed or span.at(rng, span.last)
        days = max(1, (end - deal.opened).days)
        for _ in range(rng.randint(4, 8)):
            at = min(span.after(rng, deal.opened, days), max(end, deal.opened))
            _activity(plot, rng, deal.customer, at, deal.item, deal.key)
    for customer in plot.customers:
        for _ in range(rng.randint(1, 7)):
            at = span.after(rng, customer.created, 730)
            _activity(plot, rng, customer, at, rng.choice(plot.lexicon.items).name, None)


def _activity(plot: Plot, rng: Random, customer: Customer, at: datetime, about: str, deal: str | None) -> None:
    author = customer.holder(at)
    if author is None:
        return
    kind = rng.choice(_KINDS)
    values: dict[str, Any] = {
        "kind": kind,
        "direction": "internal" if kind == "note" else rng.choice(("outbound", "outbound", "inbound")),
        "subject": rng.choice(plot.lexicon.activities[kind]).format(about),
        "author_id": Ref(author.key),
        "account_id": Ref(customer.key),
        "contact_id": Ref(rng.choice(customer.contacts)) if kind != "note" else None,
        "opportunity_id": ref(deal),
        "occurred_at": at,
    }
    if kind in _DURATIONS:
        values["duration_minutes"] = rng.randint(*_DURATIONS[kind])
    plot.add("Activity", at, **values)


def write_tasks(plot: Plot) -> None:
    """What was to be done; most of the past is done, open deals have something to come."""
    rng = plot.chance("tasks")
    span = plot.span
    for deal in plot.deals:
        if deal.closed is not None and rng.random() < 0.3:
            continue
        created = span.after(rng, deal.opened, 20) if deal.closed else span.after(rng, deal.opened, 730)
        due = created + timedelta(days=rng.randint(1, 21))
        late = span.at(rng, span.last)
        done = None
        if due < late and (deal.closed is not None or rng.random() < 0.6):
            done = max(created + timedelta(minutes=5), due - timedelta(hours=rng.randint(-20, 30)))
            done = min(done, late)
        owner = deal.customer.holder(created) or deal.owner
        key = plot.add(
            "Task",
            created,
            subject=rng.choice(plot.lexicon.tasks).format(deal.customer.name)[:300],
            priority=rng.choice(("low", "normal", "normal", "high")),
            assignee_id=Ref(owner.key),
            due_at=due,
            remind_at=due - timedelta(days=1),
            account_id=Ref(deal.customer.key),
            opportunity_id=Ref(deal.key),
        )
        if done is not None:
            plot.revise("Task", key, done, done_at=done)


def write_tickets(plot: Plot) -> None:
    """Requests of those who bought, with their satisfaction; and a yearly question whether they recommend us."""
    rng = plot.chance("tickets")
    team = [colleague for colleague in plot.colleagues if colleague.role == "service"]
    for customer in plot.customers:
        if customer.first_win is None:
            continue
        for _ in range(rng.choice((0, 1, 2, 3, 4, 6))):
            _ticket(plot, rng, customer, customer.first_win, rng.choice(team))
        if rng.random() < 0.7:
            _recommendation(plot, rng, customer, customer.first_win)


def _ticket(plot: Plot, rng: Random, customer: Customer, first_win: datetime, agent: Colleague) -> None:
    span, lexicon = plot.span, plot.lexicon
    opened = span.after(rng, first_win, 730)
    resolved = opened + timedelta(hours=rng.choice((2, 5, 20, 30, 50, 90, 170)))
    finished = resolved < span.at(rng, span.last)
    category = rng.choice(list(lexicon.tickets))
    contact = Ref(rng.choice(customer.contacts))
    answered = finished and rng.random() < 0.6
    quick = resolved - opened < timedelta(hours=24)
    score = rng.choice((4, 5, 5) if quick else (1, 2, 3, 4))
    at_end = {"status": rng.choice(("resolved", "closed"))} if finished else {}
    key = plot.add(
        "Ticket",
        opened,
        subject=rng.choice(lexicon.tickets[category]),
        status=rng.choice(("new", "open", "pending")),
        priority=rng.choice(("low", "normal", "normal", "high", "urgent")),
        category=category,
        account_id=Ref(customer.key),
        contact_id=contact,
        assignee_id=Ref(agent.key),
        opened_at=opened,
    )
    if finished:
        satisfaction = {"satisfaction": score} if answered else {}
        plot.revise("Ticket", key, resolved, resolved_at=resolved, **at_end, **satisfaction)
    if answered:
        at = span.after(rng, resolved, 3)
        comment = rng.choice(lexicon.praise if score >= 4 else lexicon.blame)
        plot.add(
            "SurveyAnswer",
            at,
            kind="csat",
            score=score,
            comment=comment,
            account_id=Ref(customer.key),
            contact_id=contact,
            ticket_id=Ref(key),
            answered_at=at,
        )


def _recommendation(plot: Plot, rng: Random, customer: Customer, first_win: datetime) -> None:
    at = plot.span.after(rng, first_win, 365)
    score = rng.choices(range(11), weights=(1, 1, 1, 1, 2, 3, 4, 7, 10, 9, 8))[0]
    comment = rng.choice(plot.lexicon.praise if score >= 7 else plot.lexicon.blame)
    plot.add(
        "SurveyAnswer",
        at,
        kind="nps",
        score=score,
        comment=comment,
        account_id=Ref(customer.key),
        contact_id=Ref(customer.contacts[0]),
        answered_at=at,
    )
