"""Which field a header means: normalising, synonyms, near misses. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache

from rapidfuzz import fuzz, process

from evenhand.api import ImportField, Recognition
from evenhand_importers.profiles import PROFILES, Profile
from evenhand_importers.words import HEADER_WORDS, MISSING

NEAR = 80
"""From this likeness (0 to 100) on, a field is suggested."""

_UNITS: Mapping[str, Decimal] = {
    "thousand": Decimal(1000),
    "thousands": Decimal(1000),
    "k": Decimal(1000),
    "million": Decimal(1_000_000),
    "millions": Decimal(1_000_000),
    "mn": Decimal(1_000_000),
    "m": Decimal(1_000_000),
    "千": Decimal(1000),
    "千元": Decimal(1000),
    "万": Decimal(10_000),
    "万元": Decimal(10_000),
    "百万": Decimal(1_000_000),
    "百万元": Decimal(1_000_000),
    "亿": Decimal(100_000_000),
    "亿元": Decimal(100_000_000),
}
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]")


def normalise(header: str) -> str:
    """A header as it is compared: width, case, camelCase, punctuation, stars, brackets and entity prefix do not count.

    Examples: "AnnualRevenue", "annual_revenue", "Organization - Annual revenue*" and "Annual Revenue (USD)" are equal.
    """
    text = unicodedata.normalize("NFKC", header)
    text = _BRACKETS.sub(" ", text)
    text = re.sub(
        r"^(person|organization|organisation|deal|lead|contact|company|account|product) - ", "", text, flags=re.I
    )
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(re.sub(r"[^\w/]+|_", " ", text).casefold().split())


def unit_factor(header: str) -> Decimal | None:
    """The unit that a header states in brackets: "Revenue (in millions of USD)" 1000000, "营业额（万元）" 10000."""
    for content in _BRACKETS.findall(unicodedata.normalize("NFKC", header)):
        for word in re.findall(r"[^\W\d_]+", content.casefold()):
            if word in _UNITS:
                return _UNITS[word]
    return None


@cache
def _vocabulary(entity: str) -> Mapping[str, str]:
    """Normalised header to field; the first field that claims a word has it."""
    words: dict[str, str] = {}
    for field, headers in HEADER_WORDS.get(entity, {}).items():
        for header in headers.split("|"):
            words.setdefault(normalise(header), field)
    name = normalise(entity)
    generic = {f"{name} name": "name", name: "name"} | dict.fromkeys((f"{name} id", f"{name}id", "id"), "external_id")
    for header, field in generic.items():
        words.setdefault(header, field)
    return words


def _profile_of(entity: str, headers: Sequence[str]) -> Profile | None:
    there = {header.strip() for header in headers}
    fitting = (profile for profile in PROFILES if profile.entity == entity and profile.headers <= there)
    return next(fitting, None)


def _meaning(header: str, words: Mapping[str, str], names: Mapping[str, str]) -> str | None:
    key = normalise(header)
    field = names.get(key) or words.get(key)
    if field is None:
        return None
    factor = unit_factor(header)
    return f"{field}*{factor:f}" if factor is not None and "," not in field else field


def suggest(header: str, words: Mapping[str, str], taken: frozenset[str]) -> list[str]:
    """Up to three fields whose usual headers look like this one, best first."""
    found: list[str] = []
    for word, _, _ in process.extract(normalise(header), list(words), scorer=fuzz.ratio, score_cutoff=NEAR, limit=8):
        field = words[word]
        if field not in found and field not in taken:
            found.append(field)
    return found[:3]


def recognise(entity: str, fields: Sequence[ImportField], headers: Sequence[str]) -> Recognition:
    """Which column means which field. A known kind of file is taken by its profile, all else by synonyms.

    When two columns mean one field, the first has it and the second stays unmapped.
    """
    profile = _profile_of(entity, headers)
    usable = {field.name for field in fields}
    names = {normalise(field.name): field.name for field in fields}
    words = {
        word: field for word, field in _vocabulary(entity).items() if all(part in usable for part in field.split(","))
    }
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for header in headers:
        meaning = profile.columns.get(header.strip()) if profile else _meaning(header, words, names)
        if not meaning:
            continue
        parts = {part.partition("*")[0].strip() for part in meaning.split(",")}
        if parts & taken or header.startswith("_"):
            continue
        columns[header] = meaning
        taken |= parts
    known = {**words, **names}
    suggestions = {
        header: near
        for header in headers
        if header not in columns and not header.startswith("_") and (near := suggest(header, known, frozenset(taken)))
    }
    return Recognition(
        columns=columns,
        suggestions={} if profile else suggestions,
        missing=MISSING | (profile.missing if profile else frozenset()),
        defaults=dict(profile.defaults) if profile else {},
        source=profile.source if profile else None,
        profile=profile.name if profile else None,
    )
