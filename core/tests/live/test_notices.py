"""Notices: nothing is lost on the way through a payload, and a payload always fits."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.live.notices import (
    IDS_PER_NOTICE,
    LARGEST_PAYLOAD,
    MOST_NOTICES,
    ChangeOperation,
    InvalidNotice,
    Notice,
    joined,
    notices_of,
    operation_of,
    pack,
    unpack,
)
from evenhand.tenancy.models import uuid7

notices = st.builds(
    Notice,
    tenant_id=st.uuids(),
    entity=st.sampled_from(["Account", "OpportunityCompetitorAnalysis" * 2]),
    operation=st.sampled_from(ChangeOperation),
    record_ids=st.none() | st.lists(st.uuids(), max_size=IDS_PER_NOTICE).map(tuple),
    actor_id=st.none() | st.uuids(),
    at=st.datetimes(timezones=st.just(UTC)),
)


@given(notices)
def test_a_payload_holds_the_whole_notice(notice: Notice) -> None:
    assert unpack(pack(notice)) == notice


def test_the_longest_payload_fits() -> None:
    ids = tuple(UUID(int=2**128 - 1) for _ in range(IDS_PER_NOTICE))
    longest = Notice(ids[0], "E" * 64, ChangeOperation.REASSIGNED, ids, ids[0], datetime.now(UTC))
    assert len(pack(longest).encode()) <= LARGEST_PAYLOAD


@given(st.text() | st.sampled_from(["{}", "[]", "null", '{"t": 1}', '{"t":"","e":"","o":"","a":null,"at":"","i":"x"}']))
def test_a_foreign_payload_is_refused(payload: str) -> None:
    with pytest.raises(InvalidNotice):
        unpack(payload)


@pytest.mark.parametrize("number", [1, IDS_PER_NOTICE, IDS_PER_NOTICE + 1, IDS_PER_NOTICE * MOST_NOTICES])
def test_every_record_is_named_once(number: int) -> None:
    ids = [uuid7() for _ in range(number)]
    events = [{"type": "LeadUpdated", "entity": "Lead", "record_id": one} for one in ids]
    made = notices_of(uuid7(), None, datetime.now(UTC), events)
    assert [one for notice in made for one in notice.record_ids or ()] == ids
    assert len(made) <= MOST_NOTICES


def test_too_many_records_are_not_named() -> None:
    events = [
        {"type": "LeadUpdated", "entity": "Lead", "record_id": uuid7()}
        for _ in range(IDS_PER_NOTICE * MOST_NOTICES + 1)
    ]
    (notice,) = notices_of(uuid7(), None, datetime.now(UTC), events)
    assert notice.record_ids is None


def test_one_transaction_tells_each_record_once() -> None:
    lead, account, key = uuid7(), uuid7(), uuid7()
    events = [
        {"type": "LeadCreated", "entity": "Lead", "record_id": lead},
        {"type": "OwnerChanged", "entity": "Lead", "record_id": lead},
        {"type": "Tagged", "entity": "Account", "record_id": account},
    ]
    audit = [
        {"entity": "Account", "record_id": account, "before": None},
        {"entity": "ApiKey", "record_id": key, "before": {}},
    ]
    made = notices_of(uuid7(), None, datetime.now(UTC), events, audit)
    assert {(one.entity, one.operation, one.record_ids) for one in made} == {
        ("Lead", ChangeOperation.CREATED, (lead,)),
        ("Account", ChangeOperation.UPDATED, (account,)),
        ("ApiKey", ChangeOperation.UPDATED, (key,)),
    }


@pytest.mark.parametrize(
    ("event", "operation"),
    [
        ("AccountCreated", ChangeOperation.CREATED),
        ("AccountUpdated", ChangeOperation.UPDATED),
        ("AccountArchived", ChangeOperation.ARCHIVED),
        ("AccountRestored", ChangeOperation.RESTORED),
        ("OwnerChanged", ChangeOperation.REASSIGNED),
        ("StageChanged", ChangeOperation.UPDATED),
    ],
)
def test_events_mean_operations(event: str, operation: ChangeOperation) -> None:
    assert operation_of(event) is operation


@given(st.lists(st.sampled_from(ChangeOperation), min_size=1))
def test_joined_changes_never_hide_that_a_record_came_or_went(operations: list[ChangeOperation]) -> None:
    told = operations[0]
    for operation in operations[1:]:
        told = joined(told, operation)
    if ChangeOperation.CREATED in operations[:1] and ChangeOperation.ARCHIVED not in operations:
        assert told is ChangeOperation.CREATED
    last_move = [one for one in operations if one in (ChangeOperation.ARCHIVED, ChangeOperation.RESTORED)]
    if last_move and last_move[-1] is ChangeOperation.ARCHIVED and ChangeOperation.CREATED not in operations[1:]:
        assert told is ChangeOperation.ARCHIVED
