"""`evenhand plugin new`: what it writes works as it is, and is clean."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.testing import Command


def _run(folder: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path / "data")


@pytest.mark.slow
def test_a_new_plugin_passes_its_own_tests_and_is_clean(evenhand: Command, tmp_path: Path) -> None:
    folder, site = tmp_path / "new", tmp_path / "site"
    words = ("--title", "Word marks", "--title-zh", "词语标记", "--folder", str(folder))
    assert "pip install" in evenhand("plugin", "new", "word_marks", *words)
    _run(folder, "ruff", "check", ".")
    _run(folder, "ruff", "format", "--check", ".")
    _run(folder, "mypy", "--cache-dir", str(tmp_path / "mypy"))
    alone = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    _run(folder, "pip", "install", *alone, "--target", str(site), "--editable", ".")
    beside = {"PYTHONPATH": f"{site}{os.pathsep}{folder / 'src'}", "EVENHAND_PLUGINS": "word_marks"}
    outcome = _run(folder, "pytest", "-q", "-rs", "-p", "no:cacheprovider", **beside)
    passed = re.search(r"(\d+) passed", outcome)
    assert passed is not None, outcome
    assert int(passed[1]) >= 38
    assert "skipped" not in outcome, outcome


def test_names_and_places_that_do_not_fit_are_told(evenhand: Command, tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").touch()
    assert "exists already" in evenhand("plugin", "new", "fine", "--folder", str(used), code=1)
    for name, title in (("Bad-Name", "Fine"), ("fine", 'He said "no"'), ("fine", " ")):
        place = ("--folder", str(tmp_path / "other"))
        assert "can be written" in evenhand("plugin", "new", name, "--title", title, *place, code=1)
    assert not (tmp_path / "other").exists()


def test_models_without_migrations_are_told(evenhand: Command) -> None:
    assert "say what its models say" in evenhand("plugin", "makemigrations", "assignment")
    assert "No plugin 'nobody'" in evenhand("plugin", "makemigrations", "nobody", code=1)
