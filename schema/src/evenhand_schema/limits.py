"""What one request may ask for, and what a document asks for before it is validated."""

from __future__ import annotations

from dataclasses import dataclass, fields

from evenhand.environment import count, seconds, setting
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.selections import Measure


class QueryTooComplex(InvalidRequest):
    """A query that is larger than any sensible one; `details` name the limit, what was found and what is allowed."""

    code = "QUERY_TOO_COMPLEX"


class QueryTooExpensive(InvalidRequest):
    """A query that may return too many objects; `details` say what it costs and what is allowed."""

    code = "QUERY_TOO_EXPENSIVE"


@dataclass(frozen=True)
class Limits:
    """What one request may ask for. Each is set by `EVENHAND_MAX_…`, the times by `EVENHAND_…_TIMEOUT`.

    Attributes:
        body_bytes: of a request.
        tokens: words and signs of the query text.
        depth: of nested fields.
        aliases: fields with a name of the client's choice, with all fragments spread.
        root_fields: fields of `Query` or `Mutation` in one operation, with all fragments spread.
        fields: in one operation with all fragments spread; a short query can spell out to millions.
        cost: objects that one operation may return, as `costs` estimates it.
        variable_depth: of nested values in the variables.
        documents: how many checked documents are kept.
        document_characters: how many characters these have together.
        operation_seconds: how long one operation may take.
        statement_seconds: how long PostgreSQL works on one statement.
    """

    body_bytes: int = 1024 * 1024
    tokens: int = 5_000
    depth: int = 24
    aliases: int = 200
    root_fields: int = 50
    fields: int = 10_000
    cost: int = 100_000
    variable_depth: int = 32
    documents: int = 1_000
    document_characters: int = 1_000_000
    operation_seconds: float = 30.0
    statement_seconds: float = 20.0

    def check(self, measure: Measure) -> None:
        """Hold one operation against the limits on its shape.

        Raises:
            QueryTooComplex: it is beyond one.
        """
        if measure.depth > self.depth:
            raise too_complex("depth", measure.depth, self.depth, "is nested {found} levels deep")
        if measure.width > self.root_fields:
            raise too_complex("root_fields", measure.width, self.root_fields, "has {found} root fields")
        if measure.aliases > self.aliases:
            raise too_complex("aliases", measure.aliases, self.aliases, "has {found} aliases")
        if measure.size > self.fields:
            raise too_complex("fields", measure.size, self.fields, "asks for {found} fields with its fragments spread")


def too_complex(limit: str, found: int | None, allowed: int, words: str) -> QueryTooComplex:
    """The error for one limit.

    Args:
        found: None when reading was given up before it was known.
        words: what the query does, with a place for `{found}`.
    """
    shown = f"more than {allowed}" if found is None else str(min(found, 10**18))
    return QueryTooComplex(
        f"The query {words.format(found=shown)}; {allowed} are allowed.",
        hint="Ask for less at a time.",
        limit=limit,
        found=found if found is None else min(found, 10**18),
        allowed=allowed,
    )


def _variable(name: str) -> str:
    if name.endswith("_seconds"):
        return f"EVENHAND_{name.removesuffix('_seconds').upper()}_TIMEOUT"
    return f"EVENHAND_MAX_{name.upper()}"


def limits_from_environment() -> Limits:
    """The limits with what the environment says.

    Raises:
        InvalidSetting: a variable cannot be understood.
    """
    known = Limits()
    values = {
        field.name: setting(
            _variable(field.name), getattr(known, field.name), seconds if field.name.endswith("_seconds") else count
        )
        for field in fields(known)
    }
    return Limits(**values)
