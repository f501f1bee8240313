"""For tests of the core and of plugins: a real PostgreSQL, fresh tenants, helpers."""

from evenhand.testing.clock import Clock
from evenhand.testing.command import Command
from evenhand.testing.tenants import SomeTenant, make_tenant

__all__ = ["Clock", "Command", "SomeTenant", "make_tenant"]
