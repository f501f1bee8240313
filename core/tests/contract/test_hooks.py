"""The hooks are as `hooks.json` says: names, arguments, answers, results and error policies.

A change of a hook changes the contract with plugins. To make it on purpose: `python core/tests/contract/test_hooks.py`,
and `evenhand.API_VERSION` when a plugin that was written for the old hook would no longer work.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.plugins.contract import TenantContext
from evenhand.plugins.hooks import SPECS, Policy, Result, spec, specs_of

PROMISED = Path(__file__).with_name("hooks.json")


def hooks() -> dict[str, Any]:
    """The hooks as JSON."""
    return {
        name: {
            "group": one.group,
            "signature": one.signature,
            "arguments": list(one.arguments),
            "result": one.result.value,
            "policy": one.policy.value,
        }
        for name, one in sorted(SPECS.items())
    }


def test_hooks_are_as_promised() -> None:
    promised = json.loads(PROMISED.read_text(encoding="utf-8"))
    assert hooks() == promised, f"A hook changed. On purpose? Then: python {Path(__file__).name}"


def test_every_hook_says_what_its_return_value_does() -> None:
    assert [name for name, one in SPECS.items() if "Returns:" not in one.doc] == []


def test_a_specification_without_words_or_context_is_refused() -> None:
    class Silent:
        @spec(result=Result.ONE, policy=Policy.ABORT)
        async def quiet(self, ctx: TenantContext) -> None:
            raise NotImplementedError

    class Headless:
        @spec(result=Result.ONE, policy=Policy.ABORT)
        async def loose(self, number: int) -> None:
            """Do without a context. Returns: nothing."""

    class Again:
        @spec(result=Result.ONE, policy=Policy.ABORT)
        async def importers(self, ctx: TenantContext) -> None:
            """Take a name that is taken. Returns: nothing."""

    for groups in ((Silent,), (Headless,), (Again, Again)):
        with pytest.raises(TypeError):
            specs_of(groups)


if __name__ == "__main__":
    PROMISED.write_text(json.dumps(hooks(), indent=2) + "\n", encoding="utf-8")
