"""What all mutations are made with: their arguments and the unions that they answer with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Annotated, Any

import strawberry

from evenhand_schema.mutations.failures import FAILURES
from evenhand_schema.resolvers import with_arguments

REQUIRED = inspect.Parameter.empty


def described(kind: Any, text: str) -> Any:
    """An argument's type with its description."""
    return Annotated[kind, strawberry.argument(description=text)]


ID = described(strawberry.ID, "The record's id.")
OVERRIDE = Annotated[
    str | None,
    strawberry.argument(
        description="Why limits are set aside, such as a customer that somebody has already; for managers and admins, "
        "kept in the ledger."
    ),
]
VERSION = described(int | None, "The version the change was made on; null overwrites whatever is there.")


def result(name: str, *successes: Any, description: str) -> Any:
    """The union of what a mutation answers: its results, or why nothing was changed."""
    members = reduce(or_, (*successes, *FAILURES))
    return Annotated[members, strawberry.union(f"{name}Result", description=description)]


def mutation(resolve: Callable[..., Any], arguments: dict[str, tuple[Any, Any]], returns: Any, description: str) -> Any:
    """A field of `Mutation`."""
    with_arguments(resolve, arguments, returns=returns)
    return strawberry.mutation(resolver=resolve, description=description)
