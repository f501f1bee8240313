"""Find installed plugins by their entry points; a broken one is reported, never raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from evenhand import API_VERSION
from evenhand.plugins.manifest import PluginManifest, accepts_version

GROUP = "evenhand.plugins"


@dataclass(frozen=True)
class Discovered:
    """What one entry point turned out to be.

    Attributes:
        name: the entry point's name.
        distribution: name and version of the package it came from, e.g. "evenhand-scoring 0.1.0".
        manifest: None when it cannot be used, and then `error` says why.
    """

    name: str
    distribution: str
    manifest: PluginManifest | None
    error: str | None = None


def _read(point: EntryPoint) -> Discovered:
    distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    try:
        manifest = point.load()
    except Exception as error:
        return Discovered(point.name, distribution, None, f"It cannot be imported: {type(error).__name__}: {error}")
    if not isinstance(manifest, PluginManifest):
        return Discovered(point.name, distribution, None, f"{point.value} is no PluginManifest.")
    if manifest.slug != point.name:
        return Discovered(
            point.name, distribution, None, f"Its entry point is named {point.name!r}, its slug is {manifest.slug!r}."
        )
    if not accepts_version(manifest.api, API_VERSION):
        return Discovered(
            point.name, distribution, None, f"It is made for API {manifest.api}; this is API {API_VERSION}."
        )
    return Discovered(point.name, distribution, manifest)


def discover(points: Iterable[EntryPoint] | None = None) -> list[Discovered]:
    """All plugins installed beside us, sorted by name; two of one name are both refused.

    Args:
        points: entry points to read instead of the environment's.
    """
    found = [_read(point) for point in (points if points is not None else entry_points(group=GROUP))]
    names = [item.name for item in found]
    checked = []
    for item in sorted(found, key=lambda item: (item.name, item.distribution)):
        if names.count(item.name) > 1:
            rivals = ", ".join(sorted(other.distribution for other in found if other.name == item.name))
            checked.append(Discovered(item.name, item.distribution, None, f"The slug is used by {rivals}."))
        else:
            checked.append(item)
    return checked


@cache
def installed_plugins() -> tuple[Discovered, ...]:
    """`discover()` of this process, read once: installing a package needs a new process."""
    return tuple(discover())


def installed_manifests() -> list[PluginManifest]:
    """The manifests of the installed plugins that can be used."""
    return [item.manifest for item in installed_plugins() if item.manifest is not None]


def load_target(target: str) -> Any:
    """Import what "package.module:name" names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
