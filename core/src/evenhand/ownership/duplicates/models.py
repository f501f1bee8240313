"""Tables of duplicates: the keys of records, and how strictly a tenant takes them."""

from __future__ import annotations

from tortoise import fields

from evenhand.entities.columns import choice, string_list
from evenhand.entities.enums import DuplicateKeyKind, Strictness
from evenhand.tenancy.models import TenantModel


class DuplicateKey(TenantModel):
    """One key of an account or lead that is not archived: who has the same one may be the same customer."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    kind = choice(DuplicateKeyKind)
    value = fields.CharField(max_length=200)
    """The value in the one form in which it is compared."""

    class Meta:
        app = "core"
        table = "duplicate_keys"
        unique_together = (("tenant_id", "record_id", "kind", "value"),)
        indexes = (("tenant_id", "kind", "value", "entity"),)


class DuplicateSettings(TenantModel):
    """How strictly a tenant takes each kind of key; without a row, as the defaults say."""

    tax_id = choice(Strictness, default=Strictness.STOP)
    """Accounts with the same tax id."""
    domain = choice(Strictness, default=Strictness.STOP)
    """Accounts with the same domain, held by somebody."""
    email = choice(Strictness, default=Strictness.WARN)
    """Leads with the same e-mail address."""
    phone = choice(Strictness, default=Strictness.WARN)
    """The same phone number."""
    name = choice(Strictness, default=Strictness.WARN)
    """The same name of a company, without its legal form."""
    free_domains = string_list()
    """Domains that say nothing about a customer, besides those that everybody knows (gmail.com, qq.com, …)."""

    class Meta:
        app = "core"
        table = "duplicate_settings"
        unique_together = (("tenant_id",),)
