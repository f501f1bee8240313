"""What is wrong with a plugin's settings, in English or Chinese: where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from evenhand.errors import Problem

Pair = tuple[str, str]
"""A message and a hint."""


def language_of(locale: str) -> str:
    """The language in which a tenant of this locale is spoken to: "zh" or "en"."""
    return "zh" if locale.lower().startswith("zh") else "en"


_OWN: Mapping[str, Mapping[str, Pair]] = {
    "NO_SETTINGS": {
        "en": ("Plugin {plugin} has no settings.", "Leave the settings out."),
        "zh": ("插件 {plugin} 没有设置项。", "请不要提供设置。"),
    },
    "UNKNOWN_SETTING": {
        "en": ("There is no such setting.", "Use some of: {known}."),
        "zh": ("没有这个设置项。", "可用的设置项：{known}。"),
    },
    "SECRET_TYPE": {
        "en": ("A secret is a text.", "Give it as a text, or null to remove it."),
        "zh": ("密钥必须是文本。", "请以文本形式提供，或用 null 删除。"),
    },
    "SETTINGS_NEWER": {
        "en": (
            "They were stored at version {stored}; the installed plugin knows version {installed}.",
            "Install the plugin's newer release again, or replace all its settings.",
        ),
        "zh": (
            "已存储的版本为 {stored}，而已安装的插件只支持版本 {installed}。",
            "请重新安装较新的插件版本，或整体替换设置。",
        ),
    },
    "UPGRADE_FAILED": {
        "en": ("The plugin could not upgrade them: {reason}.", "Tell its author, or replace all its settings."),
        "zh": ("插件无法升级已存储的设置：{reason}。", "请联系插件作者，或整体替换设置。"),
    },
}

_CHINESE: Mapping[str, Pair] = {
    "missing": ("缺少必填项。", "请填写该项。"),
    "extra_forbidden": ("没有这个设置项。", "请删除该项。"),
    "none_required": ("必须为空。", "请填写 null。"),
    "string_type": ("必须是文本。", "请填写文本。"),
    "string_too_short": ("至少需要 {min_length} 个字符。", "请填写更长的文本。"),
    "string_too_long": ("最多 {max_length} 个字符。", "请缩短文本。"),
    "string_pattern_mismatch": ("格式不符合 {pattern}。", "请按该格式填写。"),
    "bool_type": ("必须是 true 或 false。", "请填写 true 或 false。"),
    "bool_parsing": ("必须是 true 或 false。", "请填写 true 或 false。"),
    "int_type": ("必须是整数。", "请填写整数。"),
    "int_parsing": ("必须是整数。", "请填写整数。"),
    "int_from_float": ("必须是整数。", "请填写整数。"),
    "float_type": ("必须是数字。", "请填写数字。"),
    "float_parsing": ("必须是数字。", "请填写数字。"),
    "finite_number": ("必须是有限的数字。", "请填写数字。"),
    "decimal_type": ("必须是数字。", "请填写数字。"),
    "decimal_parsing": ("必须是数字。", "请填写数字。"),
    "decimal_max_digits": ("最多 {max_digits} 位数字。", "请减少位数。"),
    "decimal_max_places": ("最多 {decimal_places} 位小数。", "请减少小数位数。"),
    "decimal_whole_digits": ("整数部分最多 {whole_digits} 位。", "请减少位数。"),
    "greater_than": ("必须大于 {gt}。", "请填写更大的值。"),
    "greater_than_equal": ("必须大于或等于 {ge}。", "请填写更大的值。"),
    "less_than": ("必须小于 {lt}。", "请填写更小的值。"),
    "less_than_equal": ("必须小于或等于 {le}。", "请填写更小的值。"),
    "multiple_of": ("必须是 {multiple_of} 的倍数。", "请填写其倍数。"),
    "literal_error": ("必须是以下之一：{expected}。", "请从中选择。"),
    "enum": ("必须是以下之一：{expected}。", "请从中选择。"),
    "date_type": ("必须是日期。", "请按 2026-01-31 的格式填写。"),
    "date_parsing": ("不是有效的日期。", "请按 2026-01-31 的格式填写。"),
    "date_from_datetime_parsing": ("不是有效的日期。", "请按 2026-01-31 的格式填写。"),
    "datetime_type": ("必须是日期时间。", "请按 2026-01-31T09:00:00+08:00 的格式填写。"),
    "datetime_parsing": ("不是有效的日期时间。", "请按 2026-01-31T09:00:00+08:00 的格式填写。"),
    "timezone_aware": ("缺少时区。", "请按 2026-01-31T09:00:00+08:00 的格式填写。"),
    "time_parsing": ("不是有效的时间。", "请按 09:00 的格式填写。"),
    "uuid_type": ("必须是 ID。", "请使用接口返回的 ID。"),
    "uuid_parsing": ("不是有效的 ID。", "请使用接口返回的 ID。"),
    "url_type": ("必须是网址。", "请填写以 https:// 开头的网址。"),
    "url_parsing": ("不是有效的网址。", "请填写以 https:// 开头的网址。"),
    "list_type": ("必须是列表。", "请填写列表。"),
    "set_type": ("必须是列表。", "请填写列表。"),
    "frozen_set_type": ("必须是列表。", "请填写列表。"),
    "tuple_type": ("必须是列表。", "请填写列表。"),
    "dict_type": ("必须是对象。", "请填写对象。"),
    "model_type": ("必须是对象。", "请填写对象。"),
    "too_short": ("至少需要 {min_length} 项，现有 {actual_length} 项。", "请增加条目。"),
    "too_long": ("最多 {max_length} 项，现有 {actual_length} 项。", "请减少条目。"),
}

_ENGLISH_HINTS: Mapping[str, str] = {
    "missing": "Give it a value.",
    "extra_forbidden": "Leave it out.",
    "string_pattern_mismatch": "Write it as the pattern says.",
    "date_type": "Write it as 2026-01-31.",
    "date_parsing": "Write it as 2026-01-31.",
    "date_from_datetime_parsing": "Write it as 2026-01-31.",
    "datetime_parsing": "Write it as 2026-01-31T09:00:00+08:00.",
    "timezone_aware": "Write it as 2026-01-31T09:00:00+08:00.",
    "uuid_type": "Use an id that the API gave.",
    "uuid_parsing": "Use an id that the API gave.",
    "literal_error": "Choose one of them.",
    "enum": "Choose one of them.",
    "too_short": "Name more of them.",
    "too_long": "Name fewer of them.",
}


def problem(field: str, code: str, locale: str, **words: str) -> Problem:
    """One of our own findings about settings, in the language of the locale.

    Args:
        field: "settings", or the path of one of them.
    """
    message, hint = _OWN[code][language_of(locale)]
    return Problem(field, code, f"{field}: {message.format(**words)}", hint.format(**words))


def problems_of(
    error: ValidationError, model: type[BaseModel], secret: Collection[str], hidden: Iterable[str], locale: str
) -> list[Problem]:
    """What pydantic found wrong, for people.

    Args:
        secret: names of secret settings; of these only says that they are not accepted, and why by code.
        hidden: values that no message may repeat.
    """
    texts = [text for text in hidden if text]
    return [_told(item, model, secret, texts, language_of(locale)) for item in error.errors()]


def _told(
    item: ErrorDetails, model: type[BaseModel], secret: Collection[str], hidden: Iterable[str], language: str
) -> Problem:
    path = ".".join(("settings", *(str(part) for part in item["loc"])))
    kind, about = item["type"], str(item["loc"][0]) if item["loc"] else ""
    context: dict[str, Any] = item.get("ctx") or {}
    if about in secret and kind in ("value_error", "assertion_error"):
        message, hint = _unaccepted(language)
    elif language == "zh":
        message, hint = _in_chinese(kind, item["msg"], context)
    else:
        message, hint = f"{item['msg']}.", _ENGLISH_HINTS.get(kind, "Correct the setting; its help says what it takes.")
    for text in hidden:
        message = message.replace(text, "•••")
    title = _title(model, about, language)
    colon = "：" if language == "zh" else ": "
    return Problem(path, kind.upper(), f"{path}{title}{colon}{message}", hint)


def _unaccepted(language: str) -> Pair:
    if language == "zh":
        return "插件不接受该值。", "请检查后重新填写。"
    return "The plugin does not accept it.", "Check it and enter it again."


def _in_chinese(kind: str, message: str, context: Mapping[str, Any]) -> Pair:
    known = _CHINESE.get(kind)
    if known is None:
        return f"值不被接受：{message}。", "请按设置说明修改。"
    words = {name: value.replace(" or ", "、") if name == "expected" else value for name, value in context.items()}
    return known[0].format_map(_Filled(words)), known[1]


class _Filled(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def _title(model: type[BaseModel], name: str, language: str) -> str:
    field = model.model_fields.get(name)
    extra = field.json_schema_extra if field is not None else None
    if language != "zh" or not isinstance(extra, dict):
        return ""
    words = extra.get("evenhand:title")
    return f"（{words['zh']}）" if isinstance(words, dict) and "zh" in words else ""
