"""Conditions cut into words with their places, as far as checking needs it. The library does the parsing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>[rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?u?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Token:
    """A word of a condition; `start` and `end` are places in its text."""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(source: str) -> list[Token]:
    """The words of a condition without spaces and comments."""
    found = [
        Token(str(match.lastgroup), match.group(), match.start(), match.end()) for match in _TOKEN.finditer(source)
    ]
    return [token for token in found if token.kind != "space"]


def literal(token: Token) -> str | None:
    """The value of a plain text such as "won"; None for other words, and for texts with escapes."""
    text = token.text
    if token.kind != "string" or "\\" in text or text[0] not in "\"'" or text[:3] in ('"""', "'''"):
        return None
    return text[1:-1]


@dataclass(frozen=True)
class Reference:
    """A name that something is read from, with the names after its dots.

    Attributes:
        called: whether the last name is a method that is called.
        index: of the token of each name.
    """

    path: tuple[str, ...]
    index: tuple[int, ...]
    called: bool


def references(tokens: Sequence[Token]) -> Iterator[Reference]:
    """Every name that does not follow a dot, with what follows it."""
    for place, token in enumerate(tokens):
        if token.kind != "name" or (place and tokens[place - 1].text == "."):
            continue
        path, index, at = [token.text], [place], place + 1
        while True:
            following = [one.text for one in tokens[at : at + 3]]
            if following[:1] == ["."] and at + 1 < len(tokens) and tokens[at + 1].kind == "name":
                path.append(tokens[at + 1].text)
                index.append(at + 1)
                at += 2
            elif len(following) == 3 and following[0] == "[" and following[2] == "]":
                name = literal(tokens[at + 1])
                if name is None:
                    break
                path.append(name)
                index.append(at + 1)
                at += 3
            else:
                break
        yield Reference(tuple(path), tuple(index), at < len(tokens) and tokens[at].text == "(")


def operands(tokens: Sequence[Token]) -> Iterator[tuple[Sequence[Token], bool]]:
    """The parts that `&&`, `||`, `!`, `? :` and brackets join; and whether each must be true or false.

    Each is evaluated for itself, so that no part is left unchecked because another one decides.
    """
    yield from _split(list(tokens), logical=False)


def _split(tokens: list[Token], *, logical: bool) -> Iterator[tuple[Sequence[Token], bool]]:
    if not tokens:
        return
    for signs in (("?", ":"), ("||",), ("&&",)):
        parts = _at_top(tokens, signs)
        if len(parts) > 1:
            for number, part in enumerate(parts):
                ternary = signs[0] == "?"
                yield from _split(part, logical=number == 0 if ternary else True)
            return
    if tokens[0].text == "!":
        yield from _split(tokens[1:], logical=True)
    elif tokens[0].text == "(" and _closing(tokens, 0) == len(tokens) - 1:
        yield from _split(tokens[1:-1], logical=logical)
    else:
        yield tokens, logical


def _at_top(tokens: list[Token], signs: tuple[str, ...]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if depth == 0 and token.kind == "sign" and token.text in signs:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _closing(tokens: Sequence[Token], at: int) -> int | None:
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place].text in OPENING) - (tokens[place].text in CLOSING)
        if depth == 0:
            return place
    return None


def deepest(tokens: Sequence[Token]) -> int:
    """How deep brackets lie in each other."""
    depth = most = 0
    for token in tokens:
        depth += (token.text in OPENING) - (token.text in CLOSING)
        most = max(most, depth)
    return most


def macros(tokens: Sequence[Token], names: frozenset[str]) -> tuple[int, set[str]]:
    """How deep loops such as `tags.exists(tag, …)` lie in each other, and the names that they bind."""
    bound: set[str] = set()
    open_loops: list[int] = []
    deepest_loop = 0
    for place, token in enumerate(tokens):
        open_loops = [end for end in open_loops if end > place]
        called = place + 2 < len(tokens) and tokens[place + 1].text == "("
        if token.text in names and place and tokens[place - 1].text == "." and called:
            if tokens[place + 2].kind == "name":
                bound.add(tokens[place + 2].text)
            open_loops.append(_closing(tokens, place + 1) or len(tokens))
            deepest_loop = max(deepest_loop, len(open_loops))
    return deepest_loop, bound
