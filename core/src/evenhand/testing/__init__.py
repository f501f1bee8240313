"""For tests of the core and of plugins: a real PostgreSQL, fresh tenants, helpers."""

from evenhand.testing.clock import Clock
from evenhand.testing.tenants import SomeTenant, make_tenant

__all__ = ["Clock", "SomeTenant", "make_tenant"]
