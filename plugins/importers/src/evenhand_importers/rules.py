"""How cells become values: pure functions, each from a text to a value or a `BadCell`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from evenhand.api import Amount, BadCell, ImportField, ReadCell, ValueKind
from evenhand_importers.words import CHOICE_WORDS, CURRENCIES, FALSE_WORDS, TRUE_WORDS

SIGNS: Mapping[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "HKD", "SGD", "NZD", "TWD", "MXN"),
    "us$": ("USD",),
    "hk$": ("HKD",),
    "¥": ("CNY", "JPY"),
    "元": ("CNY",),
    "人民币": ("CNY",),
    "rmb": ("CNY",),
    "€": ("EUR",),
    "£": ("GBP",),
    "₹": ("INR",),
    "₩": ("KRW",),
}
SCALES: Mapping[str, Decimal] = {
    "k": Decimal(1000),
    "m": Decimal(1_000_000),
    "mn": Decimal(1_000_000),
    "bn": Decimal(1_000_000_000),
    "b": Decimal(1_000_000_000),
    "千": Decimal(1000),
    "万": Decimal(10_000),
    "百万": Decimal(1_000_000),
    "千万": Decimal(10_000_000),
    "亿": Decimal(100_000_000),
}
_SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True))
_SCALE = "|".join(re.escape(scale) for scale in sorted(SCALES, key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?P<minus>-?)\s*(?P<before>{_SIGN}|[a-z]{{3}}(?=[\s\d.-]))?\s*(?P<inner>-?)"
    rf"(?P<digits>\d[\d., '’]*|\.\d+)\s*(?P<scale>{_SCALE})?\s*(?P<after>{_SIGN}|[a-z]{{3}})?",
)
_GROUPED_POINT = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_GROUPED_COMMA = re.compile(r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}")
_PLAIN_COMMA = re.compile(r"\d+,(\d{1,2}|\d{4,})")
_INDIAN = re.compile(r"\d{1,2}(,\d{2})+,\d{3}(\.\d+)?")
_PLAIN = re.compile(r"\d+(\.\d*)?|\.\d+")


def _digits(text: str) -> Decimal | None:
    """Digits with separators: "1,234.5", "1.234,5", "1 234,5", "12,34,567"; None when it is none of them."""
    bare = re.sub(r"(?<=\d)[ '’](?=\d{3}(?!\d))", "", text.strip())
    if _PLAIN.fullmatch(bare):
        return Decimal(bare)
    if _GROUPED_POINT.fullmatch(bare) or _INDIAN.fullmatch(bare):
        return Decimal(bare.replace(",", ""))
    if _GROUPED_COMMA.fullmatch(bare):
        return Decimal(bare.replace(".", "").replace(",", "."))
    if _PLAIN_COMMA.fullmatch(bare):
        return Decimal(bare.replace(",", "."))
    return None


def read_amount(text: str) -> Amount:
    """A number as people write it: separators, a currency sign or letters, K/M/万/亿, (brackets) for negative."""
    plain = unicodedata.normalize("NFKC", text).strip().lower().replace("−", "-")
    negative = plain.startswith("(") and plain.endswith(")")
    match = _AMOUNT.fullmatch(plain[1:-1].strip() if negative else plain)
    value = _digits(match.group("digits")) if match else _scientific(plain)
    if value is None or (match and _twice(match)):
        raise BadCell("NOT_A_NUMBER", f"{text!r} is not a number.", "Write it like 1234.50.")
    if match is None:
        return Amount(value)
    if match.group("scale"):
        value *= SCALES[match.group("scale")]
    if negative or match.group("minus") or match.group("inner"):
        value = -value
    unit = match.group("before") or match.group("after") or ""
    currencies = SIGNS.get(unit, (unit.upper(),) if unit else ())
    if not set(currencies) <= CURRENCIES:
        raise BadCell("NOT_A_NUMBER", f"{text!r}: {unit!r} is no currency.", "Write it like 1234.50 or USD 1234.50.")
    return Amount(value, currencies)


def _twice(match: re.Match[str]) -> bool:
    """Whether the currency or the minus is written twice."""
    groups = match.groupdict()
    return bool((groups["before"] and groups["after"]) or (groups["minus"] and groups["inner"]))


def _scientific(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?\d+(\.\d+)?e[+-]?\d{1,2}", text) else None


def read_number(text: str) -> Decimal:
    """A number without a currency; a percent sign is ignored ("15%" is 15)."""
    amount = read_amount(text.strip().removesuffix("%").removesuffix("％"))
    if amount.currencies:
        raise BadCell("NOT_A_NUMBER", f"{text!r} is not a plain number.", "Remove the currency.")
    return amount.value


def read_whole(text: str) -> int:
    """A whole number; "2,822" and "12.0" are taken, "1.5" is not."""
    value = read_number(text)
    if value != value.to_integral_value():
        raise BadCell("NOT_A_NUMBER", f"{text!r} is not a whole number.", "Write it without decimals.")
    return int(value)


def read_boolean(text: str) -> bool:
    """Yes or no in English or Chinese, also true/false, 1/0, ✓/✗."""
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise BadCell("NOT_A_BOOLEAN", f"{text!r} is neither yes nor no.", "Write yes or no.")


_ISO = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
_MONTH_NAMES = """
jan january, feb february, mar march, apr april, may, jun june, jul july, aug august, sep sept september,
oct october, nov november, dec december
"""
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(","), start=1) for name in names.split()}
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s-]+([a-z]{3,9})\.?,?[\s-]+(\d{4}|\d{2})")
_NAME_DAY = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_TIME = re.compile(
    r"(?P<day>.+?)(?:t|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,6})\d*)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>z|utc|[+-]\d{2}:?\d{2})?"
)


def day_first(samples: Collection[str]) -> bool | None:
    """Whether dates such as 03/04/2024 in a column name the day first; None when the column does not tell."""
    firsts, seconds = False, False
    for sample in samples:
        match = _NUMERIC.match(sample.strip())
        if match:
            firsts |= int(match.group(1)) > 12
            seconds |= int(match.group(2)) > 12
    return None if firsts == seconds else firsts


def _year(text: str) -> int:
    number = int(text)
    if len(text) == 4:
        return number
    return 2000 + number if number < 70 else 1900 + number


def _parts(text: str, first_is_day: bool | None) -> tuple[int, int, int] | None:
    for pattern in (_ISO, _COMPACT):
        if match := pattern.fullmatch(text):
            return int(match.group(1)), int(match.group(2)), int(match.group(3))
    if match := _DAY_NAME.fullmatch(text):
        return _year(match.group(3)), _MONTHS.get(match.group(2), 0), int(match.group(1))
    if match := _NAME_DAY.fullmatch(text):
        return int(match.group(3)), _MONTHS.get(match.group(1), 0), int(match.group(2))
    if match := _NUMERIC.fullmatch(text):
        first, second, year = int(match.group(1)), int(match.group(2)), _year(match.group(3))
        if first_is_day is None and first != second and first <= 12 and second <= 12:
            raise BadCell(
                "AMBIGUOUS_DATE",
                f"{text!r} may name the day or the month first, and no other date of the column tells.",
                "Write year-month-day: 2026-05-31.",
            )
        return (year, second, first) if (first_is_day or first > 12) else (year, first, second)
    return None


def read_date(text: str, first_is_day: bool | None = None) -> date:
    """A day: ISO, 2024/5/31, 2024年5月31日, 31 May 2024, 31.05.2024; a time after it is dropped."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    timed = _TIME.fullmatch(plain)
    parts = _parts((timed.group("day") if timed else plain).strip(), first_is_day)
    try:
        if parts is not None:
            return date(*parts)
    except ValueError:
        pass
    raise BadCell("BAD_DATE", f"{text!r} is not a date.", "Write year-month-day: 2026-05-31.")


def read_moment(text: str, first_is_day: bool | None = None) -> datetime:
    """A day with or without a time; without a zone the result has none, and the reader's clock decides."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    day = read_date(text, first_is_day)
    match = _TIME.fullmatch(plain)
    if match is None:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the caller knows the tenant's zone
    hour = int(match.group("hour"))
    if match.group("half"):
        hour = hour % 12 + (12 if match.group("half").startswith("p") else 0)
    zone = match.group("zone") or ""
    zone = "+00:00" if zone in ("z", "utc") else zone if ":" in zone or not zone else f"{zone[:3]}:{zone[3:]}"
    part = (match.group("part") or "").ljust(6, "0")
    clock = f"{hour:02}:{match.group('minute')}:{match.group('second') or '00'}.{part}"
    try:
        return datetime.fromisoformat(f"{day.isoformat()}T{clock}{zone}")
    except ValueError:
        raise BadCell("BAD_TIME", f"{text!r} is not a time.", "Write 2026-05-31 14:30.") from None


def read_texts(text: str) -> list[str]:
    """Several texts in one cell, separated by ; | 、 or a new line (by a comma when there is none of those)."""
    separators = r"[;；|、\n]" if re.search(r"[;；|、\n]", text) else r"[,，]"
    return list(dict.fromkeys(part for part in (piece.strip() for piece in re.split(separators, text)) if part))


def read_choice(text: str, field: str, choices: tuple[str, ...]) -> str:
    """A word of a closed list, as it is stored or as people say it in English or Chinese."""
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    if word.replace(" ", "_").replace("-", "_") in choices:
        return word.replace(" ", "_").replace("-", "_")
    found = CHOICE_WORDS.get(field, {}).get(word)
    if found in choices:
        return str(found)
    raise BadCell("NOT_A_CHOICE", f"{text!r} is not one of the choices.", f"Use one of: {', '.join(choices)}.")


def value_reader(target: ImportField, samples: Collection[str], assumed_day_first: bool | None = None) -> ReadCell:
    """The function that reads the cells of one column.

    Args:
        assumed_day_first: the order of dates when the column does not tell it; None: they are refused.
    """
    order = day_first(samples) if target.kind in (ValueKind.DATE, ValueKind.MOMENT) else None
    order = assumed_day_first if order is None else order
    name = target.name.rpartition(".")[2]
    readers: dict[ValueKind, Callable[[str], Any]] = {
        ValueKind.TEXT: str.strip,
        ValueKind.REFERENCE: str.strip,
        ValueKind.TEXTS: read_texts,
        ValueKind.WHOLE: read_whole,
        ValueKind.NUMBER: read_number,
        ValueKind.MONEY: read_amount,
        ValueKind.BOOLEAN: read_boolean,
        ValueKind.DATE: lambda text: read_date(text, order),
        ValueKind.MOMENT: lambda text: read_moment(text, order),
        ValueKind.CHOICE: lambda text: read_choice(text, name, target.choices),
    }
    return readers[target.kind]
