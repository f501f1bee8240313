"""Mutations of who has what: `setOwner`, `assignRecords`, `assignLeads`, `convertLead`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.assignment import BATCH, Assigned, assign_records
from evenhand.actions.leads import Converted, convert_lead
from evenhand.actions.owners import set_owner
from evenhand.auth.permissions import Operation, require
from evenhand.errors import InvalidInput, Problem
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, OVERRIDE, REQUIRED, VERSION, mutation, result
from evenhand_schema.mutations.inputs import draft
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import BigInt
from evenhand_schema.types import Account, Contact, Decision, Lead, Opportunity, User
from evenhand_schema.types.shared import OwnableEntity


@strawberry.type(description="Records that have another holder now.")
class OwnersChanged:
    changed_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of the records whose holder was really another."
    )


def _reference(type_name: str, attribute: str) -> Any:
    """The resolver of the record whose id an answer carries."""

    async def resolve(root: Any, info: Info) -> Any:
        return await record(info, type_name, getattr(root, attribute))

    return resolve


@strawberry.type(description="What became of one record.")
class Assignment:
    record_id: strawberry.ID = strawberry.field(description="Id of the record.")
    owner_id: strawberry.ID | None = strawberry.field(
        description="Id of the new owner; null when nobody was eligible and it stays where it was."
    )
    decision_id: strawberry.ID = strawberry.field(description="Id of the decision.")

    owner: User | None = strawberry.field(
        resolver=_reference("User", "owner_id"), description="The new owner; null when nobody was eligible."
    )

    decision: Decision | None = strawberry.field(
        resolver=_reference("Decision", "decision_id"), description="The decision, with a verdict for every candidate."
    )


@strawberry.type(description="What became of the records, in the order they were given.")
class RecordsAssigned:
    assignments: list[Assignment] = strawberry.field(description="One for each record.")


@strawberry.type(description="What a lead became.")
class LeadConverted:
    lead_id: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID]
    contact_id: strawberry.Private[UUID]
    opportunity_id: strawberry.Private[UUID | None]

    lead: Lead | None = strawberry.field(resolver=_reference("Lead", "lead_id"), description="The lead.")

    account: Account | None = strawberry.field(
        resolver=_reference("Account", "account_id"), description="The customer it became, or was added to."
    )

    contact: Contact | None = strawberry.field(
        resolver=_reference("Contact", "contact_id"), description="The contact it became."
    )

    opportunity: Opportunity | None = strawberry.field(
        resolver=_reference("Opportunity", "opportunity_id"),
        description="The deal it became; null when none was wanted.",
    )


IDS = Annotated[list[strawberry.ID], strawberry.argument(description=f"Ids of the records, at most {BATCH}.")]
ENTITY = Annotated[OwnableEntity, strawberry.argument(description="What kind of records they are.")]
SEED = Annotated[BigInt | None, strawberry.argument(description="For ties; random when left out, always recorded.")]


def ids_of(ids: list[Any]) -> list[UUID]:
    """At most one transaction's worth of ids."""
    if len(ids) > BATCH:
        message = f"ids: {len(ids)} ids are too many."
        raise InvalidInput([Problem("ids", "TOO_MANY", message, f"Send at most {BATCH} at a time.")])
    return [to_uuid(one) for one in ids]


async def prepare(info: Info, type_name: str) -> None:
    """Refuse who may not read such records; forget what was read, since a change follows."""
    context = request_of(info)
    require(context.actor, Operation.READ, type_name)
    await context.renew()


async def _set_owner(
    info: Info, entity: Any, ids: Any, owner_id: Any, pool_id: Any, note: Any, override: Any
) -> OwnersChanged:
    await prepare(info, entity.value)
    found = await set_owner(
        entity.value,
        ids_of(ids),
        owner_id=None if owner_id is None else to_uuid(owner_id),
        pool_id=None if pool_id is None else to_uuid(pool_id),
        note=note,
        override=override,
    )
    return OwnersChanged(changed_ids=[strawberry.ID(str(one)) for one in found])


async def _assign(info: Info, entity: str, ids: list[Any], seed: int | None) -> RecordsAssigned:
    await prepare(info, entity)
    return RecordsAssigned(
        assignments=[_assignment(one) for one in await assign_records(entity, ids_of(ids), seed=seed)]
    )


def _assignment(one: Assigned) -> Assignment:
    return Assignment(
        record_id=strawberry.ID(str(one.record_id)),
        owner_id=None if one.owner_id is None else strawberry.ID(str(one.owner_id)),
        decision_id=strawberry.ID(str(one.decision_id)),
    )


async def _assign_records(info: Info, entity: Any, ids: Any, seed: Any) -> RecordsAssigned:
    return await _assign(info, entity.value, ids, seed)


async def _assign_leads(info: Info, ids: Any, seed: Any) -> RecordsAssigned:
    return await _assign(info, "Lead", ids, seed)


async def _convert_lead(
    info: Info,
    id: Any,
    version: int | None,
    account_id: Any,
    with_opportunity: bool,
    opportunity: Any,
    override: str | None,
) -> LeadConverted:
    await prepare(info, "Lead")
    lead_id = to_uuid(id)
    converted: Converted = await convert_lead(
        lead_id,
        version=version,
        account_id=None if account_id is None else to_uuid(account_id),
        with_opportunity=with_opportunity,
        opportunity=None if opportunity is None else draft(opportunity),
        override=override,
    )
    return LeadConverted(
        lead_id=lead_id,
        account_id=converted.account_id,
        contact_id=converted.contact_id,
        opportunity_id=converted.opportunity_id,
    )


def _described(kind: Any, text: str) -> Any:
    return Annotated[kind, strawberry.argument(description=text)]


def ownership_mutations(opportunity_input: Any) -> dict[str, Any]:
    """The mutations by Python name.

    Args:
        opportunity_input: the input with values for the deal that a converted lead becomes.
    """
    optional_id = strawberry.ID | None
    assigned = result("Assign", RecordsAssigned, description="What became of the records, or why nothing changed.")
    return {
        "set_owner": mutation(
            _set_owner,
            {
                "entity": (ENTITY, REQUIRED),
                "ids": (IDS, REQUIRED),
                "owner_id": (_described(optional_id, "The new owner."), None),
                "pool_id": (_described(optional_id, "Or the pool to put them into."), None),
                "note": (_described(str | None, "Why; kept in the ledger."), None),
                "override": (
                    _described(str | None, "Why limits such as a freeze or a cap are set aside; kept in the ledger."),
                    None,
                ),
            },
            result("SetOwner", OwnersChanged, description="Which records changed hands, or why none did."),
            "Give records to an owner or put them into a pool, all or nothing.",
        ),
        "assign_records": mutation(
            _assign_records,
            {"entity": (ENTITY, REQUIRED), "ids": (IDS, REQUIRED), "seed": (SEED, None)},
            assigned,
            "Let the tenant's policy decide who gets the records; all or nothing.",
        ),
        "assign_leads": mutation(
            _assign_leads,
            {"ids": (IDS, REQUIRED), "seed": (SEED, None)},
            assigned,
            "Let the tenant's policy decide who gets the leads; all or nothing.",
        ),
        "convert_lead": mutation(
            _convert_lead,
            {
                "id": (ID, REQUIRED),
                "version": (VERSION, None),
                "account_id": (_described(optional_id, "Add to this customer instead of creating one."), None),
                "with_opportunity": (_described(bool, "Whether a deal is wanted."), True),
                "opportunity": (_described(opportunity_input | None, "Values over those of the lead."), None),
                "override": (OVERRIDE, None),
            },
            result("ConvertLead", LeadConverted, description="What the lead became, or why nothing was changed."),
            "Turn a lead into a customer, a contact and a deal; who held the lead holds them.",
        ),
    }
