"""The parameters of a statement: values never become part of its text."""

from __future__ import annotations

from typing import Any


class Parameters:
    """Collects values and hands out their places."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        """The place of a value: "$1", "$2", …"""
        self.values.append(value)
        return f"${len(self.values)}"
