"""Hooks about files that are imported."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.plugins.contract import TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec
from evenhand.plugins.importing import Importer


class ImportHooks:
    """Asked before a file is imported."""

    @spec(result=Result.COLLECT, policy=Policy.SKIP)
    async def importers(self, ctx: TenantContext) -> Sequence[Importer]:
        """Offer ways to read files. Returns: importers; all plugins' are collected, a failing plugin is skipped."""
        raise NotImplementedError
