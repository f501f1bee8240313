"""The bases of all tables: each model says whose rows it holds, and the manager holds it to that."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import QuerySet
from uuid_utils.compat import uuid7

from evenhand.tenancy.context import TenantMismatch, current_tenant


class ModelScope(StrEnum):
    """Whose rows a table holds."""

    TENANT = "tenant"
    GLOBAL = "global"


class ScopedModel(Model):
    """Any table of Evenhand or of a plugin. Derive from `TenantModel` or `GlobalModel`, not from this."""

    model_scope: ClassVar[ModelScope | None] = None

    class Meta:
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.model_scope is None:
            raise TypeError(
                f"{cls.__name__} does not say whose rows it holds: derive it from TenantModel "
                "(rows of one tenant) or GlobalModel (rows of the installation)."
            )


class TenantManager(Manager):
    """Hands out only the current tenant's rows and raises when there is no tenant."""

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(tenant_id=current_tenant())


class GlobalModel(ScopedModel):
    """Rows of the installation itself; no customer data."""

    model_scope = ModelScope.GLOBAL

    class Meta:
        abstract = True


class TenantModel(ScopedModel):
    """Rows that belong to one tenant.

    In the database the primary key is `(tenant_id, id)`, references are `(tenant_id, x_id)` and row
    level security hides the other tenants (see `evenhand.db.operations.ScopeTables`).
    """

    model_scope = ModelScope.TENANT
    append_only: ClassVar[bool] = False
    """Whether the application role may only insert and read (ledger, journal)."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    tenant_id = fields.UUIDField(default=current_tenant)

    class Meta:
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._meta.manager = TenantManager(cls)

    async def save(
        self,
        using_db: BaseDBAsyncClient | None = None,
        update_fields: Iterable[str] | None = None,
        force_create: bool = False,
        force_update: bool = False,
    ) -> None:
        """Write the row; raises `TenantMismatch` for another tenant's."""
        self._refuse_other_tenant()
        await super().save(using_db, update_fields, force_create, force_update)

    async def delete(self, using_db: BaseDBAsyncClient | None = None) -> None:
        """Delete the row; raises `TenantMismatch` for another tenant's."""
        self._refuse_other_tenant()
        await super().delete(using_db)

    def columns(self) -> dict[str, Any]:
        """All columns by name, as they are now."""
        return {column: getattr(self, column) for column in self._meta.fields_db_projection.values()}

    def _refuse_other_tenant(self) -> None:
        tenant: UUID = current_tenant()
        if self.tenant_id != tenant:
            raise TenantMismatch(
                f"This {type(self).__name__} belongs to tenant {self.tenant_id}, the work is for {tenant}.",
                hint="Load the record inside the tenant it belongs to.",
            )


class RecordModel(TenantModel):
    """A business record: what every entity has besides its own fields."""

    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    version = fields.IntField(default=1)
    """Counts changes; a change names the version it was made on."""
    archived_at = fields.DatetimeField(null=True)
    custom: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """Values of the tenant's custom fields by their key."""

    class Meta:
        abstract = True


def ref(model: str, *, null: bool = False) -> Any:
    """A reference to another model ("core.Account"); the composite foreign key is made by the migration."""
    options: dict[str, Any] = {"null": null, "db_index": False}
    return fields.ForeignKeyField(model, related_name=False, db_constraint=False, **options)


__all__ = ["GlobalModel", "ModelScope", "RecordModel", "ScopedModel", "TenantManager", "TenantModel", "ref", "uuid7"]
