"""Show a value in part, so that people recognise it and nobody can use it. Pure.

The database masks what queries answer, by its function `evenhand_mask`; the same rules stand here for what Python
shows. Both give the same text for every value.
"""

from __future__ import annotations

import re

_PHONE = re.compile(r"[+]?[0-9 ()./-]{7,}")
_NOT_DIGIT = re.compile(r"[^0-9]")
_FEWEST_DIGITS = 7
_LONG_NUMBER = 11
_SHORT_TEXT = 3


def mask(value: str) -> str:
    """A value shown in part: 138****5678, l***@example.com, z***8. How much is left out cannot be seen.

    What has an @ is an address, what has seven digits and no letters a number; of other texts the first and the last
    character stay, of short ones nothing.
    """
    text = value.strip(" ")
    if "@" in text:
        return f"{text[0] if text[0] != '@' else ''}***{text[text.rindex('@') :]}"
    digits = _NOT_DIGIT.sub("", text)
    if _PHONE.fullmatch(text) and len(digits) >= _FEWEST_DIGITS:
        head, tail = (3, 4) if len(digits) >= _LONG_NUMBER else (2, 2)
        return f"{'+' if text[0] == '+' else ''}{digits[:head]}****{digits[-tail:]}"
    return "***" if len(text) <= _SHORT_TEXT else f"{text[0]}***{text[-1]}"
