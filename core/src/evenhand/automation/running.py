"""Run rules over events: each rule at most once for each event, each for itself, and never in circles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from evenhand.actions.journal import writing
from evenhand.actions.notifications import notify
from evenhand.automation.definitions import parse_actions
from evenhand.automation.models import AutomationRule, AutomationRun, RunOutcome
from evenhand.automation.performing import Case, Sentence, describe, perform
from evenhand.automation.rules import evaluate
from evenhand.automation.saving import subscribe_rules
from evenhand.automation.views import Happened, Surroundings, View, load_views, surroundings
from evenhand.db.bulk import insert_rows
from evenhand.db.session import driver_transaction, raw_connection, transaction
from evenhand.entities import User
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import Role, acting_as, current_tenant, system_actor
from evenhand.tenancy.models import uuid7

log = structlog.get_logger(__name__)

DEEPEST = 5
"""So many events may lead to each other until rules stop."""
MOST_FAILURES = 5
"""A rule that fails so often in a row is suspended."""


@dataclass
class _Count:
    checked: int = 0
    matched: int = 0
    failed: int = 0


@dataclass
class _Batch:
    """What one delivery does, beside the effects of the rules."""

    around: Surroundings
    counts: dict[UUID, _Count] = field(default_factory=dict)
    suspended: set[UUID] = field(default_factory=set)

    def count(self, rule: AutomationRule) -> _Count:
        return self.counts.setdefault(rule.id, _Count())


async def rules_in_force() -> list[AutomationRule]:
    """The tenant's rules that work now, in their order."""
    found = AutomationRule.filter(enabled=True, archived_at=None, suspended_at=None)
    return list(await found.order_by("position", "id"))


async def run_rules(
    events: Sequence[Happened], because: Callable[[Any], AbstractContextManager[Any]] = nullcontext
) -> None:
    """Ask all rules about events, inside the open transaction; all that a rule does for an event is kept or undone.

    Args:
        because: whatever is written inside names the event as its cause.
    """
    rules = await rules_in_force()
    batch = _Batch(await surroundings())
    views = await _views(events, rules, batch.around)
    for event in events:
        view = views.get(event.id)
        if view is None:
            continue
        with because(event):
            for rule in rules:
                if _waits_for(rule, event) and await _ask(rule, event, view, batch) and rule.stop_on_match:
                    break
    await _keep_counts(batch)


def _waits_for(rule: AutomationRule, event: Happened) -> bool:
    return rule.entity == event.entity and event.type in rule.events


async def _views(events: Sequence[Happened], rules: Sequence[AutomationRule], around: Surroundings) -> dict[UUID, View]:
    found: dict[UUID, View] = {}
    for name in sorted({event.entity for event in events}):
        wanted = [e for e in events if e.entity == name and any(_waits_for(rule, e) for rule in rules)]
        if wanted:
            found |= await load_views(entity(name), wanted, around)
    return found


async def _ask(rule: AutomationRule, event: Happened, view: View, batch: _Batch) -> bool:
    """Ask one rule about one event. Returns: whether it matched."""
    if rule.id in batch.suspended:
        return False
    count, started = batch.count(rule), perf_counter()
    count.checked += 1
    try:
        matched = evaluate(rule.condition, view, batch.around.now, batch.around.zone).matched
    except EvenhandError as error:
        if await _begin(rule, event, RunOutcome.FAILED, batch, error=str(error)) is not None:
            await _failed(rule, event, str(error), batch)
        return False
    if not matched:
        return False
    count.matched += 1
    depth = getattr(event, "depth", 0)
    if depth >= DEEPEST:
        reason = f"Stopped: {depth} events led to each other, and rules would go in circles."
        await _begin(rule, event, RunOutcome.STOPPED, batch, error=reason)
        return True
    run_id = await _begin(rule, event, RunOutcome.DONE, batch)
    if run_id is not None:
        await _act(
            rule,
            event,
            Case(entity(rule.entity), event, view, batch.around, f"{rule.id}:{event.id}"),
            run_id,
            batch,
            started,
        )
    return True


async def _begin(
    rule: AutomationRule, event: Happened, outcome: RunOutcome, batch: _Batch, *, error: str | None = None
) -> UUID | None:
    """Note a run. Returns: its id; None when the rule ran for this event before."""
    row = {
        "id": uuid7(),
        "tenant_id": current_tenant(),
        "rule_id": rule.id,
        "rule_version": rule.version,
        "event_id": event.id,
        "event_type": event.type,
        "entity": event.entity,
        "record_id": event.record_id,
        "outcome": outcome,
        "results": [],
        "error": error,
        "duration_ms": 0,
        "created_at": batch.around.now,
    }
    suffix = "ON CONFLICT (tenant_id, rule_id, event_id) DO NOTHING RETURNING id"
    rows = await insert_rows(driver_transaction(), AutomationRun, [row], suffix=suffix)
    return rows[0]["id"] if rows else None


async def _act(rule: AutomationRule, event: Happened, case: Case, run_id: UUID, batch: _Batch, started: float) -> None:
    results: list[Sentence] = []
    error: str | None = None
    try:
        async with transaction():
            with acting_as(system_actor(current_tenant(), via=f"automation:{rule.id}")):
                actions, problems = parse_actions(rule.actions)
                if problems:
                    raise UnreadableRule(problems[0].message, hint="Save the rule anew.")
                for number, action in enumerate(actions):
                    results.append(await describe(action, case))
                    await perform(action, case, number)
    except EvenhandError as expected:
        error = str(expected)
    except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.PostgresConnectionError, OSError):
        # Trying the whole delivery again may help.
        raise
    except Exception as unexpected:
        log.error("automation.rule_failed", rule=str(rule.id), run=str(run_id), exc_info=unexpected)
        error = f"Internal error; the log tells more under run {run_id}."
    done: dict[str, Any] = {"duration_ms": round((perf_counter() - started) * 1000)}
    if error is None:
        done["results"] = results
        if rule.failures:
            rule.failures = 0
            await AutomationRule.filter(id=rule.id).update(failures=0)
    else:
        # Nothing of it stays; the last sentence tells which action could not be done.
        done |= {"outcome": RunOutcome.FAILED, "results": results[-1:], "error": error}
    await AutomationRun.filter(id=run_id).update(**done)
    if error is not None:
        await _failed(rule, event, error, batch)


class UnreadableRule(EvenhandError):
    """A rule that an earlier version saved in another form."""

    code = "UNREADABLE_RULE"


async def _failed(rule: AutomationRule, event: Happened, error: str, batch: _Batch) -> None:
    """Count a failure; after too many in a row, suspend the rule and tell the admins."""
    batch.count(rule).failed += 1
    reason = f"It failed {MOST_FAILURES} times in a row, the last time on {event.type} of {event.record_id}: {error}"
    rows = await raw_connection(driver_transaction()).fetch(
        "UPDATE automation_rules SET failures = failures + 1, "
        "suspended_at = CASE WHEN failures + 1 >= $3 THEN $4::timestamptz END, "
        "suspended_reason = CASE WHEN failures + 1 >= $3 THEN $5 END "
        "WHERE tenant_id = $1 AND id = $2 AND suspended_at IS NULL RETURNING failures, suspended_at",
        current_tenant(),
        rule.id,
        MOST_FAILURES,
        batch.around.now,
        reason[:2000],
    )
    if not rows:
        return
    rule.failures = rows[0]["failures"]
    if rows[0]["suspended_at"] is None:
        return
    batch.suspended.add(rule.id)
    await subscribe_rules(entity("AutomationRule"))
    admins = await User.filter(role=Role.ADMIN, archived_at=None)
    with acting_as(system_actor(current_tenant(), via=f"automation:{rule.id}")):
        async with writing("suspend_rule") as journal:
            after = {"suspended_at": batch.around.now, "suspended_reason": reason[:2000]}
            journal.record("AutomationRule", rule.id, before=dict.fromkeys(after), after=after)
            await notify(
                journal,
                [admin.id for admin in admins],
                kind="rule_suspended",
                title={"en": f"The rule “{rule.name}” was suspended", "zh": f"自动化规则“{rule.name}”已暂停"},
                body={
                    "en": f"{reason} Change the rule to start it again.",
                    "zh": f"连续失败 {MOST_FAILURES} 次。最后的错误：{error} 修改规则后将重新启用。",
                },
                entity="AutomationRule",
                record_id=rule.id,
                key=f"rule:{rule.id}:{rule.version}",
            )


_COUNT = """
INSERT INTO automation_counts (tenant_id, id, rule_id, day, checked, matched, failed)
SELECT $1, c.id, c.rule_id, $2, c.checked, c.matched, c.failed
FROM unnest($3::uuid[], $4::uuid[], $5::int[], $6::int[], $7::int[]) AS c (id, rule_id, checked, matched, failed)
ORDER BY c.rule_id
ON CONFLICT (tenant_id, rule_id, day) DO UPDATE SET checked = automation_counts.checked + excluded.checked,
    matched = automation_counts.matched + excluded.matched, failed = automation_counts.failed + excluded.failed
"""


async def _keep_counts(batch: _Batch) -> None:
    """Add to the counts: last and in the order of the rules, so that no two deliveries wait for each other."""
    if not batch.counts:
        return
    counts = batch.counts.values()
    day: date = batch.around.now.astimezone(UTC).date()
    await raw_connection(driver_transaction()).execute(
        _COUNT,
        current_tenant(),
        day,
        [uuid7() for _ in counts],
        list(batch.counts),
        [one.checked for one in counts],
        [one.matched for one in counts],
        [one.failed for one in counts],
    )
