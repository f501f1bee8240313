"""Find installed plugins by their entry points; a broken one is reported, never raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any

import structlog
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from evenhand import API_VERSION
from evenhand.environment import setting, words
from evenhand.plugins.checks import RESERVED, PluginProblem, import_problem, table_problem
from evenhand.plugins.manifest import PluginManifest, accepts_version

log = structlog.get_logger(__name__)

GROUP = "evenhand.plugins"


@dataclass(frozen=True)
class Discovered:
    """What one entry point turned out to be.

    Attributes:
        name: the entry point's name.
        distribution: name and version of the package it came from, e.g. "evenhand-scoring 0.1.0".
        manifest: None when it cannot be used, and then `problem` says why.
    """

    name: str
    distribution: str
    manifest: PluginManifest | None
    problem: PluginProblem | None = None

    @property
    def error(self) -> str | None:
        """The problem in words."""
        return None if self.problem is None else str(self.problem)


def _problem_of(point: EntryPoint, manifest: object) -> PluginProblem | None:
    if not isinstance(manifest, PluginManifest):
        return PluginProblem(
            "NOT_A_MANIFEST", f"{point.value} is no PluginManifest.", "Point the entry point at the manifest."
        )
    if manifest.slug != point.name:
        return PluginProblem(
            "WRONG_NAME",
            f"Its entry point is named {point.name!r}, its slug is {manifest.slug!r}.",
            "Give both the same name.",
        )
    if manifest.slug in RESERVED:
        return PluginProblem("RESERVED_SLUG", f"The core uses the name {manifest.slug!r} itself.", "Rename the plugin.")
    if not accepts_version(manifest.api, API_VERSION):
        return PluginProblem(
            "WRONG_API_VERSION",
            f"It is made for API {manifest.api}; this is API {API_VERSION}.",
            "Install a version of it that fits.",
        )
    return None


def _read(point: EntryPoint) -> Discovered:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    try:
        manifest = point.load()
        problem = _problem_of(point, manifest)
    except KeyboardInterrupt:
        raise
    except ValidationError as error:
        problem = import_problem("BAD_MANIFEST", "Its manifest", error)
    except BaseException as error:
        # A module that calls sys.exit() when it is imported must not end this process.
        problem = import_problem("IMPORT_FAILED", "It", error)
    return Discovered(point.name, distribution, None if problem else manifest, problem)


def _installed_points() -> Iterator[EntryPoint]:
    """The entry points of our group; a distribution whose metadata cannot be read is passed over."""
    seen: set[str] = set()
    for distribution in distributions():
        try:
            name = canonicalize_name(distribution.metadata["Name"])
            if name in seen:
                continue
            seen.add(name)
            yield from distribution.entry_points.select(group=GROUP)
        except Exception as error:
            log.warning("plugin.metadata_unreadable", distribution=str(distribution), error=type(error).__name__)


def _wanted() -> list[EntryPoint]:
    """The environment's entry points, less those that `EVENHAND_PLUGINS` leaves out."""
    only = setting("EVENHAND_PLUGINS", None, words)
    return [point for point in _installed_points() if only is None or point.name in only]


def discover(points: Iterable[EntryPoint] | None = None) -> list[Discovered]:
    """All plugins installed beside us, sorted by name; two of one name are both refused.

    Args:
        points: entry points to read instead of the environment's.
    """
    found = [_read(point) for point in (points if points is not None else _wanted())]
    times = Counter(item.name for item in found)
    checked = []
    for item in sorted(found, key=lambda item: (item.name, item.distribution)):
        if times[item.name] > 1:
            rivals = ", ".join(sorted(other.distribution for other in found if other.name == item.name))
            problem = PluginProblem(
                "DUPLICATE_SLUG", f"The slug is used by {rivals}.", "Uninstall all but one of them; none is used."
            )
            checked.append(Discovered(item.name, item.distribution, None, problem))
        else:
            checked.append(item)
    return checked


def check_tables(found: Iterable[Discovered]) -> list[Discovered]:
    """The same plugins, those without a manifest whose models or migrations cannot be used."""
    plugins = list(found)
    slugs = [item.name for item in plugins]
    checked = []
    for item in plugins:
        problem = table_problem(item.manifest, slugs) if item.manifest is not None else None
        if problem is not None:
            log.warning("plugin.unusable", plugin=item.name, code=problem.code, error=str(problem))
            item = Discovered(item.name, item.distribution, None, problem)
        checked.append(item)
    return checked


@cache
def installed_plugins() -> tuple[Discovered, ...]:
    """The plugins of this process with all that keeps them from being used, read once.

    Installing a package needs a new process.
    """
    return tuple(check_tables(discover()))


def installed_manifests() -> list[PluginManifest]:
    """The manifests of the installed plugins that can be used."""
    return [item.manifest for item in installed_plugins() if item.manifest is not None]


def load_target(target: str) -> Any:
    """Import what "package.module:name" names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
