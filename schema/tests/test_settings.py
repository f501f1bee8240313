"""Settings of the server: defaults, what the environment says, and refusals in words."""

from __future__ import annotations

import os

import pytest

from evenhand.environment import InvalidSetting
from evenhand_schema.http.config import HttpConfig, http_from_environment
from evenhand_schema.limits import Limits


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("EVENHAND_") and name != "EVENHAND_DATA":
            monkeypatch.delenv(name)


def test_without_settings_the_defaults_hold() -> None:
    assert http_from_environment() == HttpConfig() == HttpConfig(limits=Limits())


def test_every_setting_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DEVELOPMENT": "yes",
        "DEBUG_HEADERS": "off",
        "INTROSPECTION": "on",
        "SUGGESTIONS": "0",
        "ACCESS_LOG": "false",
        "CORS_ORIGINS": "https://a.example, http://localhost:3000",
        "METRICS_TOKEN": "t0ken",
        "RATE_LIMIT": "10/second",
        "REFUSED_RATE_LIMIT": "OFF",
        "MAX_BODY_BYTES": "1",
        "MAX_TOKENS": "2",
        "MAX_DEPTH": "3",
        "MAX_ALIASES": "4",
        "MAX_ROOT_FIELDS": "5",
        "MAX_FIELDS": "6",
        "MAX_COST": "7",
        "MAX_VARIABLE_DEPTH": "8",
        "MAX_DOCUMENTS": "9",
        "MAX_DOCUMENT_CHARACTERS": "10",
        "OPERATION_TIMEOUT": "1.5",
        "STATEMENT_TIMEOUT": "0.5",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"EVENHAND_{name}", value)
    assert http_from_environment() == HttpConfig(
        development=True,
        debug_headers=False,
        introspection=True,
        suggestions=False,
        access_log=False,
        cors_origins=("https://a.example", "http://localhost:3000"),
        metrics_token="t0ken",
        rate="10/second",
        refused_rate=None,
        limits=Limits(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1.5, 0.5),
    )
    assert "t0ken" not in repr(http_from_environment())


def test_development_turns_debug_headers_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_DEVELOPMENT", "1")
    assert http_from_environment().debug_headers


def test_without_introspection_nothing_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_INTROSPECTION", "0")
    monkeypatch.setenv("EVENHAND_SUGGESTIONS", "1")
    assert not http_from_environment().suggestions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEVELOPMENT", "maybe"),
        ("MAX_COST", "0"),
        ("MAX_COST", "-1"),
        ("MAX_COST", "1.5"),
        ("MAX_COST", "many"),
        ("MAX_COST", "١"),
        ("OPERATION_TIMEOUT", "0"),
        ("OPERATION_TIMEOUT", "nan"),
        ("OPERATION_TIMEOUT", "inf"),
        ("OPERATION_TIMEOUT", "1e99"),
        ("STATEMENT_TIMEOUT", "soon"),
        ("RATE_LIMIT", "fast"),
        ("RATE_LIMIT", "5/fortnight"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/path"),
    ],
)
def test_what_cannot_be_understood_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"EVENHAND_{name}", value)
    with pytest.raises(InvalidSetting, match=f"EVENHAND_{name}") as refused:
        http_from_environment()
    assert refused.value.hint.startswith("Set it to ")
