"""The admin's guide: its examples can be saved, and its reference is that of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evenhand.actions.records import create_record
from evenhand.automation.models import AutomationRule
from evenhand.automation.reference import reference
from evenhand.automation.trying import try_rule
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .conftest import rows

DOCS = Path(__file__).parents[3] / "docs" / "admin"
EXAMPLES = re.findall(r"```json\n(.*?)```", (DOCS / "automation.md").read_text(encoding="utf-8"), re.DOTALL)


async def test_the_reference_is_that_of_the_code(tenant: SomeTenant) -> None:
    """Mend it with `python -m evenhand.automation.reference docs/admin/automation-fields.md`."""
    assert (DOCS / "automation-fields.md").read_text(encoding="utf-8") == reference()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES)
async def test_examples_can_be_tried_and_saved(tenant: SomeTenant, example: str) -> None:
    rule = json.loads(example)
    with acting_as(tenant.actor(Role.ADMIN)):
        await try_rule({name: rule[name] for name in ("entity", "events", "condition", "actions")})
        made = await create_record("AutomationRule", rule)
    assert made in {one.id for one in await rows(tenant, AutomationRule, key=None)}
