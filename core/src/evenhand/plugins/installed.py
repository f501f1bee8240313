"""The plugins of this installation and their hooks; one that cannot be used is kept apart with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy
import structlog

from evenhand.plugins.checks import PluginProblem, hook_problem, import_problem
from evenhand.plugins.hooks import GROUPS, PROJECT, HookSpec, specs_of
from evenhand.plugins.loader import Discovered, load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.settings import UnusableSettingsModel, settings_model

log = structlog.get_logger(__name__)


class Installed:
    """What is installed. pluggy keeps the hooks and knows their signatures; it calls none of them.

    Attributes:
        manifests: of the plugins that can be used, by slug.
        problems: why the others cannot be, by slug.
    """

    def __init__(self, groups: Iterable[type] = GROUPS) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self.specs: Mapping[str, HookSpec] = specs_of(groups)
        for group in groups:
            self._manager.add_hookspecs(group)
        self.manifests: dict[str, PluginManifest] = {}
        self.problems: dict[str, PluginProblem] = {}

    def take(self, plugin: Discovered) -> None:
        """Take in what was discovered."""
        if plugin.manifest is not None:
            self.load(plugin.manifest)
        elif plugin.problem is not None:
            self.problems.setdefault(plugin.name, plugin.problem)

    def load(self, manifest: PluginManifest, hooks: object | None = None) -> None:
        """Take a plugin in; what keeps it from being used is kept in `problems` and never raised.

        Args:
            hooks: the object with its hooks, instead of the manifest's (tests).
        """
        slug = manifest.slug
        problem = self._register(manifest, hooks)
        if problem is None:
            self.manifests[slug] = manifest
            return
        if self._manager.has_plugin(slug) and slug not in self.manifests:
            self._manager.unregister(name=slug)
        self.problems[slug] = problem
        log.warning("plugin.unusable", plugin=slug, code=problem.code, error=str(problem))

    def _register(self, manifest: PluginManifest, hooks: object | None) -> PluginProblem | None:
        if manifest.slug in self.manifests:
            message = f"The slug {manifest.slug} is taken by another plugin."
            return PluginProblem("DUPLICATE_SLUG", message, "The one that came first is used; rename the other.")
        try:
            implementation = hooks if hooks is not None else load_target(manifest.hooks)
            problem = hook_problem(implementation, self.specs)
            if problem is not None:
                return problem
            self._manager.register(implementation, name=manifest.slug)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return import_problem("HOOKS_UNUSABLE", manifest.hooks, error)
        return self._settings_problem(manifest)

    @staticmethod
    def _settings_problem(manifest: PluginManifest) -> PluginProblem | None:
        try:
            settings_model(manifest)
            if manifest.upgrade_settings:
                load_target(manifest.upgrade_settings)
        except KeyboardInterrupt:
            raise
        except UnusableSettingsModel as error:
            return PluginProblem("SETTINGS_UNUSABLE", str(error), "Update the plugin, or tell its author.")
        except BaseException as error:
            return import_problem("SETTINGS_UNUSABLE", "Its settings", error)
        return None

    def implementation(self, hook: str, slug: str) -> Any:
        """pluggy's description of a plugin's implementation of a hook; None when it has none."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return next((item for item in caller.get_hookimpls() if item.plugin_name == slug), None)

    def hooks_of(self, slug: str) -> tuple[str, ...]:
        """The names of the hooks that a plugin implements, sorted; none for one that cannot be used."""
        if slug not in self.manifests:
            return ()
        return tuple(sorted(name for name in self.specs if self.implementation(name, slug) is not None))
