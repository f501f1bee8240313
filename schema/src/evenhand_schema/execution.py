"""Execute one operation of a checked document; transports hand it over and send what comes back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from graphql import OperationDefinitionNode, OperationType
from strawberry.types.execution import ExecutionResult

from evenhand.auth.keys import authenticate, check_key, recall
from evenhand.db.errors import database_is_gone
from evenhand.tenancy.context import Actor, acting_as
from evenhand_schema.context import RequestContext
from evenhand_schema.documents import Document
from evenhand_schema.http.errors import formatted
from evenhand_schema.reads.engine import KeyRefused, run
from evenhand_schema.reads.plans import NotCompiled
from evenhand_schema.schema import EvenhandSchema

log = structlog.get_logger(__name__)

COMPILED = os.environ.get("EVENHAND_COMPILED_READS", "on").strip().lower() not in ("off", "0", "false", "no")
"""Whether queries are answered by compiled plans; off leaves all of them to graphql-core, for comparison."""

MAX_ERRORS = 100
"""In one answer; what fails in a list fails for each of its records."""


@dataclass(frozen=True)
class Caller:
    """Who asks: the API key as it was sent, and whom it acts for.

    Attributes:
        recalled: the key was not checked in the database for this request, see `evenhand.auth.keys.recall`.
    """

    key: str = field(repr=False)
    actor: Actor
    recalled: bool = False


@dataclass(frozen=True)
class Executed:
    """What came of an operation.

    Attributes:
        status: 200 when it was executed, also with errors of single fields; 400 when it was refused as a whole;
            503 when the database was gone.
        body: the GraphQL answer as JSON.
        executor: what executed it: "compiled", or "graphql-core" with the reason why it was not compiled.
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
    reason = "changes"
    if operation.operation is OperationType.QUERY:
        try:
            return await _run_compiled(schema, caller, document, operation, variables)
        except NotCompiled as error:
            reason = str(error)
        except KeyRefused:
            reason = "the key changed"
    actor = await authenticate(caller.key) if caller.recalled else caller.actor
    with acting_as(actor):
        context = RequestContext(actor, document, schema.contributions)
        try:
            result = await schema.execute(
                document.text,
                variable_values=variables,
                context_value=context,
                operation_name=operation.name.value if operation.name else None,
            )
        finally:
            await context.close()
    return _answer(result, f"graphql-core; {reason}")


async def _run_compiled(
    schema: EvenhandSchema,
    caller: Caller,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> Executed:
    if not COMPILED:
        raise NotCompiled("switched off")
    known = recall(caller.key) or await check_key(caller.key)
    with acting_as(known.actor):
        found = await run(schema.graphql_schema, document, operation, variables, known, schema.contributions)
    errors = b""
    if found.errors:
        errors = b'"errors":' + orjson.dumps([formatted(error) for error in found.errors[:MAX_ERRORS]]) + b","
    return Executed(200, b"{" + errors + b'"data":' + found.data + b"}", "compiled")


def _answer(result: ExecutionResult, executor: str) -> Executed:
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [formatted(error) for error in result.errors[:MAX_ERRORS]]
        gone = next((error for error in result.errors if database_is_gone(error)), None)
        if gone is not None:
            log.warning("graphql.database_gone", error=str(gone.original_error))
            return Executed(503, orjson.dumps({"errors": body["errors"]}), executor)
    executed = result.data is not None or any(error.path for error in result.errors or ())
    if executed:
        body["data"] = result.data
    return Executed(200 if executed else 400, orjson.dumps(body), executor)
