"""How names are written in Python and in the API."""

from __future__ import annotations


def camel(name: str) -> str:
    """`round_robin` as the API writes it: `roundRobin`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def snake(name: str) -> str:
    """`SurveyAnswer` as Python writes it: `survey_answer`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def plural(name: str) -> str:
    """The name of a list of these."""
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
