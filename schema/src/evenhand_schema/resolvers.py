"""The resolvers of declared relations: thin, each hands its parent to a loader."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from graphql import GraphQLObjectType
from strawberry import Info

from evenhand_schema.context import place, request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.reads.arguments import Given, Variables, bind_arguments
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.reads.loaders import (
    Count,
    load_counts,
    load_lists,
    load_parts,
    load_records,
    load_rows,
)
from evenhand_schema.reads.windows import DEFAULT_SIZE, LARGEST_SIZE

if TYPE_CHECKING:
    from evenhand_schema.connections import Page
    from evenhand_schema.declare import Embedded, First, Many, One, Part, Rows

_SIZES = f"1 to {LARGEST_SIZE}"
FIRST = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many records at most from the beginning, {_SIZES}; {DEFAULT_SIZE} without `first` and `last`."
    ),
]
LAST = Annotated[int | None, strawberry.argument(description=f"How many records at most from the end, {_SIZES}.")]
AFTER = Annotated[str | None, strawberry.argument(description="The cursor after which the page starts.")]
BEFORE = Annotated[str | None, strawberry.argument(description="The cursor before which the page ends.")]
PAGING: dict[str, tuple[Any, Any]] = {
    "first": (FIRST, None),
    "after": (AFTER, None),
    "last": (LAST, None),
    "before": (BEFORE, None),
}
"""The arguments of every list."""


def arguments_of(info: Info) -> dict[str, Given]:
    """The arguments of the field that is resolved; worked out once for each place of the query."""
    raw = info._raw_info
    node = raw.field_nodes[0]

    def bind() -> dict[str, Given]:
        kind = raw.parent_type
        if not isinstance(kind, GraphQLObjectType):
            raise TypeError(f"{kind} is no object type")
        return bind_arguments(kind.fields[raw.field_name], node, Variables(info.variable_values))

    return request_of(info).remember(("arguments", id(node), raw.parent_type.name), bind)


async def record(info: Info, type_name: str, record_id: Any) -> Any:
    """The record of a type by its id, or None; calls from the same place in the query share one statement.

    Raises:
        InvalidId: a text that is no id. PermissionDenied: the caller may not read such records.
    """
    if record_id is None:
        return None
    loader = request_of(info).loader(("one", place(info), type_name), load_records(type_name))
    return await loader.load(to_uuid(record_id))


def one_resolver(member: One) -> Callable[..., Any]:
    """Resolve a reference."""

    async def resolve(root: Any, info: Info) -> Any:
        return await record(info, member.target, getattr(root, member.column))

    return resolve


def many_resolver(member: Many) -> Callable[..., Any]:
    """Resolve a list of records that name the parent."""

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        context = request_of(info)
        given, values = arguments_of(info), info.variable_values
        key = (place(info), info._raw_info.parent_type.name)

        def count(parent: UUID) -> Count:
            async def counted(info: Info) -> int:
                found: int = await context.loader(("count", key), load_counts(member, given, values)).load(parent)
                return found

            return counted

        context.budget.spend(LIST_COST)
        page: Page = await context.loader(("many", key), load_lists(member, given, values, count)).load(root.id)
        context.spend(info, len(page.edges))
        return page

    flags = {
        name: (Annotated[flag.annotation, strawberry.argument(description=flag.description)], None)
        for name, flag in member.flags.items()
    }
    with_arguments(resolve, {**PAGING, **flags}, root=True)
    return resolve


def rows_resolver(member: Rows) -> Callable[..., Any]:
    """Resolve a short list of rows that name the parent."""

    async def resolve(root: Any, info: Info) -> Any:
        context = request_of(info)
        context.budget.spend(LIST_COST)
        key = ("rows", place(info), info._raw_info.parent_type.name)
        found = await context.loader(key, load_rows(member)).load(root.id)
        context.spend(info, len(found))
        return found

    return resolve


def first_resolver(member: First) -> Callable[..., Any]:
    """Resolve the first of the rows that name the parent."""

    async def resolve(root: Any, info: Info) -> Any:
        context = request_of(info)
        key = ("first", place(info), info._raw_info.parent_type.name)
        found = await context.loader(key, load_rows(member)).load(root.id)
        context.spend(info, len(found))
        return found[0] if found else None

    return resolve


def part_resolver(member: Part) -> Callable[..., Any]:
    """Resolve a part of the record itself."""

    async def resolve(root: Any, info: Info) -> Any:
        owner = info._raw_info.parent_type.name
        return await request_of(info).loader(("part", place(info), owner), load_parts(owner, member)).load(root.id)

    return resolve


def embedded_resolver(member: Embedded, names: list[str]) -> Callable[..., Any]:
    """Resolve a part from the columns of the row itself; those that were not asked for are missing."""

    def resolve(root: Any) -> Any:
        from evenhand_schema.declare import Row

        return Row(member.target, {name: getattr(root, member.prefix + name, None) for name in names})

    return resolve


def with_arguments(
    function: Callable[..., Any],
    arguments: dict[str, tuple[Any, Any]],
    *,
    returns: Any = inspect.Signature.empty,
    root: bool = False,
) -> None:
    """Say which arguments a resolver takes that is made for several fields.

    Args:
        arguments: name to (annotation, default); `inspect.Parameter.empty` for none.
        returns: what it returns, unless the field's class says so.
        root: whether it takes the parent.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)]
    if root:
        parameters.insert(0, inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any))
    parameters += [
        inspect.Parameter(name, keyword, annotation=annotation, default=default)
        for name, (annotation, default) in arguments.items()
    ]
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
