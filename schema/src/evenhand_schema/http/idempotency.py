"""The header `Idempotency-Key`: a mutation that is sent twice is done once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import orjson
from graphql import OperationDefinitionNode, OperationType
from starlette.datastructures import Headers

from evenhand.actions.idempotency import Answered, answer_once
from evenhand.auth.keys import authenticate
from evenhand.tenancy.context import acting_as
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.execution import Caller, Executed
from evenhand_schema.http.requests import GraphQLRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
"""The header of an answer that was given before."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class BadIdempotencyKey(InvalidRequest):
    """An idempotency key that is none."""

    code = "BAD_IDEMPOTENCY_KEY"


def key_of(headers: Headers) -> str | None:
    """The key of a request; with or without the quotes that the header's draft puts around it.

    Raises:
        BadIdempotencyKey: it is not 1 to 255 visible ASCII characters, or there are several.
    """
    given = headers.getlist(HEADER)
    if not given:
        return None
    key = given[0].strip()
    if len(key) > 2 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if len(given) > 1 or not _KEY.fullmatch(key):
        raise BadIdempotencyKey(
            f"The header {HEADER} is no key.", hint="Send one of 1 to 255 visible ASCII characters, e.g. a random UUID."
        )
    return key


def fingerprint(asked: GraphQLRequest) -> str:
    """What is asked, as SHA-256 in hexadecimal; the order of names in the variables does not matter."""
    parts = [asked.query, asked.variables, asked.operation_name]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _holds(executed: Executed) -> bool:
    """Whether an answer tells of something that was done, or refused in words, and not of a failure."""
    return executed.status == 200 and orjson.loads(executed.body).get("data") is not None


async def done_once(
    headers: Headers,
    caller: Caller,
    operation: OperationDefinitionNode,
    asked: GraphQLRequest,
    run: Callable[[Caller], Awaitable[Executed]],
    *,
    keep: timedelta,
) -> tuple[Executed, dict[str, str]]:
    """Execute an operation; a mutation with a key only unless it was answered before.

    A mutation with a key is one transaction together with its answer. An answer without data is not kept: nothing was
    written then, and the same key may be sent again.

    Returns: what came of it, and headers for the answer.

    Raises:
        BadIdempotencyKey, KeyReused, KeyInProgress; what `run` raises.
    """
    key = key_of(headers) if operation.operation is OperationType.MUTATION else None
    if key is None:
        return await run(caller), {}
    actor = await authenticate(caller.key) if caller.recalled else caller.actor
    if actor.user_id is None:
        return await run(caller), {}
    known = Caller(caller.key, actor)
    executed: Executed | None = None

    async def work() -> Answered:
        nonlocal executed
        executed = await run(known)
        return Answered(executed.body.decode(), kept=_holds(executed))

    with acting_as(actor):
        answered = await answer_once(actor.user_id, key, fingerprint(asked), work, keep=keep)
    if executed is not None and not answered.replayed:
        return executed, {}
    return Executed(200, answered.body.encode(), "replayed"), {REPLAYED: "true"}
