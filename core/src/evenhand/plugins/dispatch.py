"""The dispatcher: asks plugins one after the other and holds each to the hook's error policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, NamedTuple

import structlog

from evenhand.errors import EvenhandError
from evenhand.plugins.checks import describe, trace
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.failures import note_failure
from evenhand.plugins.guard import BadAnswer, Limits, Ran, call_guarded, wait_guarded
from evenhand.plugins.hooks import HookSpec, Policy, Result
from evenhand.plugins.results import Check
from evenhand.plugins.snapshot import EnabledPlugin

_PLAIN = (list, tuple, str, type(None))

log = structlog.get_logger(__name__)


class PluginFailed(EvenhandError):
    """A plugin failed where the operation cannot go on without its answer; nothing was changed."""

    code = "PLUGIN_FAILED"


class PluginSuspended(EvenhandError):
    """A plugin is suspended for the tenant, and its answer cannot be done without."""

    code = "PLUGIN_SUSPENDED"


class Outcome(NamedTuple):
    """What one plugin answered: a value or an error, and how long it took (seconds).

    Attributes:
        denied: the answer counts as no, because it failed in a hook with the policy "deny".
    """

    plugin: str
    value: Any
    error: Exception | None
    elapsed: float
    denied: bool = False


@dataclass(frozen=True)
class Binding:
    """One plugin's implementation of one hook.

    Attributes:
        wants: the arguments that it names, without `ctx`.
    """

    plugin: EnabledPlugin
    function: Any
    wants: tuple[str, ...]
    wants_context: bool


class Dispatcher:
    """Asks plugins.

    Attributes:
        slow: how often a plugin's plain hook kept everybody waiting, by (plugin, hook).
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.slow: Counter[tuple[str, str]] = Counter()

    async def ask(
        self, spec: HookSpec, check: Check, ctx: TenantContext, asked: Sequence[Binding], arguments: Mapping[str, Any]
    ) -> list[Outcome]:
        """Ask these plugins in this order.

        Returns: one outcome per plugin that was asked. With the result "first" the last one has the answer, if any.

        Raises:
            PluginFailed: with the policy "abort"; what the plugin wrote is undone. Its own EvenhandError is raised
                as it is: it speaks to whoever asked for the operation.
        """
        outcomes: list[Outcome] = []
        first = spec.result is Result.FIRST
        for binding in asked:
            plugin = binding.plugin
            given = {name: arguments[name] for name in binding.wants}
            if binding.wants_context:
                given["ctx"] = ctx if plugin.settings is ctx.settings else ctx.with_settings(plugin.settings)
            ran = call_guarded(binding.function, given, self.limits)
            # What most plugins answer needs no question whether it can be awaited.
            if type(ran.value) not in _PLAIN and isawaitable(ran.value):
                await wait_guarded(ran.value, self.limits, ran)
            if ran.blocked > self.limits.blocking:
                self._slow(plugin.manifest.slug, spec, ran.blocked)
            if ran.error is None:
                _check_answer(spec, check, ran)
            slug, error = plugin.manifest.slug, ran.error
            outcomes.append(Outcome(slug, ran.value, error, ran.elapsed, error is not None and spec.denies))
            if error is not None:
                await self._failed(spec, ctx, slug, error)
            elif first and ran.value is not None:
                break
        return outcomes

    def _slow(self, plugin: str, spec: HookSpec, seconds: float) -> None:
        self.slow[plugin, spec.name] += 1
        log.warning("plugin.slow", plugin=plugin, hook=spec.name, seconds=round(seconds, 3))

    async def _failed(self, spec: HookSpec, ctx: TenantContext, plugin: str, error: Exception) -> None:
        refused = isinstance(error, EvenhandError)
        aborts = spec.policy is Policy.ABORT
        if not (refused and aborts):
            log.warning("plugin.hook_failed", plugin=plugin, hook=spec.name, exception=trace(error))
            reason = f"{spec.name}: {describe(error)}"
            at_once = spec.policy is Policy.QUARANTINE
            await note_failure(ctx.tenant_id, plugin, reason, self.limits, at_once=at_once)
        if not aborts:
            return
        if isinstance(error, EvenhandError):
            raise error
        raise PluginFailed(
            f"Plugin {plugin} failed in {spec.name}: {describe(error)}.",
            hint="Nothing was changed. Disable the plugin or tell its author; the log has the details.",
            plugin=plugin,
            hook=spec.name,
        ) from error


def _check_answer(spec: HookSpec, check: Check, ran: Ran) -> None:
    try:
        if type(ran.value) not in _PLAIN and isinstance(ran.value, Sequence):
            # A list of the plugin's own making may do anything each time it is read; this is the last time.
            ran.value = list(ran.value)
        problem = check(ran.value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        problem = describe(error)
    if problem is not None:
        ran.value, ran.error = None, BadAnswer(f"{spec.name} answered with {problem}")
