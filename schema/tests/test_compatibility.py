"""The schema keeps what it promised at the last release, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema

from evenhand_schema.compatibility import ACKNOWLEDGED, RELEASED, compare, main, release, report, since_release
from evenhand_schema.sdl import current_sdl


def test_nothing_breaks_without_a_reason() -> None:
    changes = since_release()
    assert not changes.unexplained, f"{report(changes)}\nGive reasons in schema/{ACKNOWLEDGED.name}."
    assert not changes.stale, report(changes)


OLD = build_schema("type Query { a: Int, b: String, c(x: Int = 1): E } enum E { P Q }")


def test_a_breaking_change_needs_a_reason() -> None:
    new = build_schema("type Query { a: Int, c(x: Int = 1): E } enum E { P Q }")
    changes = compare(OLD, new, {})
    (change,) = changes.unexplained
    assert "Query.b" in change
    assert "no reason given" in report(changes)
    explained = compare(OLD, new, {change: "b was never filled"})
    assert explained.unexplained == []
    assert explained.breaking == {change: "b was never filled"}
    assert compare(OLD, new, {change: "  "}).unexplained == [change]


def test_dangerous_changes_are_listed() -> None:
    new = build_schema("type Query { a: Int, b: String, c(x: Int = 2): E } enum E { P Q R }")
    changes = compare(OLD, new, {})
    assert changes.breaking == {}
    assert len(changes.dangerous) == 2
    assert report(changes).count("dangerous  ") == 2


def test_a_reason_for_nothing_is_stale() -> None:
    assert compare(OLD, OLD, {"Query.z was removed.": "because"}).stale == ("Query.z was removed.",)


def test_a_release_begins_anew(tmp_path: Path) -> None:
    (tmp_path / RELEASED.name).write_text("type Query { gone: Int }")
    (tmp_path / ACKNOWLEDGED.name).write_text("")
    assert since_release(tmp_path).unexplained
    release(tmp_path)
    changes = since_release(tmp_path)
    assert (changes.breaking, changes.dangerous, changes.stale) == ({}, (), ())
    assert (tmp_path / RELEASED.name).read_text() == current_sdl()


def test_the_command_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "breaking changes" in capsys.readouterr().out
