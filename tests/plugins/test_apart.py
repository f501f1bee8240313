"""The core and its schema stand without plugins: `make test-core` runs their tests as if none were installed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from evenhand.plugins.loader import installed_plugins

ROOT = Path(__file__).parents[2]
FOLDERS = ("core/src", "core/tests", "schema/src", "schema/tests")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_plugin_is_imported_by_the_core(folder: str) -> None:
    packages = {f"evenhand_{plugin.name}" for plugin in installed_plugins()}
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) > 10
    wrong = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            wrong += [f"{path}: {name}" for name in names if name.partition(".")[0] in packages]
    assert wrong == []
