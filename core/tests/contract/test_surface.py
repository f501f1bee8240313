"""What plugins import from `evenhand.api` keeps its shape, or somebody said why not.

`api.json` holds the surface as it was promised last; `breaking.json` holds a reason for each breaking change since.
To promise the surface as it is now: `python core/tests/contract/test_surface.py`, and empty `breaking.json`.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import griffe

HERE = Path(__file__).parent
PROMISED = HERE / "api.json"
BREAKING = HERE / "breaking.json"
SOURCE = HERE.parents[1] / "src"
_NOISE = {"docstring", "filepath", "git_info", "source_link", "analysis", "deprecated", "runtime"}


def surface() -> dict[str, Any]:
    """Everything that `evenhand.api` offers, as griffe's JSON without texts and places in files."""
    package = griffe.load("evenhand", search_paths=[str(SOURCE)])
    api = package["api"]
    names = sorted(str(name) for name in api.exports or [])
    members: dict[str, Any] = {}
    for name in names:
        member = api.members[name]
        try:
            found = member.final_target if isinstance(member, griffe.Alias) else member
        except griffe.AliasResolutionError:
            # From a library: that it is there is all that is promised.
            members[name] = {
                "kind": "attribute",
                "name": name,
                "labels": [],
                "value": None,
                "annotation": None,
                "lineno": 0,
            }
            continue
        members[name] = _plain(json.loads(found.as_json())) | {"name": name}
    return {"kind": "module", "name": "api", "labels": [], "members": members, "exports": names}


def _plain(part: Any) -> Any:
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _plain(value) for key, value in part.items() if key not in _NOISE}
    kept |= {key: 0 for key in ("lineno", "endlineno") if key in kept}
    members = part.get("members")
    if part.get("kind") == "class" and isinstance(members, dict):
        kept["members"] = {
            name: _plain(one)
            for name, one in members.items()
            if (not name.startswith("_") or name == "__init__") and one.get("kind") != "alias"
        }
    return kept


def breaking(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """What griffe finds that would break a plugin, one line each."""
    before, after = (_loaded(one) for one in (old, new))
    return {_told(change) for change in griffe.find_breaking_changes(before, after)}


def _loaded(described: dict[str, Any]) -> griffe.Module:
    module: griffe.Module = griffe.Module.from_json(json.dumps(described))
    # Where griffe looks for the bases of classes; libraries are not there, and count as unknown.
    module._modules_collection = griffe.ModulesCollection()
    module._modules_collection["api"] = module
    return module


def _told(change: griffe.Breakage) -> str:
    values = [] if change.kind is griffe.BreakageKind.OBJECT_REMOVED else [change.old_value, change.new_value]
    shown = " -> ".join(str(getattr(value, "name", value)) for value in values)
    return f"{change.obj.path}: {change.kind.value}{': ' if shown else ''}{shown}"


@cache
def now() -> dict[str, Any]:
    return surface()


def test_nothing_that_plugins_use_breaks_without_a_reason() -> None:
    reasons: dict[str, str] = json.loads(BREAKING.read_text(encoding="utf-8"))
    found = breaking(json.loads(PROMISED.read_text(encoding="utf-8")), now())
    unexplained = sorted(change for change in found if not reasons.get(change, "").strip())
    assert not unexplained, f"These break plugins; give each a reason in {BREAKING.name}: {unexplained}"
    assert not sorted(reasons.keys() - found), f"{BREAKING.name} gives reasons for nothing"


def test_breaking_changes_are_seen() -> None:
    changed = deepcopy(now())
    members = changed["members"]
    del members["Deal"]["members"]["amount"]
    del members["uuid7"]
    members["transaction"]["parameters"] = []
    members["PluginManifest"]["members"]["brand_new"] = members["PluginManifest"]["members"]["api"] | {
        "name": "brand_new"
    }
    assert breaking(now(), changed) == {
        "api.uuid7: Public object was removed",
        *(f"api.transaction: Parameter was removed: {name} -> None" for name in ("read_only", "few", "numbered")),
        "api.Deal.amount: Public object was removed",
    }
    assert breaking(now(), now()) == set()


def test_everything_that_is_offered_is_there() -> None:
    module = import_module("evenhand.api")
    assert [name for name in now()["exports"] if not hasattr(module, name)] == []
    assert now()["exports"] == sorted(module.__all__)


if __name__ == "__main__":
    PROMISED.write_text(json.dumps(surface(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
