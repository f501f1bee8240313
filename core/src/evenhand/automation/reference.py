"""The reference of what rules can name: `python -m evenhand.automation.reference docs/admin/automation-fields.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from evenhand.automation.definitions import KINDS
from evenhand.automation.rules import FUNCTIONS, LOOPS
from evenhand.automation.shapes import Field, Shape
from evenhand.automation.triggers import events_of
from evenhand.automation.views import references_of, shape_of_entity
from evenhand.entities.registry import ENTITIES, Entity


def reference() -> str:
    """The whole page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# What automation rules can name"
    yield ""
    yield "Made from the code; see [Automation](automation.md) for how to use it. Closed lists show their values."
    yield ""
    yield "## Functions (函数)"
    yield ""
    for name, use in FUNCTIONS.items():
        yield f"- `{name}`: {use}"
    yield f"- `has(…)`, `in`, and loops over lists: {', '.join(f'`{name}`' for name in sorted(LOOPS))}"
    yield ""
    yield "## Actions (动作)"
    yield ""
    for kind in KINDS:
        fields = {name: field for name, field in kind.model_fields.items() if name != "do"}
        needed = [f"`{name}`" for name, field in fields.items() if field.is_required()]
        optional = [f"`{name}`" for name, field in fields.items() if not field.is_required()]
        word = kind.model_json_schema()["properties"]["do"]["const"]
        asks = "; ".join(
            part for part in (", ".join(needed), f"optional {', '.join(optional)}" if optional else "") if part
        )
        yield f"- `{word}`: {' '.join((kind.__doc__ or '').split())}{f' Takes {asks}.' if asks else ''}"
    for entity in ENTITIES.values():
        yield ""
        yield from _entity(entity)


def _entity(kind: Entity) -> Iterator[str]:
    shape = shape_of_entity(kind)
    yield f"## {kind.name} ({kind.labels['zh']})"
    yield ""
    yield f"Events: {', '.join(f'`{event}`' for event in events_of(kind))}"
    yield ""
    related = ", ".join(f"`{name}` ({target.name})" for name, (_, target) in references_of(kind).items())
    yield f"Beside `event`, `record`, `before`, `changed`, `actor`, `now` and `today`: {_others(shape, related)}"
    yield ""
    yield "| `record.` | Type |"
    yield "| --- | --- |"
    record = shape["record"]
    for name, field in record.items() if not isinstance(record, Field) else ():
        if isinstance(field, Field):
            values = f": {', '.join(field.choices)}" if field.choices else ""
            yield f"| `{name}` | {field.kind.value}{values}{', may be empty' if field.null else ''} |"
    yield "| `custom.…` | the tenant's own fields, by their keys |"


def _others(shape: Shape, related: str) -> str:
    return ", ".join(part for part in ("`tags`" if "tags" in shape else "", related) if part) or "nothing"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
