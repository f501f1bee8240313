"""The resolvers of declared relations: thin, each hands its parent to a loader."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info

from evenhand_schema.connections import DEFAULT_SIZE, LARGEST_SIZE, Page, check_size
from evenhand_schema.context import place, request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.reads.loaders import load_lists, load_records

if TYPE_CHECKING:
    from evenhand_schema.declare import Many, One

FIRST = Annotated[int, strawberry.argument(description=f"How many records at most, 1 to {LARGEST_SIZE}.")]
AFTER = Annotated[str | None, strawberry.argument(description="The cursor after which the page starts.")]


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

    async def resolve(root: Any, info: Info, first: int, after: str | None, **flags: bool | None) -> Any:
        window = (check_size(first), after, tuple(sorted(flags.items())))
        key = ("many", place(info), member.target, member.by, tuple(member.where.items()), window)
        context = request_of(info)
        context.budget.spend(LIST_COST)
        page: Page = await context.loader(key, load_lists(member, first, after, flags)).load(root.id)
        context.spend(info, len(page.edges))
        return page

    with_arguments(
        resolve,
        {
            "first": (FIRST, DEFAULT_SIZE),
            "after": (AFTER, None),
            **{
                name: (Annotated[bool | None, strawberry.argument(description=flag.description)], None)
                for name, flag in member.flags.items()
            },
        },
        root=True,
    )
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
