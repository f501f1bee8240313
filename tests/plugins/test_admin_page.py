"""The page for admins shows what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

PAGE = Path(__file__).parents[2] / "docs" / "admin" / "plugins.md"


async def test_the_page_for_admins_shows_what_happens(api: Api, tenant: SomeTenant) -> None:
    """The requests are sent in the page's order."""
    blocks = re.findall(r"```(graphql|json)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    answers = 0
    data: dict[str, Any] = {}
    for language, text in blocks:
        if language == "graphql":
            data = await api.data(tenant, text)
            assert "Failure" not in str(data)
        else:
            assert data == orjson.loads(text)
            answers += 1
    assert answers == 3
