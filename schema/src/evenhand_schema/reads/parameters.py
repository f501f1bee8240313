"""The parameters of a statement: values never become part of its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from evenhand.auth.permissions import Operation, require
from evenhand.tenancy.context import Actor
from evenhand_schema.reads.arguments import Leaf, Values

_PLACE = re.compile(r"\$(\d+)")
Getter = Callable[[Actor, Values], Any]


def _unchanged(value: Any) -> Any:
    return value


class Parameters:
    """Collects where the values come from and hands out their places; `$1` is always the tenant."""

    def __init__(self) -> None:
        self._getters: list[Getter] = [lambda actor, values: actor.tenant_id]
        self._read: set[str] = set()

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

    def require_read(self, entity: str) -> None:
        """Refuse requests of those who may not read these records: the statement's answer depends on them."""
        self._read.add(entity)

    def only_used(self, sql: str) -> tuple[str, Parameters]:
        """A statement and its parameters without those that its text does not name, whose types nobody could tell.

        A list that nothing is asked of leaves the values of its filter behind.
        """
        used = sorted({1, *(int(number) for number in _PLACE.findall(sql))})
        if len(used) == self.count:
            return sql, self
        new = {old: index for index, old in enumerate(used, start=1)}
        kept = Parameters()
        kept._getters = [self._getters[old - 1] for old in used]
        return _PLACE.sub(lambda match: f"${new[int(match.group(1))]}", sql), kept

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
