"""Contact: a person at an account, and the ways to reach that person."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, name_column, short_text
from evenhand.entities.enums import ChannelKind, ConsentStatus
from evenhand.entities.searchable import Listed, Searchable
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class Contact(RecordModel):
    """A person, with consent per kind of contact."""

    name = name_column()
    """The whole name as it is written, in any script and order."""
    first_name = short_text()
    last_name = short_text()
    title = short_text()
    department = short_text()
    language = short_text(35)
    is_primary = fields.BooleanField(default=False)
    account = ref("core.Account", null=True)
    account_id: UUID | None
    email_consent = choice(ConsentStatus, default=ConsentStatus.UNKNOWN)
    phone_consent = choice(ConsentStatus, default=ConsentStatus.UNKNOWN)
    messaging_consent = choice(ConsentStatus, default=ConsentStatus.UNKNOWN)
    consent_source = short_text()
    consent_at = fields.DatetimeField(null=True)

    search: ClassVar[Searchable] = Searchable(
        names=("name", "first_name", "last_name"),
        named_by=(("account_id", "Account"),),
        listed=(Listed("channels", "contact_channels", "contact_id", "value"),),
    )

    class Meta:
        app = "core"
        table = "contacts"
        indexes = (
            ("tenant_id", "name", "id"),
            ("tenant_id", "created_at", "id"),
            ("tenant_id", "account_id", "name", "id"),
        )


class ContactChannel(TenantModel):
    """One e-mail address, phone number or messaging id of a contact."""

    contact = ref("core.Contact")
    contact_id: UUID
    kind = choice(ChannelKind)
    value = fields.CharField(max_length=300)
    label = short_text(50)
    is_primary = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "contact_channels"
        unique_together = (("tenant_id", "contact_id", "kind", "value"),)
        indexes = (("tenant_id", "kind", "value"),)
