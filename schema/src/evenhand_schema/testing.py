"""For tests of plugins: ask the API in this process, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.tenancy.context import Actor, acting_as
from evenhand_schema.context import RequestContext
from evenhand_schema.http.documents import parse_document
from evenhand_schema.http.errors import formatted
from evenhand_schema.schema import installed_schema


@dataclass(frozen=True)
class Answer:
    """What a client would get.

    Attributes:
        errors: as in the response, with `message`, `path` and `extensions`.
    """

    data: Mapping[str, Any] | None
    errors: list[Mapping[str, Any]]

    @property
    def codes(self) -> list[str]:
        """The codes of the errors."""
        return [error["extensions"]["code"] for error in self.errors]


async def ask(actor: Actor, query: str, **variables: Any) -> Answer:
    """Execute a GraphQL request as this actor, with the contributions of all installed plugins."""
    schema = installed_schema()
    with acting_as(actor):
        context = RequestContext(actor, parse_document(query), schema.contributions.failures)
        try:
            result = await schema.execute(query, variable_values=variables, context_value=context)
        finally:
            await context.close()
    return Answer(result.data, [formatted(error) for error in result.errors or ()])
