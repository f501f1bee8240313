"""What makes a text findable, and what a search asks for: pure functions over texts.

A stored text and a search go through the same `normalise`, character by character, so that any part of the one
is a part of the other. Each position of a stored text gives a *gram*, the three characters from there on (fewer at
the end of a word). A search of three characters or more asks for the records that have all of its grams, a
shorter one for those with a gram that begins with it; the database then looks at the few texts that are left.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import phonenumbers
from opencc import OpenCC

from evenhand.errors import EvenhandError
from evenhand.search.readings import is_han, readings

GRAM = 3
LONGEST_SEARCH = 200
"""Characters of one search."""
MOST_WORDS = 12
LONGEST_TEXT = 1_000
"""So many characters of each text can be found."""
MOST_TEXTS = 100
"""So many texts of one record can be found (further names, channels)."""
_MOST_GRAMS_ASKED = 24
_PHONE = re.compile(r"[+()\d\s./\-–—]+")
_MARKS = range(0x0300, 0x0370)
_HANGUL = range(0xAC00, 0xD7A4)


class SearchTooLong(EvenhandError):
    """A search of more characters or words than anybody types."""

    code = "SEARCH_TOO_LONG"


class _Characters(dict[int, str]):
    """Each character as it is compared; filled as characters come."""

    def __init__(self) -> None:
        super().__init__()
        self._simplified = OpenCC("t2s")

    def __missing__(self, code: int) -> str:
        if code in _HANGUL:
            found = chr(code)
        else:
            folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
            found = "".join(one for one in folded if ord(one) not in _MARKS)
            if any(map(is_han, found)):
                found = self._simplified.convert(found)
        self[code] = found
        return found


@lru_cache(maxsize=1)
def _characters() -> _Characters:
    return _Characters()


def normalise(text: str) -> str:
    """The text as it is compared: without case, width, accents and variants of Chinese; one space between words."""
    return " ".join(text.translate(_characters()).split())


def _letters(text: str, instead: str) -> str:
    """Only letters, digits and their marks; something else instead of everything else."""
    return "".join(one if one.isalnum() or unicodedata.category(one)[0] == "M" else instead for one in text)


def lines(text: str) -> list[str]:
    """The forms in which one text is looked for: as it is, word by word, without gaps, in pinyin and its initials."""
    plain = normalise(text[:LONGEST_TEXT])
    if not plain:
        return []
    found = [plain, " ".join(_letters(plain, " ").split()), _letters(plain, "")]
    for reading in readings(plain):
        pairs = list(zip(plain, reading, strict=True))
        found.append(_letters("".join(part for _, part in pairs), ""))
        found.append(_letters("".join(part[:1] for _, part in pairs), ""))
        found.append("".join(part[:1] for char, part in pairs if is_han(char)))
    return [line for line in dict.fromkeys(found) if line]


def grams(line: str) -> set[str]:
    """The grams of all words of a line."""
    return {word[at : at + GRAM] for word in line.split() for at in range(len(word))}


@dataclass(frozen=True)
class Findable:
    """One record as the database keeps it for searching.

    Attributes:
        names, texts: the lines of what it is called, and of all else, each between line breaks.
        lexemes: the grams, each behind the scope of its tenant and entity.
    """

    names: str
    texts: str
    lexemes: frozenset[str]


@lru_cache(maxsize=4_096)
def scope(tenant: UUID, entity: str) -> str:
    """What grams of one tenant's entity begin with, so that the index leads to these records only."""
    digest = hashlib.blake2b(f"{tenant} {entity}".encode(), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode()


def findable(tenant: UUID, entity: str, names: Iterable[str], texts: Iterable[str]) -> Findable:
    """Take the texts of a record apart."""
    called = dict.fromkeys(line for text in list(names)[:MOST_TEXTS] for line in lines(text))
    others = dict.fromkeys(line for text in list(texts)[:MOST_TEXTS] for line in lines(text) if line not in called)
    start = scope(tenant, entity)
    lexemes = frozenset(start + gram for line in (*called, *others) for gram in grams(line))
    return Findable(_joined(called), _joined(others), lexemes)


def _joined(parts: Iterable[str]) -> str:
    text = "\n".join(parts)
    return f"\n{text}\n" if text else ""


@dataclass(frozen=True)
class Wanted:
    """What a search asks for: all words, or, when it looks like a phone number, that number.

    Attributes:
        phrase: the whole search, normalised; empty when it asks for nothing.
        number: the digits of a phone number, without the country code when it was given.
    """

    phrase: str
    words: tuple[str, ...]
    number: str | None

    def arguments(self, tenant: UUID, entities: Sequence[str]) -> tuple[list[str], str, str, list[str], str | None]:
        """What the database's `evenhand_search` takes, in order."""
        return list(entities), self.query(tenant, entities), self.phrase, list(self.words), self.number

    def query(self, tenant: UUID, entities: Sequence[str]) -> str:
        """The same as PostgreSQL's `tsquery` over the grams of these entities."""
        alternatives: list[str] = []
        for entity in entities:
            start = scope(tenant, entity)
            alternatives.append(" & ".join(_asked(start, word) for word in self.words))
            if self.number is not None:
                alternatives.append(_asked(start, self.number))
        return " | ".join(f"({one})" for one in dict.fromkeys(alternatives))


def wanted(text: str) -> Wanted:
    """Read what somebody typed.

    Raises:
        SearchTooLong: more than 200 characters or 12 words.
    """
    if len(text) > LONGEST_SEARCH:
        raise SearchTooLong(
            f"The search has {len(text)} characters, at most {LONGEST_SEARCH} are taken.",
            hint="Search for a name, an e-mail address or a phone number.",
        )
    phrase = normalise(text)
    words = tuple(dict.fromkeys(phrase.split()))
    telling = tuple(word for word in words if _letters(word, ""))
    if len(words) > MOST_WORDS:
        raise SearchTooLong(
            f"The search has {len(words)} words, at most {MOST_WORDS} are taken.",
            hint="All words must match; leave some out.",
        )
    return Wanted(phrase, telling or words, _number(phrase))


def _number(phrase: str) -> str | None:
    digits = "".join(one for one in phrase if one.isdecimal())
    if len(digits) < GRAM or not _PHONE.fullmatch(phrase):
        return None
    international = f"+{digits}" if phrase.startswith("+") else f"+{digits[2:]}" if digits.startswith("00") else None
    if international is not None:
        try:
            return phonenumbers.national_significant_number(phonenumbers.parse(international, None))
        except phonenumbers.NumberParseException:
            return digits
    # The zero before an area code is left out behind a country code; shorter numbers are parts of something.
    return digits.lstrip("0") if len(digits.lstrip("0")) >= 7 else digits


def _asked(start: str, word: str) -> str:
    """The grams of a word, all of which a record must have; of a short word, any gram that begins with it."""
    if len(word) < GRAM:
        return f"{_quoted(start + word)}:*"
    parts = list(dict.fromkeys(word[at : at + GRAM] for at in range(len(word) - GRAM + 1)))
    step = -(-len(parts) // _MOST_GRAMS_ASKED)
    return " & ".join(_quoted(start + part) for part in parts[::step])


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
