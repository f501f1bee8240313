"""Names and keys that a file does not state, made from what it does. Pure.

The key of a row is its external id; without one, the first of the entity's `KEYS` that the row has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from evenhand.entities.registry import Entity

NAME_SOURCES: Mapping[tuple[str, str], Sequence[str]] = {
    ("Opportunity", "name"): ("account", "product", "external_id"),
    ("Lead", "name"): ("first_name", "last_name", "number", "company", "email"),
    ("Contact", "name"): ("first_name", "last_name", "email"),
    ("User", "name"): ("first_name", "last_name", "email"),
    ("Product", "name"): ("code",),
    ("Product", "code"): ("name",),
}
"""Entity and required field to the fields that it can be made from."""

KEYS: Mapping[str, Sequence[Sequence[str]]] = {
    "Account": (("name",),),
    "Contact": (("email",), ("name", "account")),
    "Lead": (("number",), ("email",), ("phone",), ("name", "company")),
    "Opportunity": (("name", "account"),),
    "Product": (("code",), ("name",)),
    "User": (("email",), ("name",)),
}
"""Entity to the fields that tell its rows apart without an id: the first group whose first field a row has."""

LONGEST_KEY = 300
LONGEST_CODE = 100
_HAN = re.compile(r"[㐀-䶿一-鿿]")


def fold(text: str) -> str:
    """A name as names are compared: width, case and blanks do not count."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def person_name(first: str | None, last: str | None) -> str | None:
    """First and last name as they are written together: 王小明, Anna Snelling."""
    parts = [part for part in (first, last) if part]
    if len(parts) == 2 and all(_HAN.search(part) for part in parts):
        return f"{last}{first}"
    return " ".join(parts) or None


def label(kind: Entity, locale: str) -> str:
    """What the entity is called at the start of a made-up name."""
    if locale.startswith("zh"):
        return kind.labels["zh"]
    return kind.labels["en"].capitalize()


def derive(kind: Entity, texts: Mapping[str, str], locale: str) -> dict[str, str]:
    """Required texts that the row does not state: a deal "Cancity · GTX Plus Basic", a lead "Lead 660737".

    Args:
        texts: field to text, of the row.
    """
    derived: dict[str, str] = {}
    if "name" not in texts:
        person = person_name(texts.get("first_name"), texts.get("last_name"))
        name: str | None = None
        match kind.name:
            case "Opportunity":
                name = " · ".join(texts[part] for part in ("account", "product") if part in texts)
                if not name and "external_id" in texts:
                    name = f"{label(kind, locale)} {texts['external_id']}"
            case "Lead":
                number = f"{label(kind, locale)} {texts['number']}" if "number" in texts else None
                name = person or number or texts.get("company") or texts.get("email")
            case "Contact" | "User":
                name = person or texts.get("email")
            case "Product":
                name = texts.get("code")
        if name:
            derived["name"] = name
    if kind.name == "Product" and "code" not in texts and "name" in texts:
        derived["code"] = texts["name"][:LONGEST_CODE]
    return derived


def natural_key(kind: Entity, texts: Mapping[str, str]) -> str | None:
    """What tells the row from others when it has no external id; None when it has nothing of the kind."""
    for group in KEYS.get(kind.name, ((kind.title,),)):
        if group[0] in texts:
            parts = [fold(texts[field]) for field in group if field in texts]
            return " | ".join(parts)[:LONGEST_KEY]
    return None
