"""For tests of the core and of plugins: a real PostgreSQL, fresh tenants, helpers, and the contract of plugins."""

import pytest

# So that a failed assert of the contract shows its values.
pytest.register_assert_rewrite("evenhand.testing.contract", "evenhand.testing.command")

from evenhand.testing.clock import Clock  # noqa: E402
from evenhand.testing.command import Command  # noqa: E402
from evenhand.testing.contract import PluginContract  # noqa: E402
from evenhand.testing.draining import drain  # noqa: E402
from evenhand.testing.everyday import everyday  # noqa: E402
from evenhand.testing.queries import count_queries, watch_statements  # noqa: E402
from evenhand.testing.tenants import SomeTenant, make_tenant  # noqa: E402

__all__ = [
    "Clock",
    "Command",
    "PluginContract",
    "SomeTenant",
    "count_queries",
    "drain",
    "everyday",
    "make_tenant",
    "watch_statements",
]
