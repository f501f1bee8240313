"""The limits come from the environment, and each of them is described."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from evenhand.environment import InvalidSetting
from evenhand_schema.subscriptions.limits import LiveLimits, live_limits_from_environment

PAGE = Path(__file__).parents[3] / "docs" / "admin" / "environment.md"


def test_the_environment_sets_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert live_limits_from_environment() == LiveLimits()
    monkeypatch.setenv("EVENHAND_LIVE_PENDING", "5")
    monkeypatch.setenv("EVENHAND_LIVE_SEND_SECONDS", "1.5")
    assert live_limits_from_environment() == LiveLimits(pending=5, send_seconds=1.5)


def test_a_limit_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_LIVE_PENDING", "many")
    with pytest.raises(InvalidSetting, match="EVENHAND_LIVE_PENDING"):
        live_limits_from_environment()


@pytest.mark.parametrize("field", fields(LiveLimits), ids=lambda field: field.name)
def test_every_limit_is_described_with_its_default(field: object) -> None:
    name, default = getattr(field, "name", ""), getattr(field, "default", None)
    line = next(
        one for one in PAGE.read_text(encoding="utf-8").splitlines() if f"`EVENHAND_LIVE_{name.upper()}`" in one
    )
    assert line.rstrip(" |").endswith(f"| {default:g}" if isinstance(default, float) else f"| {default}")
