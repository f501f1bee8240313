"""A plugin's settings: declared by a pydantic model, stored per tenant, upgraded when the model's shape changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from evenhand.errors import EvenhandError, Problem
from evenhand.plugins.loader import load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.problems import problem, problems_of
from evenhand.secrets import seal, unseal

Stored = Mapping[str, Any]
Words = Mapping[str, str]
"""A text by language: "en" and "zh"."""

TITLES, HELP, CHOICES = "evenhand:title", "evenhand:help", "evenhand:choices"
"""Keys under which a setting's JSON schema carries its words until a language is chosen."""


def setting(
    default: Any = ...,
    *,
    title: Words,
    help: Words,
    secret: bool = False,
    choices: Mapping[str, Words] | None = None,
    default_factory: Callable[[], Any] | None = None,
    **constraints: Any,
) -> Any:
    """A field of a settings model, with the words that admins read in English and Chinese.

    Args:
        default: leave it out for a setting that has to be given before the plugin can be enabled.
        title: a short name, e.g. `{"en": "Weights", "zh": "权重"}`.
        help: what the setting does, in a sentence.
        secret: sealed when stored and never shown again; annotate it with `SecretStr` or `SecretStr | None`.
        choices: what the values of a Literal or an Enum are called, by value.
        default_factory: makes the default, as for pydantic's `Field`.
        constraints: further arguments of pydantic's `Field`, such as `ge=0`.

    Raises:
        ValueError: a language is missing.
    """
    for words in (title, help, *(choices or {}).values()):
        if not words.get("en") or not words.get("zh"):
            raise ValueError(f"{dict(words)} lacks English or Chinese; both are needed.")
    extra: dict[str, Any] = {TITLES: dict(title), HELP: dict(help)}
    if choices is not None:
        extra[CHOICES] = {value: dict(words) for value, words in choices.items()}
    if secret:
        extra["writeOnly"] = True
    if default_factory is not None:
        constraints["default_factory"] = default_factory
    elif default is not ...:
        constraints["default"] = default
    return Field(title=title["en"], description=help["en"], json_schema_extra=extra, **constraints)


class UnusableSettingsModel(TypeError):
    """A plugin's settings model breaks a rule that its author has to follow."""


def settings_model(manifest: PluginManifest) -> type[BaseModel] | None:
    """The plugin's settings model; None when it has no settings.

    Raises:
        UnusableSettingsModel: it is no pydantic model, or a setting has an alias, or a secret is no `SecretStr`.
    """
    if manifest.settings is None:
        return None
    model = load_target(manifest.settings)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise UnusableSettingsModel(f"{manifest.settings} is no pydantic model.")
    for name, field in model.model_fields.items():
        if field.alias or field.validation_alias or field.serialization_alias:
            raise UnusableSettingsModel(f"Setting {name} has an alias; settings go by their own names.")
        if _is_secret(field) and SecretStr not in _alternatives(field.annotation):
            raise UnusableSettingsModel(f"Secret setting {name} is not annotated with SecretStr.")
        if not _is_secret(field) and SecretStr in _alternatives(field.annotation):
            raise UnusableSettingsModel(f"Setting {name} is a SecretStr; declare it with setting(secret=True).")
    return model


def _is_secret(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("writeOnly") is True


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(inner for one in get_args(annotation) for inner in _alternatives(one))
    return (annotation,)


def secret_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of the model's secret settings."""
    return frozenset(name for name, field in model.model_fields.items() if _is_secret(field))


@dataclass(frozen=True)
class ReadSettings:
    """What is stored for a tenant, as the installed plugin understands it.

    Attributes:
        value: the checked settings; None when the plugin has none, or when `problems` says why they cannot be used.
        data: the settings without secrets, at `version`.
        secrets: sealed secrets by name.
        version: the installed plugin's version of settings; the stored one when that is newer.
        problems: what keeps the plugin from being called; an admin can mend it.
        upgraded: whether they were stored at an older version.
    """

    value: BaseModel | None
    data: Stored
    secrets: Mapping[str, str]
    version: int
    problems: tuple[Problem, ...] = ()
    upgraded: bool = False


def read_settings(
    manifest: PluginManifest, stored: Stored, version: int, secrets: Mapping[str, str], *, locale: str = "en"
) -> ReadSettings:
    """Read what is stored for a tenant; whatever is wrong with it is told in `problems` and never raised.

    Args:
        locale: of the tenant, for the words of problems.
    """
    if version > manifest.settings_version:
        newer = problem(
            "settings", "SETTINGS_NEWER", locale, stored=str(version), installed=str(manifest.settings_version)
        )
        return ReadSettings(None, dict(stored), dict(secrets), version, (newer,))
    data, sealed = dict(stored), dict(secrets)
    upgraded = version < manifest.settings_version
    if upgraded:
        try:
            data, sealed = _upgrade(manifest, version, data, sealed)
        except Exception as error:
            failed = problem("settings", "UPGRADE_FAILED", locale, reason=f"{type(error).__name__}: {error}")
            return ReadSettings(None, data, sealed, version, (failed,))
    model = settings_model(manifest)
    value, problems = (None, ()) if model is None else check(model, data, sealed, locale=locale)
    return ReadSettings(value, data, sealed, manifest.settings_version, tuple(problems), upgraded)


def _upgrade(
    manifest: PluginManifest, version: int, data: dict[str, Any], sealed: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Let the plugin's pure function bring the data to its version. Secrets go through it sealed, as plain texts."""
    if manifest.upgrade_settings is None:
        return data, sealed
    changed = load_target(manifest.upgrade_settings)(version, {**data, **sealed})
    if not isinstance(changed, dict):
        raise TypeError(f"{manifest.upgrade_settings} returned {type(changed).__name__}, not a dict")
    tokens = set(sealed.values())
    kept = {name: value for name, value in changed.items() if isinstance(value, str) and value in tokens}
    return {name: value for name, value in changed.items() if name not in kept}, kept


def check(
    model: type[BaseModel], data: Stored, sealed: Mapping[str, str], *, locale: str, given: Mapping[str, str] = {}
) -> tuple[BaseModel | None, list[Problem]]:
    """Validate settings with their secrets.

    Args:
        sealed: stored secrets by name.
        given: new secrets by name, not sealed.

    Returns: the checked model and no problems, or None and what is wrong; no message repeats a secret.
    """
    problems = []
    opened = dict(given)
    for name, token in sealed.items():
        if name not in given and name in model.model_fields:
            try:
                opened[name] = unseal(token)
            except EvenhandError as error:
                problems.append(
                    Problem(f"settings.{name}", error.code, f"settings.{name}: {error.message}", error.hint)
                )
    if model.model_config.get("extra") != "allow":
        known = ", ".join(model.model_fields)
        problems += [
            problem(f"settings.{name}", "UNKNOWN_SETTING", locale, known=known)
            for name in data
            if name not in model.model_fields
        ]
    told = {item.field for item in problems}
    fitting = {name: value for name, value in data.items() if f"settings.{name}" not in told}
    try:
        value = model.model_validate({**fitting, **opened})
    except ValidationError as error:
        found = problems_of(error, model, secret_names(model), opened.values(), locale)
        return None, problems + [item for item in found if item.field not in told]
    return (None, problems) if problems else (value, [])


@dataclass(frozen=True)
class NewSettings:
    """Settings that were checked and can be stored."""

    value: BaseModel | None
    data: dict[str, Any]
    secrets: dict[str, str]
    changed_secrets: frozenset[str]


def change_settings(
    manifest: PluginManifest, now: ReadSettings, given: Stored, *, replace: bool, locale: str
) -> NewSettings | list[Problem]:
    """The settings after a change, or what is wrong with it.

    Args:
        given: settings by name. Null puts a setting back to its default, where it may not be null itself.
        replace: `given` is all of them: what it does not name goes back to its default. Secrets always stay
            until they are named.
    """
    model = settings_model(manifest)
    if model is None:
        return (
            [problem("settings", "NO_SETTINGS", locale, plugin=manifest.slug)]
            if given
            else NewSettings(None, {}, {}, frozenset())
        )
    secrets = secret_names(model)
    data = {} if replace else {name: value for name, value in now.data.items() if name not in secrets}
    sealed, opened = {name: token for name, token in now.secrets.items() if name in secrets}, {}
    for name, value in given.items():
        field = model.model_fields.get(name)
        if name in secrets:
            if value is None:
                sealed.pop(name, None)
                continue
            if not isinstance(value, str):
                return [problem(f"settings.{name}", "SECRET_TYPE", locale)]
            opened[name] = value
        elif value is None and field is not None and not _may_be_null(field):
            data.pop(name, None)
        else:
            data[name] = value
    checked, problems = check(model, data, sealed, locale=locale, given=opened)
    if checked is None:
        return problems
    changed = frozenset(opened) | (frozenset(now.secrets) - frozenset(sealed))
    sealed |= {name: seal(text) for name, text in opened.items()}
    return NewSettings(checked, checked.model_dump(mode="json", exclude=set(secrets)), sealed, changed)


def _may_be_null(field: FieldInfo) -> bool:
    return type(None) in _alternatives(field.annotation) or (field.default is None and not field.is_required())
