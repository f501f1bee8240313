"""Hooks about a plugin's life in one tenant."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from evenhand.errors import Problem
from evenhand.plugins.contract import Finding, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class TenantHooks:
    """Asked when an admin sets a plugin up and looks after it."""

    @spec(result=Result.ONE, policy=Policy.ABORT)
    async def validate_settings(
        self, ctx: TenantContext, old: BaseModel | None, new: BaseModel | None
    ) -> Sequence[Problem]:
        """Check settings against the tenant's data, before they are kept and before the plugin is enabled with them.

        The settings' own model has accepted `new` already; what only the database tells is checked here. It runs
        inside the transaction of the change. `ctx.settings` is `new`; `old` is None the first time.

        Returns: what is wrong, `field` as a dotted path inside the settings. Any problem refuses the change; an empty
        list accepts it.
        """
        raise NotImplementedError

    @spec(result=Result.COLLECT, policy=Policy.SKIP)
    async def plugin_health(self, ctx: TenantContext) -> Sequence[Finding]:
        """Say what keeps the plugin from being of use to the tenant as it is set up now.

        Returns: findings in words that an admin can act on; an empty list when all is well.
        """
        raise NotImplementedError
