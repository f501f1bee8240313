"""What rules can do, as it is written down and checked. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evenhand.entities.enums import Priority
from evenhand.errors import Problem

MOST_ACTIONS = 20
"""Of one rule."""
_ID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Texts = Text | Annotated[dict[Literal["en", "zh"], Text], Field(min_length=1)]
"""One text, or one for each language; with places such as {record.name}."""
Person = Annotated[str, Field(pattern=f"^(owner|owner_manager|actor|user:{_ID})$")]
"""Who holds the record (or is its assignee, or holds its account), that person's manager, who did it, or a user."""
Recipient = Annotated[str, Field(pattern=f"^(owner|owner_manager|actor|admins|user:{_ID}|team:{_ID})$")]


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CreateTask(_Action):
    """Create a task about the record."""

    do: Literal["create_task"]
    subject: Texts
    notes: Texts | None = None
    priority: Priority = Priority.NORMAL
    assignee: Person | None = "owner"
    due_in_days: int | None = Field(default=None, ge=0, le=3650, description="Days of the calendar from today.")
    due_time: str = Field(default="17:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="In the tenant's zone.")


class CreateTicket(_Action):
    """Create a request for service for the record's account."""

    do: Literal["create_ticket"]
    subject: Texts
    description: Texts | None = None
    priority: Priority = Priority.NORMAL
    category: Annotated[str, Field(max_length=100)] | None = None
    assignee: Person | None = None


class Notify(_Action):
    """Notify people."""

    do: Literal["notify"]
    to: Annotated[list[Recipient], Field(min_length=1, max_length=20)]
    title: Texts
    body: Texts | None = None


class SetField(_Action):
    """Set a field of the record; a text may have places."""

    do: Literal["set_field"]
    field: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="As conditions name it.")
    value: Any = None


class AddTag(_Action):
    """Put a tag on the record."""

    do: Literal["add_tag"]
    tag: UUID
    why: Texts | None = None


class RemoveTag(_Action):
    """Take a tag off the record."""

    do: Literal["remove_tag"]
    tag: UUID


class Assign(_Action):
    """Let a policy decide who gets the record: the named one ("plugin:policy"), or the tenant's usual one."""

    do: Literal["assign"]
    policy: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{1,40}:.{1,100}$")] | None = None


class MoveToPool(_Action):
    """Put the record into a pool."""

    do: Literal["move_to_pool"]
    pool: UUID
    note: Texts | None = None


class CallWebhook(_Action):
    """Send the event to one of the tenant's webhook endpoints, whatever events it asks for."""

    do: Literal["call_webhook"]
    endpoint: UUID


Action = Annotated[
    CreateTask | CreateTicket | Notify | SetField | AddTag | RemoveTag | Assign | MoveToPool | CallWebhook,
    Field(discriminator="do"),
]
_ACTIONS: TypeAdapter[list[Action]] = TypeAdapter(Annotated[list[Action], Field(max_length=MOST_ACTIONS)])
KINDS: tuple[type[_Action], ...] = (
    CreateTask,
    CreateTicket,
    Notify,
    SetField,
    AddTag,
    RemoveTag,
    Assign,
    MoveToPool,
    CallWebhook,
)


def actions_schema() -> dict[str, Any]:
    """The list of actions as JSON Schema."""
    return _ACTIONS.json_schema()


def parse_actions(written: Sequence[Mapping[str, Any]]) -> tuple[list[Action], list[Problem]]:
    """The actions as they are written down. Returns: the actions, or what is wrong with each of them."""
    try:
        return _ACTIONS.validate_python(list(written)), []
    except ValidationError as error:
        found: dict[str, Problem] = {}
        for one in error.errors(include_url=False):
            where = ".".join(["actions", *(str(part) for part in one["loc"] if str(part) not in _NOISE)])
            message = f"{where}: {one['msg'][:300]}."
            known = one["type"].startswith("union_tag")
            hint = f"Use one of: {', '.join(_NAMES)}." if known else "See the JSON Schema of actions."
            found.setdefault(where, Problem(where, "BAD_ACTION", message, hint))
        return [], list(found.values())


_NAMES = tuple(str(kind.model_fields["do"].annotation.__args__[0]) for kind in KINDS)  # type: ignore[union-attr]
_NOISE = frozenset({*_NAMES, "constrained-str", "str", "dict[literal['en','zh'],constrained-str]"})


def texts_of(action: Action) -> dict[str, str]:
    """All texts of an action with places in them, by where they stand: "subject", "title.zh", …"""
    found: dict[str, str] = {}
    for name in type(action).model_fields:
        value = getattr(action, name)
        if name in ("subject", "notes", "description", "title", "body", "why", "note") or (
            name == "value" and isinstance(value, str)
        ):
            if isinstance(value, str):
                found[name] = value
            elif isinstance(value, dict):
                found |= {f"{name}.{language}": text for language, text in value.items()}
    return found
