"""Conditions of rules: CEL, checked when they are saved, evaluated within limits. No I/O here.

Empty values work as in SQL: what is compared with an empty value is neither true nor false, and a rule whose condition
comes down to that does not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.automation.shapes import Field, Kind, Shape, find, sample
from evenhand.automation.tokens import Token, deepest, literal, macros, operands, references, tokens_of
from evenhand.errors import EvenhandError, Problem

if TYPE_CHECKING:
    from cel.cel import Program

LONGEST = 2_000
"""Characters of a condition."""
DEEPEST = 20
"""So deep brackets may lie in each other."""
DEEPEST_LOOP = 2
"""So deep loops over lists may lie in each other."""
LONGEST_LIST = 100
"""So many entries of a list a condition sees."""
SLOWEST = 0.25
"""Seconds that one evaluation may take."""

LOOPS = frozenset({"exists", "exists_one", "all", "filter", "map"})
FUNCTIONS: Mapping[str, str] = {
    "size": "how many entries a list has: `size(tags) > 2`",
    "contains": '`record.name.contains("Ltd")`',
    "startsWith": '`record.phone.startsWith("+86")`',
    "endsWith": '`record.email.endsWith(".cn")`',
    "matches": 'a regular expression (RE2): `record.name.matches("^A.*Ltd$")`',
    "lower": 'a text in small letters: `lower(record.city) == "london"`',
    "daysSince": "whole days of the calendar from a time until today, in the tenant's time zone: "
    "`daysSince(record.createdAt) > 30`",
    "daysUntil": "whole days of the calendar from today until a time: `daysUntil(record.expectedClose) <= 7`",
    "timestamp": '`now > timestamp("2026-05-31T00:00:00Z")`',
    "duration": '`now - record.createdAt > duration("48h")`',
    "int": "a whole number of a text or number",
    "double": "a number: `double(record.employees) * 1.5`",
    "string": "a text of a value",
    "getFullYear": "the year of a time, in UTC",
    "getMonth": "its month, 0 to 11",
    "getDayOfMonth": "its day, 0 to 30",
    "getDate": "its day, 1 to 31",
    "getDayOfWeek": "its weekday, 0 is Sunday",
    "getDayOfYear": "its day of the year, 0 to 365",
    "getHours": "its hour",
    "getMinutes": "its minute",
    "getSeconds": "its second",
}
"""What conditions may call, with what it is for."""
_WORDS = frozenset({"true", "false", "null", "in", "has"})
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")


class ConditionFailed(EvenhandError):
    """A condition that could not be evaluated for one event."""

    code = "CONDITION_FAILED"


@dataclass(frozen=True)
class Verdict:
    """What came of a condition.

    Attributes:
        empty: the fields without a value because of which it is neither true nor false.
    """

    matched: bool
    empty: tuple[str, ...] = ()
    seconds: float = 0.0


@lru_cache(maxsize=1_000)
def _program(source: str) -> Program:
    import cel

    return cel.compile(source)


def _functions(now: datetime, zone: ZoneInfo) -> dict[str, Callable[..., Any]]:
    today = now.astimezone(zone).date()

    def day(moment: datetime) -> date:
        return moment.astimezone(zone).date()

    return {
        "daysSince": lambda moment: (today - day(moment)).days,
        "daysUntil": lambda moment: (day(moment) - today).days,
        "lower": lambda text: text.lower(),
    }


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a time zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def as_cel(value: Any, zone: ZoneInfo) -> Any:
    """A value as conditions see it: numbers as double or int, days as the moment they begin, ids as texts."""
    match value:
        case Decimal():
            return float(value)
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case datetime():
            return value
        case date():
            return first_moment(value, zone)
        case Mapping():
            return {str(key): as_cel(item, zone) for key, item in value.items()}
        case list() | tuple():
            return [as_cel(item, zone) for item in value[:LONGEST_LIST]]
    return value


def _run(source: str, values: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Any:
    import cel

    context = cel.Context(variables=dict(values), functions=_functions(now, zone))
    return _program(source).execute(context)


def evaluate(source: str | None, view: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Verdict:
    """Whether a condition holds for a view; one that is left out always does.

    Args:
        view: names to Python values, see `evenhand.automation.views`.

    Raises:
        ConditionFailed: it cannot be evaluated, e.g. divides by zero, or takes too long.
    """
    if source is None or not source.strip():
        return Verdict(True)
    values = as_cel(view, zone)
    started = perf_counter()
    try:
        result = _run(source, values, now, zone)
    except Exception as error:
        empty = _empty_names(source, view)
        if empty and isinstance(error, TypeError | RuntimeError | AttributeError | KeyError):
            return Verdict(False, empty, perf_counter() - started)
        raise ConditionFailed(
            f"The condition cannot be evaluated: {_said(error)}", hint="Change it so that this cannot happen."
        ) from error
    seconds = perf_counter() - started
    if seconds > SLOWEST:
        raise ConditionFailed(
            f"The condition took {seconds:.2f} seconds.", hint=f"Simplify it; at most {SLOWEST} seconds are allowed."
        )
    if not isinstance(result, bool):
        empty = _empty_names(source, view)
        if result is None and empty:
            return Verdict(False, empty, seconds)
        raise ConditionFailed(
            f"The condition is neither true nor false but {str(result)[:100]!r}.", hint="Compare it with something."
        )
    return Verdict(result, (), seconds)


def _empty_names(source: str, view: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for reference in references(tokens_of(source)):
        here: Any = view
        for place, name in enumerate(reference.path):
            if not isinstance(here, Mapping) or name not in here:
                break
            here = here[name]
            if here is None:
                found[".".join(reference.path[: place + 1])] = None
                break
    return tuple(found)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, TypeError):
        text = text.split("CEL does not")[0].strip()
        text = text.removeprefix("No such overload: ") or "the types do not fit"
    return text[:300]


def check(source: str | None, shape: Shape, zone: ZoneInfo) -> list[Problem]:
    """What is wrong with a condition over views of a shape; every problem says where.

    Each part is tried on values of the right types and for itself, so that a mistake shows also in a part that is
    seldom reached; the whole is tried on values of which all that may be empty are.
    """
    if source is None or not source.strip():
        return []
    if len(source) > LONGEST:
        return [_problem("TOO_LONG", f"it has {len(source)} characters", f"Use at most {LONGEST}.")]
    tokens = tokens_of(source)
    if deepest(tokens) > DEEPEST:
        return [_problem("TOO_DEEP", "its brackets are nested too deeply", f"Nest at most {DEEPEST}.")]
    syntax = _syntax(source)
    if syntax is not None:
        return [syntax]
    loops, bound = macros(tokens, LOOPS)
    if loops > DEEPEST_LOOP:
        return [_problem("TOO_DEEP", "its loops are nested too deeply", f"Nest at most {DEEPEST_LOOP}.")]
    problems = [*_unknown(source, tokens, shape, bound), *_choices(source, tokens, shape)]
    return problems or list(_types(source, tokens, shape, zone))


def _problem(code: str, message: str, hint: str, source: str = "", at: int | None = None) -> Problem:
    where = ""
    if at is not None:
        line, column = source.count("\n", 0, at) + 1, at - (source.rfind("\n", 0, at) + 1) + 1
        where = f" at line {line}, column {column}"
    return Problem("condition", code, f"condition{where}: {message}.", hint)


def _syntax(source: str) -> Problem | None:
    try:
        _program(source)
    except Exception as error:
        found = _PLACE.search(str(error))
        if found is None:
            return _problem("SYNTAX", "it cannot be read", "Write for example record.amount > 1000.0.")
        lines = source.split("\n")
        at = sum(len(one) + 1 for one in lines[: int(found[1]) - 1]) + int(found[2]) - 1
        text = found[3].split(" expecting ")[0].strip().replace("'<EOF>'", "the end")
        return _problem("SYNTAX", text or "it cannot be read", _SYNTAX_HINT, source, at)
    return None


_SYNTAX_HINT = 'Write for example record.amount > 1000.0 && stage.kind == "won"; texts stand in quotes.'


def _unknown(source: str, tokens: Sequence[Token], shape: Shape, bound: set[str]) -> Iterator[Problem]:
    for reference in references(tokens):
        path, first = reference.path, tokens[reference.index[0]]
        if path[0] in bound or path[0] in _WORDS:
            continue
        if reference.called and len(path) == 1:
            if path[0] not in FUNCTIONS:
                yield _no_function(source, path[0], first)
            continue
        own = path[:-1] if reference.called else path
        if reference.called and path[-1] not in FUNCTIONS.keys() | LOOPS:
            yield _no_function(source, path[-1], tokens[reference.index[-1]])
        found = find(shape, own)
        if found.target is None:
            name = ".".join(own[: found.depth + 1])
            near = get_close_matches(own[found.depth], found.beside, 3, 0.5) or sorted(found.beside)[:30]
            hint = f"Use one of: {', '.join(near)}."
            token = tokens[reference.index[found.depth]]
            yield _problem("UNKNOWN_FIELD", f"there is no {name}", hint, source, token.start)
        elif isinstance(found.target, Field) and found.depth < len(own):
            token = tokens[reference.index[found.depth]]
            message = f"{'.'.join(own[: found.depth])} is a {found.target.kind.value} and has no {own[found.depth]}"
            yield _problem("UNKNOWN_FIELD", message, "Remove what follows the dot.", source, token.start)


def _no_function(source: str, name: str, token: Token) -> Problem:
    near = get_close_matches(name, FUNCTIONS, 3, 0.5) or sorted(FUNCTIONS)
    return _problem(
        "UNKNOWN_FUNCTION", f"there is no function {name}", f"Use one of: {', '.join(near)}.", source, token.start
    )


def _choices(source: str, tokens: Sequence[Token], shape: Shape) -> Iterator[Problem]:
    """Texts that a field of a closed list can never be, e.g. `stage.kind == "Won"`."""
    for reference in references(tokens):
        found = find(shape, reference.path)
        if not isinstance(found.target, Field) or not found.target.choices or found.depth < len(reference.path):
            continue
        start, end = reference.index[0], reference.index[-1] + 1
        beside = [tokens[end + 1]] if end + 1 < len(tokens) and tokens[end].text in ("==", "!=") else []
        if start >= 2 and tokens[start - 1].text in ("==", "!="):
            beside.append(tokens[start - 2])
        if end + 1 < len(tokens) and tokens[end].text == "in" and tokens[end + 1].text == "[":
            closing = next((n for n in range(end + 1, len(tokens)) if tokens[n].text == "]"), len(tokens))
            beside += tokens[end + 2 : closing]
        for token in beside:
            value = literal(token)
            if value is not None and value not in found.target.choices:
                message = f"{'.'.join(reference.path)} is never {value[:100]!r}"
                hint = f"Use one of: {', '.join(found.target.choices)}."
                yield _problem("NOT_A_CHOICE", message, hint, source, token.start)


def _constants(source: str, tokens: Sequence[Token], zone: ZoneInfo) -> Iterator[Problem]:
    """Times and durations that are written down and are none."""
    for place, token in enumerate(tokens[:-3]):
        inner = tokens[place + 1 : place + 4]
        if token.text in ("timestamp", "duration") and inner[1].kind == "string" and inner[2].text == ")":
            text = source[token.start : inner[2].end]
            try:
                _run(text, {}, _NOW, zone)
            except Exception as error:
                hint = 'Write timestamp("2026-05-31T14:30:00+08:00") or duration("36h").'
                yield _problem("WRONG_VALUE", f"{text[:100]}: {_said(error)}", hint, source, token.start)


_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _types(source: str, tokens: Sequence[Token], shape: Shape, zone: ZoneInfo) -> Iterator[Problem]:
    values = sample(shape)
    yield from _constants(source, tokens, zone)
    for part, logical in operands(tokens):
        start, text = part[0].start, source[part[0].start : part[-1].end]
        try:
            result = _run(text, values, _NOW, zone)
        except (KeyError, ZeroDivisionError, OverflowError):
            continue
        except (TypeError, AttributeError) as error:
            yield _problem("WRONG_TYPE", f"in {text[:100]}: {_said(error)}", _TYPE_HINT, source, start)
            return
        except Exception as error:
            # What depends on the value of a field, e.g. int(record.name), is seen when it runs.
            if any(isinstance(find(shape, one.path).target, Field) for one in references(part)):
                if "Undefined variable or function" in str(error):
                    yield _problem("WRONG_TYPE", f"in {text[:100]}: the types do not fit", _TYPE_HINT, source, start)
                    return
                continue
            yield _problem("WRONG_VALUE", f"in {text[:100]}: {_said(error)}", "Mend the value.", source, start)
            return
        if logical and not isinstance(result, bool):
            message = f"{text[:100]} is neither true nor false"
            yield _problem("NOT_BOOLEAN", message, "Compare it with something.", source, start)
            return
    try:
        whole: Any = _run(source, values, _NOW, zone)
    except Exception:
        return
    if not isinstance(whole, bool):
        yield _problem("NOT_BOOLEAN", "it is neither true nor false", "Compare it with something.", source, 0)


_TYPE_HINT = (
    "Compare like with like: texts with texts in quotes, times with times. Any number compares with any other; to "
    "reckon with both, write 2.0 instead of 2 beside amounts."
)

__all__ = [
    "FUNCTIONS",
    "LOOPS",
    "ConditionFailed",
    "Kind",
    "Verdict",
    "as_cel",
    "check",
    "evaluate",
    "first_moment",
]
