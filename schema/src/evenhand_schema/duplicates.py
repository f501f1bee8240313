"""Duplicates over the API: `duplicatesOf` while somebody types, and `setDuplicateChecks`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.duplicates.checking import refusal
from evenhand.actions.duplicates.settings import set_duplicate_checks
from evenhand.auth.permissions import Operation, require
from evenhand.entities.enums import DuplicateKeyKind, Strictness
from evenhand.ownership.duplicates.finding import Hit, duplicate_choices, find_hits, seen_of
from evenhand.ownership.duplicates.rules import LONGEST, keys_of
from evenhand_schema.columns import enum_type
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import described, mutation, result
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.resolvers import record
from evenhand_schema.types import Account, Lead, User

MOST_TYPED = 4 * LONGEST
"""So many characters of a text are looked at."""


@strawberry.input(description="What is known of a customer that is about to be created.")
class DuplicateDraft:
    """Some values of an account or a lead."""

    id: strawberry.ID | None = strawberry.field(default=None, description="The record itself, when it is there.")
    name: str | None = strawberry.field(default=None, description="Name of the account.")
    company: str | None = strawberry.field(default=None, description="Company of the lead.")
    tax_id: str | None = strawberry.field(default=None, description="Tax id of the account.")
    website: str | None = strawberry.field(default=None, description="Website of the account.")
    email: str | None = strawberry.field(default=None, description="E-mail address of the lead.")
    phone: str | None = strawberry.field(default=None, description="Phone number.")


def _of(type_name: str) -> Any:
    async def resolve(root: Any, info: Info) -> Any:
        wanted = root.seen and root.entity == type_name
        return await record(info, type_name, root.record_id) if wanted else None

    return resolve


async def _owner(root: Any, info: Info) -> User | None:
    found: User | None = await record(info, "User", root.owner_id) if root.seen and root.owner_id else None
    return found


@strawberry.type(description="A record that may be the same customer.")
class Duplicate:
    """One record."""

    entity: strawberry.Private[str]
    owner_id: strawberry.Private[UUID | None]
    seen: strawberry.Private[bool]
    record_id: strawberry.ID = strawberry.field(
        description="Id of the record, also of one that the caller may not see."
    )
    keys: list[enum_type(DuplicateKeyKind)] = strawberry.field(description="What they have in common.")  # type: ignore[valid-type]
    strictness: enum_type(Strictness) = strawberry.field(description="What would happen on creating.")  # type: ignore[valid-type]
    message: str = strawberry.field(description="Who has it since when, as far as the caller may know.")
    hint: str = strawberry.field(description="What can be done.")
    since: date | None = strawberry.field(description="Since when; null when the caller may not see the record.")
    account: Account | None = strawberry.field(
        resolver=_of("Account"), description="The account; null when it is none, or not seen."
    )
    lead: Lead | None = strawberry.field(
        resolver=_of("Lead"), description="The lead; null when it is none, or not seen."
    )
    owner: User | None = strawberry.field(
        resolver=_owner, description="Who holds it; null when it waits in a pool, or is not seen."
    )


async def _duplicates_of(info: Info, entity: Any, draft: Any) -> list[Duplicate]:
    context = request_of(info)
    name = entity.value
    require(context.actor, Operation.READ, name)
    context.budget.spend(LIST_COST)
    values = {key: text[:MOST_TYPED] for key, text in asdict(draft).items() if isinstance(text, str) and key != "id"}
    own = None if draft.id is None else to_uuid(draft.id)
    hits = await find_hits(name, keys_of(name, values))
    if not hits:
        return []
    choices = await duplicate_choices()
    every = [hit for found in hits.values() for hit in found if hit.record_id != own]
    seen = await seen_of(every)
    by_record: dict[UUID, list[tuple[Hit, Strictness]]] = {}
    for hit in every:
        strictness = choices.of(name, hit.key, held=hit.owner_id is not None)
        if strictness is not Strictness.OFF:
            by_record.setdefault(hit.record_id, []).append((hit, strictness))
    return [_shown(found, record_id in seen) for record_id, found in by_record.items()]


def _shown(found: list[tuple[Hit, Strictness]], seen: bool) -> Duplicate:
    found = sorted(found, key=lambda one: one[1] is not Strictness.STOP)
    hit, strictness = found[0]
    error = refusal(hit, seen=seen)
    return Duplicate(
        entity=hit.entity,
        owner_id=hit.owner_id,
        seen=seen,
        record_id=strawberry.ID(str(hit.record_id)),
        keys=[one.key.kind for one, _ in found],
        strictness=strictness,
        message=error.message,
        hint=error.hint,
        since=hit.since if seen else None,
    )


def duplicates_field(entity_enum: Any) -> Any:
    """`duplicatesOf(entity, draft)`."""

    async def resolve(
        info: Info,
        entity: Annotated[entity_enum, strawberry.argument(description="What is to be created: ACCOUNT or LEAD.")],
        draft: Annotated[DuplicateDraft, strawberry.argument(description="What is known of it.")],
    ) -> list[Duplicate]:
        return await _duplicates_of(info, entity, draft)

    return strawberry.field(
        resolver=resolve,
        description="Who has the customer already: asked while somebody types, before it is created.",
    )


@strawberry.type(description="How strictly the tenant takes duplicates.")
class DuplicateChecks:
    """The choices of one tenant."""

    tax_id: enum_type(Strictness) = strawberry.field(description="Accounts with the same tax id.")  # type: ignore[valid-type]
    domain: enum_type(Strictness) = strawberry.field(  # type: ignore[valid-type]
        description="Accounts with the same domain that somebody holds."
    )
    email: enum_type(Strictness) = strawberry.field(description="Leads with the same e-mail address.")  # type: ignore[valid-type]
    phone: enum_type(Strictness) = strawberry.field(description="The same phone number.")  # type: ignore[valid-type]
    name: enum_type(Strictness) = strawberry.field(description="The same name without its legal form.")  # type: ignore[valid-type]
    free_domains: list[str] = strawberry.field(description="Domains that say nothing about a customer.")


async def _set_checks(info: Info, **choices: Any) -> DuplicateChecks:
    await request_of(info).renew()
    given = {key: Strictness(value.value) if hasattr(value, "value") else value for key, value in choices.items()}
    found = asdict(await set_duplicate_checks(**given))
    return DuplicateChecks(**{**found, "free_domains": list(found["free_domains"])})


def duplicate_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    strict = enum_type(Strictness) | None
    return {
        "set_duplicate_checks": mutation(
            _set_checks,
            {
                "tax_id": (described(strict, "Accounts with the same tax id."), None),
                "domain": (described(strict, "Accounts with the same domain."), None),
                "email": (described(strict, "Leads with the same e-mail address."), None),
                "phone": (described(strict, "The same phone number."), None),
                "name": (described(strict, "The same name without its legal form."), None),
                "free_domains": (
                    described(list[str] | None, "Domains that say nothing, too."),
                    None,
                ),
            },
            result("SetDuplicateChecks", DuplicateChecks, description="The choices now, or why nothing was changed."),
            "Choose what happens when a new customer is there already; what is left out stays. Admins only.",
        )
    }
