"""How Chinese is read aloud: the pinyin of a text, also where a surname or a place is read differently."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pypinyin import lazy_pinyin

SURNAMES = {
    "单": ("shan",),
    "解": ("xie",),
    "仇": ("qiu",),
    "曾": ("zeng",),
    "查": ("zha",),
    "朴": ("piao",),
    "翟": ("zhai",),
    "区": ("ou",),
    "盖": ("ge",),
    "缪": ("miao",),
    "么": ("yao",),
    "员": ("yun",),
    "乐": ("yue",),
    "召": ("shao",),
    "种": ("chong",),
    "黑": ("he",),
    "秘": ("bi",),
    "折": ("she",),
    "洗": ("xian",),
    "隗": ("wei",),
    "郇": ("xun",),
    "郗": ("chi",),
    "牟": ("mu",),
    "祭": ("zhai",),
    "佴": ("nai",),
    "句": ("gou",),
    "覃": ("qin",),
    "谌": ("shen",),
    "都": ("du",),
    "繁": ("po",),
    "阚": ("kan",),
}
"""Surnames that have a reading of their own, by which people look for a person."""

PLACES = {
    "单县": ("shan", "xian"),
    "洪洞": ("hong", "tong"),
    "涡阳": ("guo", "yang"),
    "朝阳": ("chao", "yang"),
    "浚县": ("xun", "xian"),
    "长治": ("chang", "zhi"),
    "珲春": ("hun", "chun"),
    "会稽": ("kuai", "ji"),
    "大城": ("dai", "cheng"),
    "天姥": ("tian", "mu"),
    "婼羌": ("ruo", "qiang"),
}
"""Places whose reading the general dictionary lacks or has otherwise; both readings are found."""

_LONGEST_PLACE = max(map(len, PLACES))


def is_han(character: str) -> bool:
    """Whether this is a Chinese character (also one of the rare ones beyond the basic plane)."""
    code = ord(character)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x323AF or code == 0x3007


@lru_cache(maxsize=16_384)
def _syllables(text: str) -> tuple[str, ...]:
    """One element per character: the syllable of a Chinese one, others as they are."""
    # pypinyin takes a list too, one element per character, which its annotation does not say.
    each: Any = list
    return tuple(lazy_pinyin(text, errors=each))


def _with_places(text: str, syllables: tuple[str, ...]) -> tuple[str, ...]:
    found = list(syllables)
    for start in range(len(text)):
        for length in range(2, _LONGEST_PLACE + 1):
            reading = PLACES.get(text[start : start + length])
            if reading is not None:
                found[start : start + length] = reading
    return tuple(found)


def _with_surname(text: str, syllables: tuple[str, ...]) -> tuple[str, ...]:
    for length in (2, 1):
        reading = SURNAMES.get(text[:length])
        if reading is not None:
            return (*reading, *syllables[len(reading) :])
    return syllables


def readings(text: str) -> Iterator[tuple[str, ...]]:
    """The ways in which a text in simplified characters may be read, each once: a syllable per Chinese character.

    Other characters stay as they are. "ü" is written v, u and yu, as people type it.
    """
    if not any(map(is_han, text)):
        return
    plain = _syllables(text)
    if len(plain) != len(text):
        # A character that the dictionary knows by several letters or none would shift all that follow.
        plain = tuple(syllable for character in text for syllable in (_syllables(character) or (character,))[:1])
    placed = _with_places(text, plain)
    seen: dict[tuple[str, ...], None] = {}
    for reading in (plain, placed, _with_surname(text, plain), _with_surname(text, placed)):
        seen[reading] = None
        if any(is_han(character) and "v" in part for character, part in zip(text, reading, strict=True)):
            for written in ("u", "yu"):
                pairs = zip(text, reading, strict=True)
                seen[tuple(part.replace("v", written) if is_han(char) else part for char, part in pairs)] = None
    yield from seen
