"""Convert a lead: it becomes an account, a contact and, if wanted, an opportunity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand.actions.errors import AlreadyConverted, RecordArchived, VersionConflict
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.records import create_records
from evenhand.actions.sight import refuse_records, sees
from evenhand.actions.stages import tenant_zone
from evenhand.actions.validation import validate_changes
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import update_rows
from evenhand.entities import Account, Lead
from evenhand.entities.enums import LeadStatus, OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import NotFound
from evenhand.plugins.contract import RecordChange
from evenhand.tenancy.context import current_actor


@dataclass(frozen=True)
class Converted:
    """What a lead became."""

    account_id: UUID
    contact_id: UUID
    opportunity_id: UUID | None


async def convert_lead(
    lead_id: UUID,
    *,
    version: int | None = None,
    account_id: UUID | None = None,
    with_opportunity: bool = True,
    opportunity: Mapping[str, Any] | None = None,
    override: str | None = None,
) -> Converted:
    """Turn a lead into a customer; who held the lead holds what comes of it.

    Args:
        account_id: add to this customer instead of creating one; its owner stays.
        opportunity: values for the opportunity over those taken from the lead.
        override: why limits are set aside, such as a customer that somebody has already; kept in the ledger.

    Raises:
        NotFound, VersionConflict, AlreadyConverted, RecordArchived, InvalidInput, PermissionDenied.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Lead")
    require(actor, Operation.CREATE, "Account")
    async with writing("convert_lead") as journal:
        lead = await Lead.filter(id=lead_id).select_for_update(no_key=True).first()
        if lead is None:
            raise NotFound("Lead", lead_id)
        await refuse_records(entity("Lead"), [lead_id])
        _refuse(lead, version)
        holder = {"owner_id": lead.owner_id} if lead.owner_id else {"pool_id": lead.pool_id}
        account_id = await _account(lead, account_id or lead.account_id, holder, journal, override)
        contact_id = await _contact(lead, account_id, journal)
        opportunity_id = None
        if with_opportunity:
            opportunity_id = await _opportunity(lead, account_id, contact_id, holder, opportunity or {}, journal)
        await _close(lead, Converted(account_id, contact_id, opportunity_id), journal)
    return Converted(account_id, contact_id, opportunity_id)


def _refuse(lead: Lead, version: int | None) -> None:
    if lead.archived_at is not None:
        raise RecordArchived(f"Lead {lead.id} is archived.", hint="Restore it first.")
    if lead.status is LeadStatus.CONVERTED:
        if lead.converted_at is None:
            raise AlreadyConverted(
                f"Lead {lead.name} came in as converted.", hint="If it is not, set another status first."
            )
        raise AlreadyConverted(
            f"Lead {lead.name} was converted on {lead.converted_at:%Y-%m-%d}.",
            hint="Open the account that it became.",
            account=str(lead.converted_account_id),
        )
    if version is not None and version != lead.version:
        raise VersionConflict(
            f"Lead {lead.id} is at version {lead.version}, the conversion was made on {version}.",
            hint="Read it again and convert the new version.",
            current=lead.version,
        )


async def _account(
    lead: Lead, existing: UUID | None, holder: dict[str, Any], journal: Journal, override: str | None
) -> UUID:
    if existing is not None:
        if not await Account.exists(id=existing, archived_at=None) or not await sees("Account", existing):
            raise NotFound("Account", existing)
        return existing
    draft = {
        "name": lead.company or lead.name,
        "kind": "company" if lead.company else "person",
        "industry": lead.industry,
        "region": lead.region,
        "country": lead.country,
        "source": lead.source,
        "phone": lead.phone,
        **holder,
    }
    (account_id,) = await create_records(
        entity("Account"),
        [draft],
        journal=journal,
        why=Why(OwnershipReason.CONVERTED, note=f"lead {lead.id}"),
        override=override,
    )
    return account_id


async def _contact(lead: Lead, account_id: UUID, journal: Journal) -> UUID:
    channels = [
        {"kind": kind, "value": value, "is_primary": True}
        for kind, value in (("email", lead.email), ("phone", lead.phone), ("wechat", lead.wechat))
        if value
    ]
    draft = {"name": lead.name, "title": lead.title, "account_id": account_id, "channels": channels}
    (contact_id,) = await create_records(entity("Contact"), [draft], journal=journal)
    return contact_id


async def _opportunity(
    lead: Lead,
    account_id: UUID,
    contact_id: UUID,
    holder: dict[str, Any],
    given: Mapping[str, Any],
    journal: Journal,
) -> UUID:
    if given.get("owner_id") is not None and str(given["owner_id"]) != str(lead.owner_id):
        require(journal.actor, Operation.ASSIGN, "Opportunity")
    if given.get("owner_id") is not None or given.get("pool_id") is not None:
        holder = {}
    draft = {
        "name": " · ".join(part for part in (lead.company or lead.name, lead.product_interest) if part),
        "account_id": account_id,
        "contact_id": contact_id,
        "amount": lead.value_estimate,
        "currency": lead.value_currency,
        "source": lead.source,
        "campaign_id": lead.campaign_id,
        "opened_on": journal.now.astimezone(await tenant_zone()).date(),
        **holder,
        **given,
    }
    (opportunity_id,) = await create_records(
        entity("Opportunity"),
        [draft],
        journal=journal,
        why=Why(OwnershipReason.CONVERTED, note=f"lead {lead.id}"),
    )
    return opportunity_id


async def _close(lead: Lead, converted: Converted, journal: Journal) -> None:
    new: dict[str, Any] = {
        "status": LeadStatus.CONVERTED,
        "converted_at": journal.now,
        "converted_account_id": converted.account_id,
        "converted_contact_id": converted.contact_id,
        "converted_opportunity_id": converted.opportunity_id,
    }
    old = lead.columns()
    await validate_changes(entity("Lead"), [RecordChange("Lead", lead.id, old, {**old, **new})], journal)
    row = {"id": lead.id, "tenant_id": lead.tenant_id, **new}
    row |= {"version": lead.version + 1, "updated_at": journal.now}
    await update_rows(journal.client, Lead, [row])
    journal.record("Lead", lead.id, before={name: getattr(lead, name) for name in new}, after=new)
    journal.emit("LeadConverted", "Lead", lead.id, new)
