"""By which keys two records may be the same customer: texts in the one form in which they are compared. No I/O here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from evenhand.entities.enums import DuplicateKeyKind as Kind

LONGEST = 200
"""So many characters of a key are compared."""

FREE_DOMAINS = frozenset(
    """
    163.com 126.com yeah.net qq.com foxmail.com sina.com sina.cn sohu.com 139.com 189.cn wo.cn aliyun.com
    21cn.com tom.com 188.com vip.163.com vip.126.com vip.qq.com vip.sina.com gmail.com googlemail.com
    outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.jp yahoo.com.cn ymail.com icloud.com me.com
    mac.com aol.com proton.me protonmail.com gmx.com gmx.de gmx.net web.de t-online.de mail.com mail.ru
    yandex.ru yandex.com zoho.com naver.com daum.net hanmail.net orange.fr free.fr laposte.net libero.it
    fastmail.com hey.com facebook.com linkedin.com instagram.com twitter.com x.com weibo.com taobao.com
    tmall.com jd.com 1688.com alibaba.com github.io wordpress.com wixsite.com
    """.split()  # noqa: SIM905
)
"""Mail and web hosts that many have in common: they say nothing about a customer."""

_LEGAL_WORDS = frozenset(
    """
    ltd limited inc incorporated corp corporation co company llc llp lp plc gmbh mbh ag kg kgaa ug ohg ev sa sas
    sasu sarl srl spa sl bv nv vof oy oyj ab as asa aps sro zrt kft doo dd pty pte sdn bhd kk gk group holding
    holdings and und
    """.split()  # noqa: SIM905
)
_LEGAL_ENDINGS = (
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "有限公司",
    "股份公司",
    "集团公司",
    "株式会社",
    "有限会社",
    "股份",
    "集团",
    "公司",
)
_MOBILE = re.compile(r"1[3-9]\d{9}")
_EXTENSION = re.compile(r"(?:转|分机|ext\.?|extension|#|x)\s*\d+\s*$")
_HOST = re.compile(r"(?:[\w-]+\.)+[\w-]{2,}")


class Key(NamedTuple):
    """One key of a record."""

    kind: Kind
    value: str


def _plain(text: str) -> str:
    """Full and half width, capitals and composed letters made alike."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _settled(step: Callable[[str], str], text: str) -> str:
    """Repeat a step until it changes nothing more, so that a key is its own key."""
    for _ in range(8):
        after = step(text)
        if after == text:
            break
        text = after
    return text


def tax_id_key(text: str | None) -> str | None:
    """A tax id (统一社会信用代码, VAT number): letters and digits only; None when it is too short to tell."""
    value = _settled(lambda one: "".join(letter for letter in _plain(one) if letter.isalnum()), text or "")
    return value[:LONGEST] if len(value) >= 6 else None


def email_key(text: str | None) -> str | None:
    """An e-mail address; None when it is none."""
    value = _plain(text or "").strip()
    name, _, host = value.rpartition("@")
    return value if name and _HOST.fullmatch(host) and len(value) <= LONGEST else None


def domain_key(text: str | None) -> str | None:
    """The domain of a web or e-mail address; None for none, and for those that many have in common."""
    value = _plain(text or "").strip()
    if not value:
        return None
    if "@" in value and "/" not in value:
        value = value.rpartition("@")[2]
    elif "//" not in value:
        value = f"//{value}"
    if "//" in value:
        try:
            value = urlsplit(value).hostname or ""
        except ValueError:
            return None
    return _host(value)


def _host(text: str) -> str | None:
    host = _settled(lambda one: one.strip(". ").removeprefix("www."), text)
    if host in FREE_DOMAINS or len(host) > LONGEST or not _HOST.fullmatch(host) or host.replace(".", "").isdigit():
        return None
    return host


def phone_key(text: str | None) -> str | None:
    """A phone number, with "+" and the country where it is known; without one, Chinese numbers are told by their form.

    Returns: None when there are fewer than 7 digits.
    """
    value = _EXTENSION.sub("", _plain(text or "").strip()).strip()
    digits = "".join(letter for letter in value if letter.isdecimal() and letter.isascii())
    international = value.startswith(("+", "(+"))
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if not international and digits.startswith("86") and _MOBILE.fullmatch(digits[2:]):
        international = True
    if international and digits.startswith("86"):
        digits = f"86{digits[2:].lstrip('0')}"
    elif not international and _MOBILE.fullmatch(digits):
        international, digits = True, f"86{digits}"
    elif not international and digits.startswith("0") and 10 <= len(digits) <= 12:
        international, digits = True, f"86{digits.lstrip('0')}"
    if len(digits) < 7:
        return None
    return f"{'+' if international else ''}{digits}"[:LONGEST]


def name_key(text: str | None) -> str | None:
    """The name of a company without its legal form, blanks and signs; None when nothing tells it."""
    value = _settled(_name_step, text or "")[:LONGEST]
    return value if len(value) >= 2 else None


def _name_step(text: str) -> str:
    spaced = "".join(letter if letter.isalnum() else "" if letter in ".'’" else " " for letter in _plain(text))
    words = spaced.split()
    kept = len(words)
    while kept > 1 and words[kept - 1] in _LEGAL_WORDS:
        kept -= 1
    joined = "".join(words[:kept])
    ending = next((one for one in _LEGAL_ENDINGS if joined.endswith(one)), "")
    return joined.removesuffix(ending) if len(joined) > len(ending) + 1 else joined


_MAKERS: Mapping[str, tuple[tuple[Kind, str, Callable[[str | None], str | None]], ...]] = {
    "Account": (
        (Kind.TAX_ID, "tax_id", tax_id_key),
        (Kind.DOMAIN, "website", domain_key),
        (Kind.PHONE, "phone", phone_key),
        (Kind.NAME, "name", name_key),
    ),
    "Lead": (
        (Kind.EMAIL, "email", email_key),
        (Kind.DOMAIN, "email", domain_key),
        (Kind.PHONE, "phone", phone_key),
        (Kind.NAME, "company", name_key),
    ),
}
COLUMNS: Mapping[str, frozenset[str]] = {
    "Account": frozenset({"tax_id", "website", "phone", "name", "also_names", "kind", "archived_at"}),
    "Lead": frozenset({"email", "phone", "company", "archived_at", "status"}),
}
"""The columns from which the keys of a record follow, by entity."""

COMPARED: Mapping[str, Mapping[str, frozenset[Kind]]] = {
    "Account": {"Account": frozenset({Kind.TAX_ID, Kind.DOMAIN, Kind.PHONE, Kind.NAME})},
    "Lead": {"Account": frozenset({Kind.DOMAIN, Kind.PHONE, Kind.NAME}), "Lead": frozenset({Kind.EMAIL, Kind.PHONE})},
}
"""By which kinds of keys a new record is compared with those that are there: entity, the other's entity, kinds."""

STOPPING: Mapping[str, frozenset[Kind]] = {
    "Account": frozenset({Kind.TAX_ID, Kind.DOMAIN, Kind.PHONE, Kind.NAME}),
    "Lead": frozenset({Kind.EMAIL, Kind.PHONE}),
}
"""The kinds that may stop a new record; others only warn. Leads of a known customer are welcome."""


def keys_of(entity: str, columns: Mapping[str, Any]) -> list[Key]:
    """The keys of a record, each once; none for one that is archived, or a lead that became a customer."""
    if columns.get("archived_at") is not None or str(columns.get("status")) == "converted":
        return []
    found: dict[Key, None] = {}
    for kind, column, make in _MAKERS.get(entity, ()):
        if kind is Kind.NAME and str(columns.get("kind")) == "person":
            continue
        texts = [columns.get(column)]
        if column == "name":
            texts += columns.get("also_names") or []
        for text in texts:
            value = make(text) if isinstance(text, str) else None
            if value is not None:
                found[Key(kind, value)] = None
    return list(found)
