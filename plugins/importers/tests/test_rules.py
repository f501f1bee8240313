"""Cells to values: what is taken, what is refused, and that nothing changes on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.api import Amount, BadCell, ImportField, TenantContext, ValueKind, uuid7
from evenhand.tenancy.context import system_actor
from evenhand_importers import rules
from evenhand_importers.plugin import plugin
from evenhand_importers.settings import ImporterSettings

AMOUNTS = st.decimals(
    min_value=Decimal("-99999999999"), max_value=Decimal("99999999999"), places=2, allow_nan=False, allow_infinity=False
)


def european(number: Decimal) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def spaced(number: Decimal) -> str:
    return f"{number:,.2f}".replace(",", " ").replace(".", ",")


def swiss(number: Decimal) -> str:
    return f"{number:,.2f}".replace(",", "’")


def full_width(number: Decimal) -> str:
    return f"{number:,.2f}".translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789.,-"})


def bracketed(number: Decimal) -> str:
    return f"({-number:,.2f})" if number < 0 else f"{number:,.2f}"


@given(AMOUNTS, st.sampled_from([str, "{:,.2f}".format, european, spaced, swiss, full_width, bracketed]))
def test_numbers_survive_every_way_of_writing(number: Decimal, write: object) -> None:
    text = write(number)  # type: ignore[operator]
    assert rules.read_amount(text) == Amount(number)
    assert rules.read_number(text) == number


@given(AMOUNTS, st.sampled_from(["${}", "{} USD", "USD {}", "USD{}", "us$ {}"]))
def test_dollars_survive(number: Decimal, write: str) -> None:
    amount = rules.read_amount(write.format(number))
    assert amount.value == number
    assert amount.currencies[0] == "USD"


@pytest.mark.parametrize(
    ("text", "value", "currencies"),
    [
        ("$342.09K", "342090", "USD CAD AUD HKD SGD NZD TWD MXN"),
        ("¥3.5万", "35000", "CNY JPY"),
        ("￥１，２００", "1200", "CNY JPY"),
        ("5亿元", "500000000", "CNY"),
        ("€ 1.234,50", "1234.5", "EUR"),
        ("1.5m", "1500000", ""),
        ("12,34,567", "1234567", ""),
        ("(500)", "-500", ""),
        ("-£3", "-3", "GBP"),
        ("1.5E3", "1500", ""),
        ("1,234", "1234", ""),
        ("1,5", "1.5", ""),
    ],
)
def test_amounts(text: str, value: str, currencies: str) -> None:
    assert rules.read_amount(text) == Amount(Decimal(value), tuple(currencies.split()))


@pytest.mark.parametrize("text", ["abc", "12 pcs", "1,23,4", "1.2.3", "$ 5 EUR", "--5", "NaN", "Infinity", "5%5"])
def test_what_is_no_number_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(BadCell) as caught:
        rules.read_amount(text)
    assert caught.value.code == "NOT_A_NUMBER"
    assert repr(text) in caught.value.message


def test_plain_numbers_take_percent_but_no_currency() -> None:
    assert rules.read_number("15%") == 15
    with pytest.raises(BadCell):
        rules.read_number("$15")


@given(st.integers(min_value=-(2**31), max_value=2**31))
def test_whole_numbers_survive(number: int) -> None:
    assert rules.read_whole(f"{number:,}") == number
    assert rules.read_whole(f"{number}.0") == number


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(BadCell):
        rules.read_whole("1.5")


DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31))


@given(
    DAYS,
    st.sampled_from(
        ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%d %B %Y", "%d-%b-%y", "%B %d, %Y"]
    ),
)
def test_days_survive_every_clear_way_of_writing(day: date, pattern: str) -> None:
    assert rules.read_date(day.strftime(pattern)) == day


@given(st.lists(DAYS, min_size=1, max_size=30), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%m-%d-%y"]))
def test_a_column_of_numeric_dates_is_read_right_or_refused(days: list[date], pattern: str) -> None:
    texts = [day.strftime(pattern) for day in days]
    order = rules.day_first(texts)
    for day, text in zip(days, texts, strict=True):
        if order is None and day.day <= 12 and day.day != day.month:
            with pytest.raises(BadCell, match="may name the day or the month first"):
                rules.read_date(text, order)
        else:
            assert rules.read_date(text, order) == day


def test_one_clear_date_settles_the_column() -> None:
    read = rules.value_reader(ImportField("closed_on", ValueKind.DATE), ["03/04/2024", "25/04/2024"])
    assert read("03/04/2024") == date(2024, 4, 3)
    read = rules.value_reader(ImportField("closed_on", ValueKind.DATE), ["03/04/2024", "04/25/2024"])
    assert read("03/04/2024") == date(2024, 3, 4)


def test_what_an_admin_set_decides_only_where_the_column_does_not() -> None:
    target = ImportField("closed_on", ValueKind.DATE)
    for setting, first in (("day_first", date(2024, 4, 3)), ("month_first", date(2024, 3, 4))):
        (importer,) = plugin.importers(_context(ImporterSettings.model_validate({"ambiguous_dates": setting})))
        assert importer.reader(target, ["03/04/2024"])("03/04/2024") == first
        assert importer.reader(target, ["03/04/2024", "25/04/2024"])("03/04/2024") == date(2024, 4, 3)
    (importer,) = plugin.importers(_context(None))
    with pytest.raises(BadCell):
        importer.reader(target, ["03/04/2024"])("03/04/2024")


def _context(settings: ImporterSettings | None) -> TenantContext:
    now = datetime(2026, 5, 31, tzinfo=UTC)
    actor = system_actor(uuid7(), via="test")
    return TenantContext(actor.tenant_id, "acme", "en", "UTC", "USD", actor, now, now.date(), 1, settings)


def test_a_column_that_mixes_both_orders_is_refused() -> None:
    assert rules.day_first(["25/04/2024", "04/25/2024"]) is None
    with pytest.raises(BadCell) as caught:
        rules.read_date("03/04/2024")
    assert caught.value.code == "AMBIGUOUS_DATE"


@pytest.mark.parametrize("text", ["2024-02-30", "31/31/2024", "yesterday", "2024-13-01", "32 May 2024", "12 Foo 2024"])
def test_impossible_days_are_refused(text: str) -> None:
    with pytest.raises(BadCell) as caught:
        rules.read_date(text)
    assert caught.value.code == "BAD_DATE"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("16 Apr, 2021 00:02:00", datetime(2021, 4, 16, 0, 2)),  # noqa: DTZ001
        ("02/23/26 08:55 PM", datetime(2026, 2, 23, 20, 55)),  # noqa: DTZ001
        ("2024年5月3日 12:30", datetime(2024, 5, 3, 12, 30)),  # noqa: DTZ001
        ("2026-05-31T14:30:00Z", datetime(2026, 5, 31, 14, 30, tzinfo=UTC)),
        ("2026-05-31 14:30:00.5+0800", datetime(2026, 5, 31, 14, 30, 0, 500000, timezone(timedelta(hours=8)))),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert rules.read_moment(text) == moment


def test_an_impossible_time_is_refused() -> None:
    with pytest.raises(BadCell) as caught:
        rules.read_moment("2026-05-31 25:30")
    assert caught.value.code == "BAD_TIME"


@pytest.mark.parametrize(
    ("text", "flag"), [("是", True), ("否", False), ("Yes", True), ("0", False), ("ＴＲＵＥ", True)]
)
def test_yes_and_no(text: str, flag: bool) -> None:
    assert rules.read_boolean(text) is flag


def test_maybe_is_neither() -> None:
    with pytest.raises(BadCell):
        rules.read_boolean("maybe")


@pytest.mark.parametrize(
    ("field", "text", "choices", "value"),
    [
        ("kind", "企业", ("company", "person"), "company"),
        ("role", "经理", ("admin", "manager", "rep", "read_only"), "manager"),
        ("role", "Read Only", ("admin", "manager", "rep", "read_only"), "read_only"),
        ("status", "跟进中", ("new", "working"), "working"),
        ("interest", "高", ("cold", "warm", "hot"), "hot"),
    ],
)
def test_choices_in_both_languages(field: str, text: str, choices: tuple[str, ...], value: str) -> None:
    assert rules.read_choice(text, field, choices) == value


def test_a_word_of_another_entity_is_no_choice() -> None:
    with pytest.raises(BadCell) as caught:
        rules.read_choice("合同", "kind", ("company", "person"))
    assert caught.value.hint == "Use one of: company, person."


def test_lists_of_texts() -> None:
    assert rules.read_texts("华东; 华北;华东") == ["华东", "华北"]
    assert rules.read_texts("a, b") == ["a", "b"]
    assert rules.read_texts("Smith, Jones; Co") == ["Smith, Jones", "Co"]
