"""The manifest: what is known of a plugin without running any of its code."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""A lazily loaded object, "package.module:name"."""
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$")]

EventType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{1,62}$")]
"""An event's class name, "LeadCreated"."""
JobKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,40}\.[a-z][a-z0-9_]{0,21}$")]
"""A plugin's kind of job: its slug, a dot, a name; at most 64 characters."""


class JobSpec(BaseModel):
    """A kind of job that a plugin brings.

    Attributes:
        kind: "<slug>.<name>".
        target: `async def handler(job: RunningJob, payload: dict)`.
        title: what people read, by language.
        schedule: when it runs by itself, as cron says it, in the tenant's time zone; None: only when it is enqueued.
        timeout: how long one run may take; None: as the worker's usual jobs.
        retries: how often it is tried again after an error; None: as the worker's usual jobs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: JobKind
    target: Target
    title: dict[str, str]
    schedule: str | None = None
    timeout: timedelta | None = None
    retries: int | None = Field(default=None, ge=0, le=100)


class PluginManifest(BaseModel):
    """Static facts about a plugin. Import-light: the module that holds it imports nothing heavy.

    Attributes:
        slug: the plugin's name everywhere; equal to its entry point's name.
        title: what people read, by language.
        api: the versions of `evenhand.API_VERSION` it works with, e.g. ">=0.1,<0.2".
        hooks: the object that implements hooks.
        settings: the pydantic model of its per-tenant settings.
        settings_version: counts changes of that model's shape.
        upgrade_settings: a pure function `(version, data) -> data` that brings settings stored at an older version
            to `settings_version`; secrets pass through it as sealed texts. Without one they are read as they are.
        models, migrations: modules with its tables and their migrations.
        graphql: the object with its contribution to the GraphQL schema.
        permissions: what it does with the tenant's data, in words an admin can judge.
        events: types of events that `on_event` wants.
        jobs: kinds of jobs that it brings.
        validates: entities whose records `validate_record` checks; None: all. Writes of others do not ask it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug
    title: dict[str, str]
    description: dict[str, str] = Field(default_factory=dict)
    api: str
    hooks: Target
    settings: Target | None = None
    settings_version: int = Field(default=1, ge=1)
    models: Module | None = None
    migrations: Module | None = None
    graphql: Target | None = None
    permissions: tuple[str, ...] = ()
    events: tuple[EventType, ...] = ()
    jobs: tuple[JobSpec, ...] = ()
    upgrade_settings: Target | None = None
    validates: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _kinds_are_its_own(self) -> Self:
        for job in self.jobs:
            if job.kind.partition(".")[0] != self.slug:
                raise ValueError(f"the kind of job {job.kind!r} does not start with {self.slug + '.'!r}")
        return self


def accepts_version(api: str, version: str) -> bool:
    """Whether a range such as ">=0.1,<0.2" takes `version`; a range that cannot be read takes none."""
    try:
        return SpecifierSet(api).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False
