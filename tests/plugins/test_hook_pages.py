"""Every hook has a page with its exact signature and an example that is in use, and a test of its name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from evenhand.plugins.hooks import SPECS, HookSpec

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "plugins" / "hooks"
EXAMPLE = re.compile(r"^From `([^`]+)`:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TESTS = ("core/tests", "schema/tests", "plugins", "tests")

each_hook = pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)


def page(spec: HookSpec) -> str:
    return (PAGES / f"{spec.name}.md").read_text(encoding="utf-8")


def test_there_is_a_page_for_each_hook_and_no_other() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(SPECS)


@each_hook
def test_it_shows_the_exact_signature(spec: HookSpec) -> None:
    assert page(spec).startswith(f"# {spec.name}\n\n```python\nasync def {spec.signature}\n```\n")


@each_hook
def test_it_says_what_a_failure_means(spec: HookSpec) -> None:
    _, _, failure = page(spec).partition("## When it fails\n\n")
    assert failure.startswith(f"**{spec.policy.value}**")


@each_hook
def test_its_example_is_in_use(spec: HookSpec) -> None:
    examples = EXAMPLE.findall(page(spec))
    assert examples
    for path, code in examples:
        assert path.startswith("plugins/")
        (shown,) = ast.parse(code).body
        source = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        used = [ast.unparse(node) for node in ast.walk(source) if getattr(node, "name", "") == spec.name]
        assert ast.unparse(shown) in used, f"{path} is not as docs/plugins/hooks/{spec.name}.md says"


def test_the_overview_leads_to_each() -> None:
    overview = (ROOT / "docs" / "plugins" / "README.md").read_text(encoding="utf-8")
    assert [name for name in SPECS if f"[`{name}`](hooks/{name}.md)" not in overview] == []


def test_each_has_a_test_of_its_name() -> None:
    tests = [path for folder in TESTS for path in (ROOT / folder).rglob("test_*.py")]
    assert len(tests) > 50
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    named = set(re.findall(r"def (test_hook_\w+)\(", text))
    assert [name for name in SPECS if f"test_hook_{name}" not in named] == []
