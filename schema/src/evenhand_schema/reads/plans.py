"""What a compiled operation is: one statement, where its parameters come from, and what Python adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetails

from evenhand_schema.reads.parameters import Parameters

LIST = None
"""A step of a path: into each member of a list."""

Step = str | None
HIDDEN = "evenhand:"
"""Columns for Python begin with it; no key of an answer can."""


class NotCompiled(Exception):
    """The operation, or this request of it, is left to the ordinary executor; the text says why."""


@dataclass(frozen=True)
class Addition:
    """A field whose value Python makes, at every object of one place.

    Attributes:
        path: to the objects that have it.
        key: its key in the answer; the statement leaves null there.
        parent: the objects' type.
        needs: hidden columns that the statement puts into each object: name there, name for Python, type.
        type_name: the declared type of the objects.
    """

    path: tuple[Step, ...]
    key: str
    parent: GraphQLObjectType
    details: Sequence[FieldDetails]
    needs: Sequence[tuple[str, str, Any]]
    type_name: str


@dataclass(frozen=True)
class Plan:
    """One operation, compiled.

    Attributes:
        sql: an expression; its value is the JSON of `data`.
        rewrite: whether the JSON must be written anew, because it holds JSON that the database stores.
        before: what stands before the whole statement: expressions that `sql` uses; "" for none.
        required: SQL conditions over the tenant as `$1` without which the ordinary executor has to answer.
    """

    sql: str
    parameters: Parameters
    additions: Sequence[Addition]
    rewrite: bool
    before: str = ""
    required: Sequence[str] = ()
