from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.actions.orders import line_amount
from evenhand.demo.generate import LEXICONS, generate
from evenhand.demo.lexicon import Lexicon
from evenhand.demo.story import Record, Ref, Story

REFERENCE = date(2026, 6, 15)


@dataclass(frozen=True)
class Case:
    """What a story is made from; stories themselves are too long to print."""

    lexicon: Lexicon = field(repr=False)
    reference: date
    seed: int

    def story(self) -> Story:
        return generate(self.lexicon, self.reference, self.seed)


cases = st.builds(
    Case, st.sampled_from(LEXICONS), st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 10**6)
)
few = settings(max_examples=8, deadline=None)


@lru_cache
def story_of(slug: str, seed: int = 2026) -> Story:
    lexicon = next(item for item in LEXICONS if item.tenant["slug"] == slug)
    return generate(lexicon, REFERENCE, seed)


def refs(value: Any) -> Iterable[str]:
    match value:
        case Ref(key):
            yield key
        case list():
            for item in value:
                yield from refs(item)
        case Mapping():
            for item in value.values():
                yield from refs(item)


def texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from texts(item)
        case Mapping():
            for item in value.values():
                yield from texts(item)


def by_key(story: Story, entity: str) -> dict[str, Record]:
    return {record.key: record for record in story.of(entity)}


def is_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


@pytest.mark.parametrize("lexicon", LEXICONS, ids=lambda lexicon: str(lexicon.tenant["slug"]))
def test_same_seed_same_content(lexicon: Lexicon) -> None:
    assert generate(lexicon, REFERENCE, 7) == generate(lexicon, REFERENCE, 7)
    assert generate(lexicon, REFERENCE, 7).records != generate(lexicon, REFERENCE, 8).records


@few
@given(cases)
def test_every_reference_points_to_an_earlier_record(case: Case) -> None:
    story = case.story()
    known = {f"stage:{number}" for number in range(1, 7)}
    order = {record.key: number for number, record in enumerate(story.records)}
    assert len(order) == len(story.records)
    for record in story.records:
        for key in refs(record.values):
            assert key in known or order[key] < order[record.key], (record.key, key)
    for revision in story.revisions:
        assert revision.key in order
        assert all(key in known or key in order for key in refs(revision.values))
    for handover in story.handovers:
        assert handover.key in order
        assert handover.owner is None or handover.owner in order
    for label in story.labels:
        assert {label.tag, label.key, label.actor} <= order.keys()


@few
@given(cases)
def test_everything_happens_within_two_years(case: Case) -> None:
    story = case.story()
    first = datetime.combine(story.reference - timedelta(days=731), time(), UTC)
    last = datetime.combine(story.reference, time(), UTC)
    moments = [record.at for record in story.records] + [revision.at for revision in story.revisions]
    moments += [handover.at for handover in story.handovers] + [label.at for label in story.labels]
    assert all(first <= moment < last for moment in moments)


@few
@given(cases)
def test_changes_follow_creation_and_each_other(case: Case) -> None:
    story = case.story()
    created = {record.key: record.at for record in story.records}
    since = dict(created)
    for revision in sorted(story.revisions, key=lambda item: item.at):
        assert revision.at > created[revision.key]
    for entity in ("Opportunity",):
        for revision in [item for item in story.revisions if item.entity == entity]:
            assert revision.at > since[revision.key]
            since[revision.key] = revision.at
    for handover in story.handovers:
        assert handover.at >= created[handover.key]


@few
@given(cases)
def test_deals_close_once_and_in_order(case: Case) -> None:
    story = case.story()
    deals = by_key(story, "Opportunity")
    path: dict[str, list[int]] = defaultdict(lambda: [1])
    for revision in story.revisions:
        if revision.entity == "Opportunity":
            assert path[revision.key][-1] < 5, "a closed deal moved again"
            path[revision.key].append(int(revision.values["stage_id"].key.partition(":")[2]))
            if "closed_on" in revision.values:
                assert path[revision.key][-1] in (5, 6)
                assert revision.values["closed_on"] >= deals[revision.key].values["opened_on"]
    assert all(stages == sorted(stages) for stages in path.values())
    assert {stage for stages in path.values() for stage in stages} == {1, 2, 3, 4, 5, 6}
    assert any(path[key][-1] < 5 for key in deals)


@few
@given(cases)
def test_amounts_add_up(case: Case) -> None:
    story = case.story()
    currency = story.tenant["currency"]
    deals = by_key(story, "Opportunity")
    for order in story.of("Order"):
        lines = order.values["lines"]
        for line in lines:
            amount = line_amount(line["quantity"], line["unit_price"], line["discount_percent"], currency)
            assert line["amount"] == amount > 0
        assert order.values["total"] == sum(line["amount"] for line in lines)
        assert order.values["total"] == deals[order.values["opportunity_id"].key].values["amount"]


@few
@given(cases)
def test_orders_follow_the_win_and_payments_follow_the_order(case: Case) -> None:
    story = case.story()
    won = {
        item.key: item.at
        for item in story.revisions
        if item.entity == "Opportunity" and item.values["stage_id"] == Ref("stage:5")
    }
    orders = by_key(story, "Order")
    for order in orders.values():
        if order.values["kind"] != "quote":
            assert order.at >= won[order.values["opportunity_id"].key]
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for payment in sorted(story.of("Payment"), key=lambda record: record.at):
        key = payment.values["order_id"].key
        assert payment.at >= orders[key].at
        if payment.values["amount"] > 0:
            assert paid[key] + payment.values["amount"] <= orders[key].values["total"]
        else:
            assert paid[key] == orders[key].values["total"], "only what was paid is refunded"
        paid[key] += payment.values["amount"]
        assert paid[key] > 0
    for key, order in orders.items():
        if order.values["status"] == "fulfilled":
            assert any(payment.values["order_id"].key == key for payment in story.of("Payment"))


@few
@given(cases)
def test_nobody_holds_customers_after_leaving(case: Case) -> None:
    story = case.story()
    left = {item.key: item.at for item in story.revisions if item.entity == "User"}
    joined = {record.key: record.at for record in story.of("User")}
    holders: dict[str, str | None] = {}
    for record in story.of("Account"):
        owner = record.values["owner_id"]
        holders[record.key] = owner.key if owner else None
        if owner:
            assert joined[owner.key] <= record.at < left.get(owner.key, datetime.max.replace(tzinfo=UTC))
    for handover in sorted(story.handovers, key=lambda item: item.at):
        if handover.entity == "Account":
            assert handover.owner != holders[handover.key]
            holders[handover.key] = handover.owner
    assert left
    assert not left.keys() & set(holders.values())


@few
@given(cases)
def test_no_address_belongs_to_anybody(case: Case) -> None:
    story = case.story()
    values = [text for record in story.records for text in texts(record.values)]
    values += [text for row in story.leads for text in row.values()]
    mails = [text for text in values if re.fullmatch(r"\S+@\S+", text)]
    sites = [text for text in values if text.startswith("http")]
    numbers = [text for text in values if text.startswith("+")]
    assert mails
    assert all(mail.isascii() and mail.endswith(".example") for mail in mails)
    assert sites
    assert all(site.endswith(".example") for site in sites)
    assert numbers
    fictitious = re.compile(r"\+86 (100 0555 \d{4}|21 0555 \d{4})|\+44 (7700 900\d{3}|20 7946 0\d{3})")
    assert all(fictitious.fullmatch(number) for number in numbers)


@few
@given(cases)
def test_unique_values_are_unique(case: Case) -> None:
    story = case.story()
    for entity, column in (("User", "email"), ("Order", "number"), ("Account", "website"), ("Product", "code")):
        values = [record.values[column] for record in story.of(entity)]
        assert len(values) == len(set(values))
    ids = [next(iter(row.values())) for row in story.leads]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("slug", ["huaxing", "brightwell"])
def test_size_of_a_story(slug: str) -> None:
    story = story_of(slug)
    counts = {entity: len(story.of(entity)) for entity in ("Account", "Activity", "Opportunity", "Payment")}
    assert counts["Account"] == 120
    assert len(story.leads) == 300
    assert 1600 <= counts["Activity"] <= 2600
    assert counts["Opportunity"] >= 180
    assert any(record.values["amount"] < 0 for record in story.of("Payment"))
    assert {record.values["kind"] for record in story.of("SurveyAnswer")} == {"csat", "nps"}
    assert {record.values["kind"] for record in story.of("Order")} == {"quote", "contract", "order"}


def test_both_languages_are_present() -> None:
    huaxing, brightwell = story_of("huaxing"), story_of("brightwell")
    for story, mostly_chinese in ((huaxing, True), (brightwell, False)):
        for names in (
            [record.values["name"] for record in story.of("Account")],
            [record.values["name"] for record in story.of("Contact")],
            [row[header] for row in story.leads for header in row if story.lead_columns[header] == "name"],
        ):
            chinese = sum(is_chinese(name) for name in names)
            assert 0 < chinese < len(names)
            assert (chinese > len(names) / 2) is mostly_chinese


def test_somebody_is_absent_on_the_reference_day() -> None:
    for slug in ("huaxing", "brightwell"):
        absences = story_of(slug).of("Absence")
        assert any(item.values["starts_on"] <= REFERENCE <= item.values["ends_on"] for item in absences)


def test_lead_rows_have_the_declared_columns() -> None:
    for slug in ("huaxing", "brightwell"):
        story = story_of(slug)
        assert all(list(row) == list(story.lead_columns) for row in story.leads)
        campaigns = {record.values["name"] for record in story.of("Campaign")}
        header = next(name for name, field in story.lead_columns.items() if field == "campaign")
        assert {row[header] for row in story.leads} - {""} <= campaigns
