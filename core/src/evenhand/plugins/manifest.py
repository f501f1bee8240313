"""The manifest: what is known of a plugin without running any of its code."""

from __future__ import annotations

from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""A lazily loaded object, "package.module:name"."""
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$")]


class PluginManifest(BaseModel):
    """Static facts about a plugin. Import-light: the module that holds it imports nothing heavy.

    Attributes:
        slug: the plugin's name everywhere; equal to its entry point's name.
        title: what people read, by language.
        api: the versions of `evenhand.API_VERSION` it works with, e.g. ">=0.1,<0.2".
        hooks: the object that implements hooks.
        settings: the pydantic model of its per-tenant settings.
        settings_version: counts changes of that model's shape.
        models, migrations: modules with its tables and their migrations.
        graphql: the object with its contribution to the GraphQL schema.
        permissions: what it does with the tenant's data, in words an admin can judge.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug
    title: dict[str, str]
    description: dict[str, str] = Field(default_factory=dict)
    api: str
    hooks: Target
    settings: Target | None = None
    settings_version: int = 1
    models: Module | None = None
    migrations: Module | None = None
    graphql: Target | None = None
    permissions: tuple[str, ...] = ()


def accepts_version(api: str, version: str) -> bool:
    """Whether a range such as ">=0.1,<0.2" takes `version`; a range that cannot be read takes none."""
    try:
        return SpecifierSet(api).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False
