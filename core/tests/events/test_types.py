"""Every event has a class of its own, and what is emitted fits it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.entities.registry import ENTITIES
from evenhand.events import outbox, types
from evenhand.events.backoff import LONGEST, pause_after
from evenhand.events.base import Event
from evenhand.events.catalogue import GENERIC, UnknownEvent, event_types, payload_fields, read_event
from evenhand.events.models import OutboxEvent
from evenhand.events.page import page
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

PAGE = Path(__file__).parents[3] / "docs" / "api" / "event-types.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m evenhand.events.page > docs/api/event-types.md"


def test_every_entity_has_classes_that_can_be_imported() -> None:
    wanted = {f"{entity}{base.__name__}" for entity in ENTITIES for base in GENERIC}
    assert wanted - set(types.__all__) == set(), (
        "declare them in events/records.py or events/setup.py and name them in events/types.py"
    )
    assert set(event_types()) <= set(types.__all__)
    for name, found in event_types().items():
        assert getattr(types, name) is found


def test_no_payload_hides_what_every_event_has() -> None:
    for found in event_types().values():
        _, allowed = payload_fields(found)
        assert not allowed & Event.model_fields.keys()


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("LeadExploded", {}),
        ("LeadCreated", {}),
        ("LeadUpdated", {"before": {}}),
        ("Tagged", {"tag_id": None, "why": None, "more": 1}),
    ],
)
async def test_an_event_that_does_not_fit_is_refused(tenant: SomeTenant, name: str, payload: dict[str, Any]) -> None:
    with acting_as(tenant.system):
        async with writing("try") as journal:
            with pytest.raises(UnknownEvent):
                journal.emit(name, "Lead", uuid7(), payload)


async def test_values_of_other_types_fail_in_tests(tenant: SomeTenant) -> None:
    async def emit() -> None:
        async with writing("try") as journal:
            journal.emit("Tagged", "Lead", uuid7(), {"tag_id": "no id", "why": None})

    with acting_as(tenant.system), pytest.raises(UnknownEvent):
        await emit()


async def test_deals_tell_how_they_end(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        deal = await create_record("opportunity", {"name": "Big", "amount": "500"})
        async with reading():
            stages = {stage.kind.value: stage.id for stage in await Stage.all().order_by("-position")}
        await update_record("opportunity", deal, {"stage_id": stages["won"]})
        await update_record("opportunity", deal, {"stage_id": stages["open"]})
        await update_record("opportunity", deal, {"stage_id": stages["lost"], "lost_reason": "price"})
        async with reading():
            rows = await OutboxEvent.filter(type__startswith="Opportunity").order_by("sequence").values()
    told = [read_event(row) for row in rows]
    names = [event.type for event in told if type(event) not in (types.OpportunityCreated, types.OpportunityUpdated)]
    assert names == ["OpportunityWon", "OpportunityReopened", "OpportunityLost"]
    won = next(event for event in told if isinstance(event, types.OpportunityWon))
    lost = next(event for event in told if isinstance(event, types.OpportunityLost))
    assert (won.name, won.amount, won.stage_id) == ("Big", Decimal(500), stages["won"])
    assert won.closed_on is not None
    assert lost.lost_reason == "price"


def test_an_event_of_an_earlier_shape_can_still_be_read() -> None:
    row = {"id": uuid7(), "type": "LeadCreated", "tenant_id": uuid7(), "entity": "Lead", "record_id": uuid7()}
    event = read_event({**row, "payload": {"name": "Ada"}, "occurred_at": "2026-01-01T00:00:00Z", "cause": None})
    assert type(event) is Event
    assert event.payload == {"name": "Ada"}


@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=200) | st.integers(-(2**53), 2**53) | st.none(), max_size=5)
)
def test_short_payloads_are_written_as_they_are(values: dict[str, Any]) -> None:
    import orjson

    assert orjson.loads(outbox.payload_text({"after": values})) == {"after": values}


def test_long_payloads_are_cut() -> None:
    text = outbox.payload_text({"before": {"notes": "x"}, "after": {"notes": "y" * 1_000_000, "lines": [{}] * 9_000}})
    assert len(text) < outbox.LONGEST_PAYLOAD
    assert '"before":{"notes":"x"}' in text


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_an_hour(attempts: int, jitter: float) -> None:
    pause = pause_after(attempts, jitter).total_seconds()
    assert 1 <= pause <= LONGEST
    assert pause <= pause_after(attempts + 1, jitter).total_seconds()
