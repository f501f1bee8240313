"""What is looked at before records change hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why
from evenhand.actions.pools.standing import Standing
from evenhand.entities.registry import Entity
from evenhand.errors import EvenhandError
from evenhand.ownership.holders import Holder
from evenhand.ownership.pools.reading import RulesNow, rules_now


async def rules_for(kind: Entity, journal: Journal) -> RulesNow:
    """The rules about an entity that hold now; read once in a use case."""
    rules: RulesNow | None = journal.memory.get(("rules", kind.name))
    if rules is None:
        rules = journal.memory["rules", kind.name] = await rules_now(kind.name, journal.now)
    return rules


@dataclass(frozen=True)
class Transfer:
    """One record that is about to get a holder.

    Attributes:
        columns: the record's columns, apart from its holder as they will be.
        before: who holds it; None for a record that is new or comes back from the archive.
        after: who is to hold it.
        at: when; None is now.
    """

    record_id: UUID
    columns: Mapping[str, Any]
    before: Holder | None
    after: Holder
    why: Why
    at: datetime | None = None

    @property
    def name(self) -> str:
        """The record as people call it."""
        return str(self.columns.get("name") or "This record")


@dataclass
class Inspection:
    """What checks look at: the transfers of one entity, whose records are locked or new.

    Attributes:
        refused: what stands against single transfers, by their place in `transfers`.
        standing: what the records may have about them.
    """

    kind: Entity
    transfers: Sequence[Transfer]
    journal: Journal
    refused: dict[int, EvenhandError] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)

    async def rules(self) -> RulesNow:
        """The rules about the entity that hold now."""
        return await rules_for(self.kind, self.journal)

    def refuse(self, place: int, error: EvenhandError) -> None:
        """Note what stands against one transfer; what was noted first stays."""
        self.refused.setdefault(place, error)

    def open(self) -> list[tuple[int, Transfer]]:
        """The transfers to a person that nothing stands against yet, with their places."""
        return [
            (place, transfer)
            for place, transfer in enumerate(self.transfers)
            if transfer.after.owner_id is not None and place not in self.refused
        ]
