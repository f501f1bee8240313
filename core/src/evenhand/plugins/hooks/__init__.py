"""The hook specifications: every point at which a plugin may add behaviour, grouped by life cycle.

`ctx` always comes first; all other arguments are passed by keyword. Hooks may be `async def` or plain.
"""

from evenhand.plugins.hooks.commission import CommissionHooks
from evenhand.plugins.hooks.events import EventHooks
from evenhand.plugins.hooks.figures import FigureHooks
from evenhand.plugins.hooks.importing import ImportHooks
from evenhand.plugins.hooks.ownership import OwnershipHooks
from evenhand.plugins.hooks.records import RecordHooks
from evenhand.plugins.hooks.spec import PROJECT, HookSpec, Policy, Result, hookimpl, spec, specs_of
from evenhand.plugins.hooks.tenants import TenantHooks

GROUPS: tuple[type, ...] = (
    TenantHooks,
    RecordHooks,
    OwnershipHooks,
    FigureHooks,
    CommissionHooks,
    ImportHooks,
    EventHooks,
)
SPECS = specs_of(GROUPS)
"""Every hook by name."""

__all__ = ["GROUPS", "PROJECT", "SPECS", "HookSpec", "Policy", "Result", "hookimpl", "spec", "specs_of"]
