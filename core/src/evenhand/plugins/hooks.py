"""The hook specifications: every point at which a plugin may add behaviour.

`ctx` always comes first; all other arguments are passed by keyword. Hooks may be `async def` or plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from evenhand.plugins.contract import (
    Candidate,
    CommissionLine,
    Deal,
    Kpi,
    OpenRecord,
    Period,
    Resolution,
    TenantContext,
)

if TYPE_CHECKING:
    from evenhand.plugins.importing import Importer

PROJECT = "evenhand"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """All hooks; methods are never called on this class."""

    @hookspec
    async def resolve_owner(
        self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
    ) -> Sequence[Resolution] | None:
        """Decide who gets each record; called inside the transaction that will apply it.

        Returns: one resolution per record, with a verdict for every candidate; or None to leave all of them
        to the next plugin in the tenant's order. An error aborts the whole assignment.
        """
        raise NotImplementedError

    @hookspec
    async def importers(self, ctx: TenantContext) -> Sequence[Importer]:
        """Offer ways to read files. Returns: importers; all plugins' are collected, a failing plugin is skipped."""
        raise NotImplementedError

    @hookspec
    async def kpi_calculators(self, ctx: TenantContext) -> Sequence[Kpi]:
        """Offer key figures. Returns: calculators; all plugins' are collected, a failing plugin is skipped."""
        raise NotImplementedError

    @hookspec
    async def commission_lines(
        self, ctx: TenantContext, deals: Sequence[Deal], period: Period
    ) -> Sequence[CommissionLine]:
        """Compute commission for the deals won in a period. Returns: lines; an error aborts the statement."""
        raise NotImplementedError
