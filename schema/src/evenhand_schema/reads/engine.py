"""Answer operations by compiled plans.

A plan is made once for an operation, a kind of caller (role and scopes) and the answers to what the compiler
asked about the variables; it is kept with the document. The statement also checks that the caller's key is
still good, so that a key remembered from an earlier request needs no round trip of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import asyncpg
import orjson
import structlog
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.executor import Executor
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from evenhand.auth.keys import VALID_KEY, KnownKey
from evenhand.db.errors import database_is_gone
from evenhand.db.readers import current_readers
from evenhand.errors import EvenhandError
from evenhand.ownership.visibility.rules import RULES, Sight
from evenhand_schema.context import RequestContext
from evenhand_schema.contributions import Contributions
from evenhand_schema.documents import Document
from evenhand_schema.reads.arguments import Question, Variables, answer
from evenhand_schema.reads.compiler import Compiler
from evenhand_schema.reads.completion import complete
from evenhand_schema.reads.custom_filters import REFUSAL
from evenhand_schema.reads.plans import NotCompiled, Plan
from evenhand_schema.reads.variables import plain_values, plain_variables

log = structlog.get_logger(__name__)

KEPT_PLANS = 64
"""Of one operation; the one used longest ago gives way."""


class Answer:
    """What a plan found: the JSON of `data`, or its objects and the errors of some fields."""

    __slots__ = ("data", "errors")

    def __init__(self, data: bytes, errors: Sequence[GraphQLError] = ()) -> None:
        self.data = data
        self.errors = errors


class KeyRefused(Exception):
    """The key that was remembered is not good any more."""


class _Plans:
    """The plans of one operation."""

    def __init__(self, operation: OperationDefinitionNode) -> None:
        self.plain = plain_variables(operation)
        self._questions: list[Question] = []
        self._plans: OrderedDict[Any, Plan | NotCompiled] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def _key(self, caller: Any, values: Mapping[str, Any]) -> Any:
        return caller, tuple(_answered(question, values) for question in self._questions)

    def find(self, caller: Any, values: Mapping[str, Any]) -> Plan | NotCompiled | None:
        key = self._key(caller, values)
        found = self._plans.get(key)
        if found is not None:
            self._plans.move_to_end(key)
        return found

    def keep(self, caller: Any, variables: Variables, made: Plan | NotCompiled) -> None:
        known = set(self._questions)
        new = [question for question in variables.asked if question not in known]
        if new:
            # Plans that were made with fewer questions would be found by nobody any more.
            self._questions += new
            self._plans.clear()
        self._plans[self._key(caller, variables.values)] = made
        while len(self._plans) > KEPT_PLANS:
            self._plans.popitem(last=False)


def _answered(question: Question, values: Mapping[str, Any]) -> Any:
    try:
        return answer(question, values)
    except (LookupError, TypeError, EvenhandError):
        return "no answer"


async def run(
    schema: GraphQLSchema,
    document: Document,
    operation: OperationDefinitionNode,
    raw_values: dict[str, Any],
    known: KnownKey,
    contributions: Contributions,
) -> Answer:
    """Answer a query by its plan.

    Args:
        contributions: what plugins add to the schema.

    Raises:
        NotCompiled: the ordinary executor has to do it. KeyRefused: the key is not good any more.
    """
    plan, values = _plan(schema, document, operation, raw_values, known)
    try:
        parameters = plan.parameters.values(known.actor, values)
    except EvenhandError as error:
        raise NotCompiled(f"an argument is refused: {error.code}") from error
    parameters += [known.key_id, known.actor.role.value, known.rules]
    if not known.sight.fixed:
        parameters.append(known.sight.rules)
    found = await _fetch(known, plan, parameters)
    if found is None:
        if plan.required:
            raise NotCompiled("a plugin is not enabled")
        raise KeyRefused
    if not plan.rewrite and not plan.additions:
        return Answer(found)
    data = orjson.loads(found)
    errors: list[GraphQLError] = []
    if plan.additions:
        context = RequestContext(known.actor, document, contributions)
        try:
            executor = _executor(schema, document, operation, raw_values, context)
            errors = await complete(executor, data, plan.additions)
        except GraphQLError as error:
            raise NotCompiled("a field that may not be null failed") from error
        finally:
            await context.close()
    return Answer(orjson.dumps(data), errors)


async def _fetch(known: KnownKey, plan: Plan, parameters: Sequence[Any]) -> bytes | None:
    try:
        found: bytes | None = await current_readers().fetch(known.actor.tenant_id, plan.sql, parameters)
    except asyncpg.QueryCanceledError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if database_is_gone(error) and not isinstance(error, asyncpg.DataError):
            raise
        # A value that no column takes, or a defect of the plan: the ordinary executor tells which, field by field.
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate == REFUSAL:
            raise NotCompiled("a filter is refused") from error
        log.warning("reads.statement_failed", error=str(error))
        raise NotCompiled("the statement failed") from error
    return found


def _plan(
    schema: GraphQLSchema,
    document: Document,
    operation: OperationDefinitionNode,
    raw_values: dict[str, Any],
    known: KnownKey,
) -> tuple[Plan, Mapping[str, Any]]:
    """The plan for a request, and its variables."""
    name = operation.name.value if operation.name else None
    plans: _Plans | None = document.plans.get(name)
    if plans is None:
        plans = document.plans[name] = _Plans(operation)
    caller = _caller(known)
    values = plain_values(plans.plain, raw_values) if plans.plain is not None else None
    plan = plans.find(caller, values) if values is not None else None
    if plan is None:
        coerced = get_variable_values(schema, operation.variable_definitions or (), raw_values)
        if isinstance(coerced, list):
            raise NotCompiled("a variable is refused")
        values = coerced.coerced
        plan = plans.find(caller, values) or _compiled(schema, document, operation, coerced, known, plans)
    if isinstance(plan, NotCompiled):
        raise NotCompiled(*plan.args)
    return plan, values or {}


def _compiled(
    schema: GraphQLSchema,
    document: Document,
    operation: OperationDefinitionNode,
    values: VariableValues,
    known: KnownKey,
    plans: _Plans,
) -> Plan | NotCompiled:
    """Compile, and keep what came of it."""
    variables = Variables(values.coerced)
    compiler = Compiler(schema, document.fragments, operation, values, variables, known.actor, known.sight)
    made: Plan | NotCompiled
    try:
        made = _checked(compiler.compile(), known.sight)
    except NotCompiled as reason:
        made = reason.with_traceback(None)
    except EvenhandError as error:
        raise NotCompiled(f"an argument is refused: {error.code}") from error
    plans.keep(_caller(known), variables, made)
    return made


def _caller(known: KnownKey) -> Any:
    """What a plan depends on besides the request: all callers of this kind share it."""
    return known.actor.role, known.actor.scopes, known.actor.hidden, known.sight


def _checked(plan: Plan, sight: Sight) -> Plan:
    """The plan whose statement finds nothing when the key is not good any more, or sees more or less than before."""
    count = plan.parameters.count
    rules = f"${count + 3}"
    checks = [VALID_KEY.format(key=f"${count + 1}", role=f"${count + 2}", rules=rules)]
    if not sight.fixed:
        checks.append(f"{RULES.format(role=f'${count + 2}')} = ${count + 4}")
    conditions = " AND ".join([*checks, *plan.required])
    return replace(plan, sql=f"{plan.before}SELECT CASE WHEN {conditions} THEN {plan.sql} END")


def _executor(
    schema: GraphQLSchema,
    document: Document,
    operation: OperationDefinitionNode,
    raw_values: dict[str, Any],
    context: RequestContext,
) -> Executor[Any]:
    built = StrawberryGraphQLCoreExecutionContext.build(
        schema,
        document.ast,
        None,
        context,
        raw_values,
        operation.name.value if operation.name else None,
        is_awaitable=cast(Any, optimized_is_awaitable),
    )
    if isinstance(built, list):
        raise built[0]
    return built
