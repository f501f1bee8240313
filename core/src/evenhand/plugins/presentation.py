"""Settings as JSON Schema in one language, for the forms that admins fill in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.problems import language_of
from evenhand.plugins.settings import CHOICES, HELP, TITLES, settings_model

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def settings_schema(manifest: PluginManifest, locale: str) -> dict[str, Any] | None:
    """The JSON Schema (draft 2020-12) of a plugin's settings; None when it has none.

    `title` and `description` are in the language of the locale; values with names of their own are listed in
    `oneOf` as `const` with `title`. A secret has `writeOnly` and the format `password`.
    """
    model = settings_model(manifest)
    if model is None:
        return None
    language = language_of(locale)
    schema = model.model_json_schema()
    for part in _parts(schema):
        _choose(part, language)
    title = manifest.title.get(language) or manifest.title.get("en") or manifest.slug
    description = manifest.description.get(language) or manifest.description.get("en")
    head = {"$schema": DRAFT, "title": title} | ({"description": description} if description else {})
    return head | {key: value for key, value in schema.items() if key not in head}


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema, the outermost first."""
    if isinstance(value, dict):
        inside = list(value.values())
        yield value
        for inner in inside:
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _choose(part: dict[str, Any], language: str) -> None:
    for key, shown in ((TITLES, "title"), (HELP, "description")):
        words = part.pop(key, None)
        if isinstance(words, dict):
            part[shown] = words[language]
    names = part.pop(CHOICES, None)
    if isinstance(names, dict):
        inside = [inner for name, inner in part.items() if name != "default"]
        for place in [part, *_parts(inside)]:
            if "enum" in place or "const" in place:
                values = place.pop("enum", None) or [place.pop("const")]
                place["oneOf"] = [{"const": one, "title": _named(names, one, language)} for one in values]
    if part.get("writeOnly") is True:
        part.pop("default", None)


def _named(names: Mapping[str, Mapping[str, str]], value: Any, language: str) -> str:
    return names[str(value)][language] if str(value) in names else str(value)


def words_missing(model: type[BaseModel]) -> list[str]:
    """The settings, also those of nested models, that lack a title or help in English or Chinese. For tests."""
    schema = model.model_json_schema()
    objects = {"": schema} | {f"{name}.": part for name, part in schema.get("$defs", {}).items()}
    return [
        f"{where}{name}"
        for where, part in objects.items()
        for name, inner in part.get("properties", {}).items()
        if not all(inner.get(key, {}).get(language) for key in (TITLES, HELP) for language in ("en", "zh"))
    ]
