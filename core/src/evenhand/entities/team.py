"""Team: where people stand in the company."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from evenhand.entities.columns import name_column, short_text
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, ref


class Team(RecordModel):
    """A team in the tree of teams."""

    name = name_column()
    region = short_text()
    parent = ref("core.Team", null=True)
    parent_id: UUID | None

    search: ClassVar[Searchable] = Searchable(names=("name",))

    class Meta:
        app = "core"
        table = "teams"
