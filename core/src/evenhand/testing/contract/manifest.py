"""The part of the contract about the manifest, the code's imports and the hooks' signatures."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

from packaging.specifiers import SpecifierSet

from evenhand import API_VERSION
from evenhand.plugins.hooks import SPECS
from evenhand.plugins.host import PluginHost
from evenhand.plugins.loader import discover, load_target
from evenhand.plugins.manifest import accepts_version
from evenhand.testing.contract.base import LANGUAGES, ContractBase

PUBLIC = {
    "evenhand": ("evenhand", "evenhand.api"),
    "evenhand_schema": ("evenhand_schema.api",),
}
"""What a plugin may import of ours, by distribution."""

_LOADED_BY = """
import sys
import evenhand.api
before = set(sys.modules)
import {module}
print("\\n".join(sorted(set(sys.modules) - before)))
"""


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and module of every import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module in PUBLIC:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


class ManifestContract(ContractBase):
    """What holds before any of the plugin's code runs."""

    def test_the_plugin_is_found_by_its_slug(self) -> None:
        """The entry point has the slug's name and leads to this manifest."""
        (found,) = discover([self.entry_point()])
        assert found.error is None, found.error
        assert found.manifest == self.manifest

    def test_it_takes_this_api_and_no_later_break(self) -> None:
        """`api` accepts the present version and ends somewhere."""
        assert accepts_version(self.manifest.api, API_VERSION), f"api={self.manifest.api!r} refuses {API_VERSION}"
        bounds = [part for part in SpecifierSet(self.manifest.api) if part.operator in ("<", "<=", "~=", "==")]
        assert bounds, f"api={self.manifest.api!r} has no upper bound: a later API may break it; say e.g. '>=0.1,<0.2'"

    def test_words_for_people_are_in_english_and_chinese(self) -> None:
        """Title and description in both languages, and what it does with the data."""
        for name, words in (("title", self.manifest.title), ("description", self.manifest.description)):
            missing = [language for language in LANGUAGES if not words.get(language, "").strip()]
            assert not missing, f"{name} is missing in {missing}"
        assert self.manifest.permissions, "permissions: say what it does with the tenant's data"
        for job in self.manifest.jobs:
            assert set(LANGUAGES) <= set(job.title), f"the title of job {job.kind} is missing in a language"

    def test_the_manifest_is_light(self) -> None:
        """Reading it loads none of the plugin's other modules and nothing beyond `evenhand.api`."""
        module = self.entry_point().module
        script = _LOADED_BY.format(module=module)
        answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
        assert answer.returncode == 0, answer.stderr
        packages = {".".join(module.split(".")[: depth + 1]) for depth in range(module.count(".") + 1)}
        heavy = [
            name
            for name in answer.stdout.split()
            if name not in packages and name.partition(".")[0] not in sys.stdlib_module_names
        ]
        assert heavy == [], f"{module} loads them; name what they hold as text, 'package.module:name'"

    def test_it_imports_only_the_public_surface(self) -> None:
        """`evenhand.api` and `evenhand_schema.api`; all else of ours may change at any time."""
        wrong = []
        for path, tree in self.sources():
            for line, module in _imports(tree):
                top = module.partition(".")[0]
                allowed = PUBLIC.get(top)
                public = allowed is not None and any(
                    module == name or (name != top and module.startswith(f"{name}.")) for name in allowed
                )
                if allowed is not None and not public:
                    wrong.append(f"{path}:{line} imports {module}")
        assert wrong == [], "import from evenhand.api or evenhand_schema.api instead"

    def test_it_knows_no_other_plugin(self) -> None:
        """It works without any other plugin installed."""
        wrong = [
            f"{path}:{line} imports {module}"
            for path, tree in self.sources()
            for line, module in _imports(tree)
            if module.startswith("evenhand_") and module.partition(".")[0] not in (self.package(), "evenhand_schema")
        ]
        assert wrong == []

    def test_everything_it_names_is_there(self) -> None:
        """All targets of the manifest can be loaded."""
        manifest = self.manifest
        for target in (manifest.hooks, manifest.settings, manifest.upgrade_settings, manifest.graphql):
            if target is not None:
                load_target(target)
        for job in manifest.jobs:
            load_target(job.target)
        for module in (manifest.models, manifest.migrations):
            if module is not None:
                import_module(module)
        assert (manifest.models is None) == (manifest.migrations is None), "models and migrations come together"

    def test_the_host_takes_it(self) -> None:
        """Its hooks have names and arguments that the core knows."""
        host = PluginHost([])
        host.load(self.manifest)
        assert host.failures == {}
        assert list(host.manifests) == [self.manifest.slug]

    def test_no_hook_is_forgotten(self) -> None:
        """A method that is named like a hook is marked with `@hookimpl`."""
        hooks = load_target(self.manifest.hooks)
        unmarked = [
            name for name in SPECS if callable(getattr(hooks, name, None)) and not _is_marked(getattr(hooks, name))
        ]
        assert unmarked == [], "mark them with @hookimpl, else they are never called"

    def test_events_it_wants_are_handled(self) -> None:
        """`events` in the manifest and `on_event` among the hooks come together."""
        handles = _is_marked(getattr(load_target(self.manifest.hooks), "on_event", None))
        assert handles == bool(self.manifest.events), (
            "name the types in the manifest's `events`, handle them in on_event"
        )


def _is_marked(function: object) -> bool:
    return getattr(function, "evenhand_impl", None) is not None
