"""What keeps an installed plugin from being used: codes, words, and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import isclass
from pkgutil import iter_modules
from typing import Any

import pluggy
from tortoise.models import Model

from evenhand.plugins.hooks import PROJECT, HookSpec
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.models import ScopedModel

RESERVED = frozenset({"core", "default", "evenhand", "models"})
"""Names that the core uses where a plugin's slug would stand."""


@dataclass(frozen=True)
class PluginProblem:
    """Why a plugin cannot be used in this installation; nothing of it runs.

    Attributes:
        code: stable upper case words for programs, e.g. "UNKNOWN_HOOK".
        message: what, for people.
        hint: what to do.
    """

    code: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"


def describe(error: BaseException) -> str:
    """An error in one line, whatever its own `__str__` does."""
    try:
        return f"{type(error).__name__}: {error}".strip().rstrip(":")[:2000]
    except BaseException as broken:
        if isinstance(broken, KeyboardInterrupt):
            raise
        return type(error).__name__


def trace(error: BaseException) -> str:
    """Where an error came from, for the log, whatever its own `__str__` does."""
    try:
        return "".join(traceback.format_exception(error))
    except BaseException as broken:
        if isinstance(broken, KeyboardInterrupt):
            raise
        return "".join(traceback.format_tb(error.__traceback__))


_TELL_AUTHOR = "Update the plugin, or tell its author."


def import_problem(code: str, what: str, error: BaseException) -> PluginProblem:
    """That something of the plugin cannot be imported."""
    return PluginProblem(code, f"{what} cannot be imported: {describe(error)}.", _TELL_AUTHOR)


def hook_problem(implementation: object, specs: Mapping[str, HookSpec]) -> PluginProblem | None:
    """What is wrong with the hooks of this object; None when nothing is."""
    if isinstance(implementation, type):
        return PluginProblem(
            "HOOKS_UNUSABLE",
            f"Its hooks are the class {implementation.__name__}.",
            "Name an object in the manifest's `hooks`, not its class.",
        )
    reader = pluggy.PluginManager(PROJECT)
    for attribute in dir(implementation):
        options = reader.parse_hookimpl_opts(implementation, attribute)
        if options is None:
            continue
        name = options.get("specname") or attribute
        found = specs.get(name)
        if found is None:
            known = ", ".join(sorted(specs))
            return PluginProblem("UNKNOWN_HOOK", f"There is no hook {name}.", f"The hooks are: {known}.")
        if options.get("wrapper") or options.get("hookwrapper"):
            return PluginProblem(
                "HOOK_WRAPPER", f"Its hook {name} is a wrapper.", "Hooks answer for themselves: leave `wrapper` out."
            )
        arguments = pluggy._hooks.varnames(getattr(implementation, attribute))[0]
        unknown = [argument for argument in arguments if argument not in found.arguments]
        if unknown:
            return PluginProblem(
                "WRONG_ARGUMENTS",
                f"Its hook {name} wants {', '.join(unknown)}, which this hook does not have.",
                f"The signature is {found.signature}; an implementation may leave arguments out.",
            )
    return None


def models_in(module: Any, label: str) -> list[type[Model]]:
    """The models that the ORM would take from this module for this app."""
    named = getattr(module, "__models__", None) or [getattr(module, name) for name in dir(module)]
    return [
        item
        for item in named
        if isclass(item) and issubclass(item, Model) and not item._meta.abstract and item._meta.app in (None, label)
    ]


def table_problem(manifest: PluginManifest, slugs: Collection[str]) -> PluginProblem | None:
    """What is wrong with the plugin's models and migrations; None when nothing is, or when it has none.

    Args:
        slugs: of all installed plugins: `evenhand_a_b_x` belongs to "a_b" when there is such a plugin, else to "a".
    """
    if manifest.models is None:
        return None
    if manifest.migrations is None:
        return PluginProblem(
            "NO_MIGRATIONS", "It has models but no migrations.", "Name their package in the manifest's `migrations`."
        )
    try:
        module = import_module(manifest.models)
        models = models_in(module, manifest.slug)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return import_problem("MODELS_UNUSABLE", manifest.models, error)
    try:
        package = import_module(manifest.migrations)
        for found in iter_modules(package.__path__):
            import_module(f"{manifest.migrations}.{found.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return import_problem("MIGRATIONS_UNUSABLE", manifest.migrations, error)
    if not models:
        return PluginProblem("NO_MODELS", f"{manifest.models} has no models.", _TELL_AUTHOR)
    for model in models:
        problem = _model_problem(model, manifest.slug, slugs)
        if problem is not None:
            return problem
    return None


def _model_problem(model: type[Model], slug: str, slugs: Collection[str]) -> PluginProblem | None:
    table = model._meta.db_table
    owners = [other for other in {slug, *slugs} if table.startswith(f"evenhand_{other}_")]
    if not owners or max(owners, key=len) != slug:
        return PluginProblem(
            "FOREIGN_TABLE",
            f"Its model {model.__name__} uses the table {table!r}, which is not its own.",
            f"Tables of this plugin are named evenhand_{slug}_…",
        )
    if not issubclass(model, ScopedModel):
        return PluginProblem(
            "UNSCOPED_TABLE",
            f"Its model {model.__name__} does not say whose rows it holds.",
            "Derive it from evenhand.api.TenantModel.",
        )
    return None
