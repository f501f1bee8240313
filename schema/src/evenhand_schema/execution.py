"""Execute one operation of a checked document; transports hand it over and send what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from graphql import OperationDefinitionNode
from strawberry.types.execution import ExecutionResult

from evenhand.db.errors import database_is_gone
from evenhand.tenancy.context import Actor, acting_as
from evenhand_schema.context import RequestContext
from evenhand_schema.documents import Document
from evenhand_schema.http.errors import formatted
from evenhand_schema.schema import EvenhandSchema

log = structlog.get_logger(__name__)

MAX_ERRORS = 100
"""In one answer; what fails in a list fails for each of its records."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the API key as it was sent, and whom it acts for."""

    key: str = field(repr=False)
    actor: Actor


@dataclass(frozen=True)
class Executed:
    """What came of an operation.

    Attributes:
        status: 200 when it was executed, also with errors of single fields; 400 when it was refused as a whole;
            503 when the database was gone.
        body: the GraphQL answer as JSON.
        executor: what executed it: "graphql-core".
    """

    status: int
    body: bytes
    executor: str


async def execute(
    schema: EvenhandSchema,
    caller: Caller,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> Executed:
    """Execute an operation.

    Args:
        document: one without validation errors.
        operation: one of the document's own.
    """
    with acting_as(caller.actor):
        context = RequestContext(caller.actor, document, schema.contributions.failures)
        try:
            result = await schema.execute(
                document.text,
                variable_values=variables,
                context_value=context,
                operation_name=operation.name.value if operation.name else None,
            )
        finally:
            await context.close()
    return _answer(result)


def _answer(result: ExecutionResult) -> Executed:
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [formatted(error) for error in result.errors[:MAX_ERRORS]]
        gone = next((error for error in result.errors if database_is_gone(error)), None)
        if gone is not None:
            log.warning("graphql.database_gone", error=str(gone.original_error))
            return _executed({"errors": body["errors"]}, 503)
    executed = result.data is not None or any(error.path for error in result.errors or ())
    if executed:
        body["data"] = result.data
    return _executed(body, 200 if executed else 400)


def _executed(body: dict[str, Any], status: int) -> Executed:
    return Executed(status, orjson.dumps(body), "graphql-core")
