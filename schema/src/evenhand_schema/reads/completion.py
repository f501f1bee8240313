"""Fill in what Python makes: plugins' fields and their like, in batches, through the ordinary executor.

The executor runs just these fields, for all objects that have them at once; so arguments, nulls, errors and
paths are as they are without a plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import GraphQLError
from graphql.execution.executor import Executor
from graphql.pyutils import Path

from evenhand_schema.declare import Row
from evenhand_schema.reads.plans import LIST, Addition, Step
from evenhand_schema.reads.rendering import from_json

Found = tuple[dict[str, Any], Path | None]


async def complete(executor: Executor[Any], data: dict[str, Any], additions: Sequence[Addition]) -> list[GraphQLError]:
    """Put the values of the additions into the answer.

    Returns: the errors of those that failed and may be null.

    Raises:
        GraphQLError: one failed that may not be null.
    """
    works = []
    for addition in additions:
        for target, path in list(_objects(data, addition.path, None)):
            source = _source(addition, target)
            if source is not _OTHER:
                works.append(_put(executor, addition, target, path, source))
    await asyncio.gather(*works)
    return list(executor.collected_errors.errors)


def _objects(value: Any, path: Sequence[Step], place: Path | None) -> Iterator[Found]:
    """The objects at a path, with their places."""
    if value is None:
        return
    if not path:
        yield value, place
        return
    step, *rest = path
    if step is LIST:
        for index, item in enumerate(value):
            yield from _objects(item, rest, Path(place, index, None))
    elif step in value:
        yield from _objects(value[step], rest, Path(place, step, None))


_OTHER = object()


def _source(addition: Addition, target: dict[str, Any]) -> Any:
    """The record as Python gets it; `_OTHER` when the object is of another type than the addition's."""
    if not addition.needs:
        return None
    if addition.needs[0][0] not in target:
        return _OTHER
    values = {name: from_json(kind, target.pop(shown)) for shown, name, kind in addition.needs}
    return Row(addition.type_name, values)


async def _put(
    executor: Executor[Any], addition: Addition, target: dict[str, Any], path: Path | None, source: Any
) -> None:
    place = Path(path, addition.key, addition.parent.name)
    value = executor.execute_field(addition.parent, source, list(addition.details), place, None)
    target[addition.key] = await value if executor.is_awaitable(value) else value
