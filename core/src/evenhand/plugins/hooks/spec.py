"""What a hook specification says besides its signature: how results are put together, and what a failure means."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import pluggy

PROJECT = "evenhand"
hookimpl = pluggy.HookimplMarker(PROJECT)
_hookspec = pluggy.HookspecMarker(PROJECT)
_MARK = "_evenhand_says"

F = TypeVar("F", bound=Callable[..., Any])


class Result(StrEnum):
    """Whom the core asks, and what it takes."""

    COLLECT = "collect"
    """Every enabled plugin in the tenant's order; all answers."""
    FIRST = "first"
    """Enabled plugins in the tenant's order until one has an answer other than None."""
    ONE = "one"
    """The plugin that is named."""


class Policy(StrEnum):
    """What follows when a plugin fails: raises, takes too long, or answers with another type."""

    ABORT = "abort"
    """The operation fails with PLUGIN_FAILED and is rolled back."""
    SKIP = "skip"
    """It is logged and counted; the other plugins' answers stand."""
    RETRY = "retry"
    """The delivery is repeated later, and in the end becomes a dead letter."""
    DENY = "deny"
    """The answer is no. That holds for a suspended plugin too."""
    QUARANTINE = "quarantine"
    """The plugin is suspended for the tenant at once."""


@dataclass(frozen=True)
class HookSpec:
    """One hook.

    Attributes:
        group: the part of the life cycle it belongs to: the name of its module.
        arguments: names in order; `ctx` is the first.
        function: the specification itself, with annotations and docstring.
    """

    name: str
    group: str
    arguments: tuple[str, ...]
    result: Result
    policy: Policy
    function: Callable[..., Any]

    @property
    def signature(self) -> str:
        """As people read it: "importers(ctx: TenantContext) -> Sequence[Importer]"."""
        full = inspect.signature(self.function)
        own = [parameter for name, parameter in full.parameters.items() if name != "self"]
        shown = ", ".join(f"{item.name}: {item.annotation}" for item in own)
        return f"{self.name}({shown}) -> {full.return_annotation}"

    @property
    def denies(self) -> bool:
        """Whether a failure counts as no."""
        return self.policy is Policy.DENY

    @property
    def doc(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.function) or ""


def spec(*, result: Result, policy: Policy) -> Callable[[F], F]:
    """Make a method of a group of hooks the specification of a hook."""

    def mark(function: F) -> F:
        setattr(function, _MARK, (result, policy))
        return _hookspec(function)

    return mark


def specs_of(groups: Iterable[type]) -> dict[str, HookSpec]:
    """The specifications in these classes by name.

    Raises:
        TypeError: two have the same name, one does not start with `ctx`, or says nothing.
    """
    found: dict[str, HookSpec] = {}
    for group in groups:
        for name, function in vars(group).items():
            mark = getattr(function, _MARK, None)
            if mark is None:
                continue
            arguments = tuple(inspect.signature(function).parameters)[1:]
            if name in found or arguments[:1] != ("ctx",) or not function.__doc__:
                raise TypeError(f"{group.__name__}.{name}: a hook has a name of its own, ctx first, and a docstring.")
            result, policy = mark
            found[name] = HookSpec(name, group.__module__.rpartition(".")[2], arguments, result, policy, function)
    return found
