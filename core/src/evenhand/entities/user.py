"""User: a person who works with the tenant's customers, and when that person is away."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, email, mapping, name_column, short_text, string_list
from evenhand.entities.enums import AbsenceKind, UserLevel
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import RecordModel, ref


class User(RecordModel):
    """A person with a role, a place in the team tree and what assignment needs to know of them."""

    name = name_column()
    email = email()
    title = short_text()
    role = choice(Role, default=Role.REP)
    team = ref("core.Team", null=True)
    team_id: UUID | None
    manager = ref("core.User", null=True)
    manager_id: UUID | None
    level = choice(UserLevel, default=UserLevel.SENIOR)
    skills = string_list()
    regions = string_list()
    languages = string_list()
    product_lines = string_list(db_default=[])
    """Product lines that the person sells."""
    working_hours = mapping()
    """Per weekday ("mon" … "sun") a list of ["09:00", "18:00"] spans in the tenant's time zone."""
    locale = short_text(16)
    """The language in which the person is written to, e.g. zh-CN; the tenant's when null."""
    muted_notifications = string_list(db_default=[])
    """Kinds of notifications that the person does not want."""
    is_active = fields.BooleanField(default=True)

    search: ClassVar[Searchable] = Searchable(names=("name",), texts=("email",))

    class Meta:
        app = "core"
        table = "users"
        indexes = (("tenant_id", "name"),)
        unique_together = (("tenant_id", "email"),)


class Absence(RecordModel):
    """Days on which a user takes no new customers."""

    user = ref("core.User")
    user_id: UUID
    kind = choice(AbsenceKind, default=AbsenceKind.VACATION)
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    note = short_text(300)

    class Meta:
        app = "core"
        table = "absences"
