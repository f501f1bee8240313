"""The parameters of a statement: values never become part of its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from evenhand.auth.permissions import Operation, require
from evenhand.ownership.visibility.predicates import Predicates
from evenhand.ownership.visibility.rules import Sight
from evenhand.tenancy.context import Actor
from evenhand_schema.reads.arguments import Leaf, Values

_PLACE = re.compile(r"\$(\d+)")
_WITH = "WITH "
_SEEN = re.compile(r"\[\[(where )?seen (\w+) (\w+)\]\]")
Getter = Callable[[Actor, Values], Any]


def _unchanged(value: Any) -> Any:
    return value


def seen(kind: str, row: str) -> str:
    """In SQL that is written by hand: the condition that the caller sees a row, put in by `Parameters.sighted`.

    Args:
        kind: of the records, e.g. "Opportunity".
        row: their alias.
    """
    return f"[[seen {kind} {row}]]"


def where_seen(kind: str, row: str) -> str:
    """The same as a whole WHERE, and nothing where everything is seen: the database takes another way without it."""
    return f"[[where seen {kind} {row}]]"


class Parameters:
    """Collects where the values come from and hands out their places; `$1` is always the tenant.

    Attributes:
        predicates: the conditions of what the caller sees.
    """

    def __init__(self, sight: Sight) -> None:
        self._getters: list[Getter] = [lambda actor, values: actor.tenant_id]
        self._read: set[str] = set()
        self._user: str | None = None
        self.predicates = Predicates(sight, self.user)

    def add(self, value: Any, convert: Callable[[Any], Any] = _unchanged) -> str:
        """The place of a value: "$2", "$3", …

        Args:
            value: a `Leaf`, whose value each request has its own of, or a constant.
            convert: makes of it what the driver takes; what it raises refuses the request.
        """
        if isinstance(value, Leaf):
            get = value.get
            return self.place(lambda actor, values: convert(get(values)))
        converted = convert(value)
        return self.place(lambda actor, values: converted)

    def place(self, getter: Getter) -> str:
        """The place of what `getter` finds for the actor and the variables of a request."""
        self._getters.append(getter)
        return f"${len(self._getters)}"

    def user(self) -> str:
        """The place of the caller's own id."""
        if self._user is None:
            self._user = self.place(lambda actor, values: actor.user_id)
        return self._user

    def sighted(self, sql: str) -> tuple[str, str]:
        """A statement with the conditions in it that `seen` stands for, and what is to stand before it."""

        def condition(found: re.Match[str]) -> str:
            where, kind, row = found.groups()
            condition = self.predicates.condition(kind, row)
            if where:
                return f" WHERE {row}.tenant_id = $1 AND {condition}" if condition is not None else ""
            return condition or "TRUE"

        whole = _SEEN.sub(condition, sql)
        return self.predicates.prelude(whole), whole

    def finished(self, sql: str) -> str:
        """A whole statement as the database takes it."""
        before, whole = self.sighted(sql)
        if before and whole.startswith(_WITH):
            return f"{before.rstrip()}, {whole.removeprefix(_WITH)}"
        return before + whole

    def require_read(self, entity: str) -> None:
        """Refuse requests of those who may not read these records: the statement's answer depends on them."""
        self._read.add(entity)

    def only_used(self, before: str, sql: str) -> tuple[str, str, Parameters]:
        """The two parts of a statement and its parameters, without those that its text does not name, whose types
        nobody could tell.

        A list that nothing is asked of leaves the values of its filter behind.
        """
        used = sorted({1, *(int(number) for part in (before, sql) for number in _PLACE.findall(part))})
        if len(used) == self.count:
            return before, sql, self
        new = {old: index for index, old in enumerate(used, start=1)}
        kept = Parameters(self.predicates.sight)
        kept._getters = [self._getters[old - 1] for old in used]

        def renumbered(part: str) -> str:
            return _PLACE.sub(lambda match: f"${new[int(match.group(1))]}", part)

        return renumbered(before), renumbered(sql), kept

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._getters)

    def values(self, actor: Actor, values: Values) -> list[Any]:
        """The parameters of one request.

        Raises:
            PermissionDenied: the actor may not read what the statement looks into.
        """
        for entity in sorted(self._read):
            require(actor, Operation.READ, entity)
        return [getter(actor, values) for getter in self._getters]
