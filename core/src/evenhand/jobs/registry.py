"""Which kinds of jobs there are and who does them: the core's own and those of the installed plugins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from evenhand.jobs.errors import UnknownJobKind

if TYPE_CHECKING:
    from evenhand.jobs.running import RunningJob

log = structlog.get_logger(__name__)

JobHandler = Callable[["RunningJob", dict[str, Any]], Awaitable[None]]
"""Does a job, as the tenant's system, outside of any transaction."""

H = TypeVar("H", bound=JobHandler)

CORE_JOBS: tuple[str, ...] = (
    "evenhand.jobs.housekeeping",
    "evenhand.jobs.approvals",
    "evenhand.jobs.conflicts",
    "evenhand.jobs.audit",
    "evenhand.jobs.pools",
    "evenhand.automation.reminders",
    "evenhand.jobs.signals",
    "evenhand.jobs.reclaims",
)
"""Modules that declare the core's own kinds with `@job` and `default_schedule`."""

LONGEST = timedelta(minutes=30)
RETRIES = 5


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is done.

    Attributes:
        timeout: the time that one attempt may take; None for any.
        retries: how often it is tried again after a failure.
        plugin: whose it is; it is done only while the tenant has this plugin enabled. None for the core's.
    """

    kind: str
    handler: JobHandler
    timeout: timedelta | None = LONGEST
    retries: int = RETRIES
    plugin: str | None = None


@dataclass(frozen=True)
class DefaultSchedule:
    """A schedule that every tenant has unless an admin changed it. See `set_schedule` for the attributes."""

    name: str
    kind: str
    cron: str
    payload: Mapping[str, Any] = field(default_factory=dict)


_kinds: dict[str, JobKind] = {}
_schedules: dict[str, DefaultSchedule] = {}
_loaded: set[str] = set()


def job(kind: str, *, timeout: timedelta | None = LONGEST, retries: int = RETRIES) -> Callable[[H], H]:
    """Declare who does a kind of job of the core; the module belongs into `CORE_JOBS`.

    What the handler writes is there exactly once when it is written inside `job.step(…)` or `job.finishing()`.

    Args:
        kind: its name, e.g. "housekeeping"; a dot in it is for plugins.
        timeout: the time that one attempt may take; None for any.
        retries: how often it is tried again after a failure, later each time.
    """

    def declare(handler: H) -> H:
        known = _kinds.get(kind)
        if known is not None and known.handler is not handler:
            raise ValueError(f"the kind {kind!r} of job is declared twice")
        _kinds[kind] = JobKind(kind, handler, timeout, retries)
        return handler

    return declare


def default_schedule(name: str, kind: str, cron: str, payload: Mapping[str, Any] | None = None) -> None:
    """Give every tenant this schedule: new ones when they are created, the others when a worker starts."""
    _schedules[name] = DefaultSchedule(name, kind, cron, dict(payload or {}))


def default_schedules() -> list[DefaultSchedule]:
    """The schedules that every tenant gets."""
    _load()
    return list(_schedules.values())


def job_kinds() -> dict[str, JobKind]:
    """All kinds by name: the core's, and those of the installed plugins as "slug.name"."""
    _load()
    return dict(_kinds) | _of_plugins()


def job_kind(kind: str) -> JobKind:
    """The kind of this name.

    Raises:
        UnknownJobKind: nobody declares it here.
    """
    _load()
    found = _kinds.get(kind) or _of_plugins().get(kind)
    if found is None:
        raise UnknownJobKind(
            f"There is no kind {kind!r} of job.",
            hint="Declare it with @job in a module named in CORE_JOBS, or in the plugin's manifest.",
        )
    return found


def schedules_of_plugin(slug: str) -> list[DefaultSchedule]:
    """The schedules that an installed plugin brings for the tenants that use it, named as their kinds."""
    from evenhand.plugins.host import current_host

    manifest = current_host().manifests.get(slug)
    jobs = manifest.jobs if manifest is not None else ()
    return [DefaultSchedule(spec.kind, spec.kind, spec.schedule) for spec in jobs if spec.schedule is not None]


def _load() -> None:
    for module in CORE_JOBS:
        if module not in _loaded:
            import_module(module)
            _loaded.add(module)


def _of_plugins() -> dict[str, JobKind]:
    # Here and not above: the host imports much that imports jobs.
    from evenhand.plugins.host import current_host
    from evenhand.plugins.loader import load_target

    found: dict[str, JobKind] = {}
    for slug, manifest in current_host().manifests.items():
        for spec in manifest.jobs:
            try:
                handler: JobHandler = load_target(spec.target)
            except Exception as error:
                log.warning("job.handler_unusable", kind=spec.kind, error=f"{type(error).__name__}: {error}")
                continue
            retries = RETRIES if spec.retries is None else spec.retries
            found[spec.kind] = JobKind(spec.kind, handler, spec.timeout or LONGEST, retries, plugin=slug)
    return found
