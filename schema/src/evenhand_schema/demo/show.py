"""What the tour prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from evenhand.demo.showcase import Share

LONGEST_TEXT = 80


class Steps:
    """Shows the steps of one tenant's preparation as progress bars."""

    def __init__(self, progress: Progress, tenant: str) -> None:
        self._progress = progress
        self._tenant = tenant
        self._task: TaskID | None = None

    @staticmethod
    def done(progress: Progress, name: str, total: int) -> None:
        """Show a step that is over already."""
        progress.update(progress.add_task(escape(name), total=total), completed=total)

    def step(self, name: str, total: int) -> None:
        """A step begins that has so many records to do."""
        self._task = self._progress.add_task(f"{escape(self._tenant)}: {name}", total=total)

    def advance(self, records: int) -> None:
        """Some records of the step are done."""
        if self._task is not None:
            self._progress.advance(self._task, records)


def progress_bars(console: Console) -> Progress:
    """Bars for steps that count records."""
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def shortened(value: Any, keep: int = 2) -> Any:
    """The value with long texts cut, and lists cut to `keep` items and a note of how many more there are."""
    match value:
        case Mapping():
            return {name: shortened(item, keep) for name, item in value.items()}
        case list():
            rest = [f"… {len(value) - keep} more"] if len(value) > keep else []
            return [shortened(item, keep) for item in value[:keep]] + rest
        case str() if len(value) > LONGEST_TEXT:
            return value[: LONGEST_TEXT - 1] + "…"
    return value


def compact(value: Any, width: int, indent: int = 0, taken: int = 0) -> str:
    """JSON in as few lines as are readable: what fits stands on one line, short neighbours share one.

    Args:
        width: of a line, in characters.
        indent: of the line that the value starts on.
        taken: what stands before the value on that line, besides the indent.
    """
    line = json.dumps(value, ensure_ascii=False)
    if indent + taken + len(line) <= width or not value or not isinstance(value, (Mapping, list)):
        return line
    inner = indent + 2
    if isinstance(value, Mapping):
        names = [f"{json.dumps(name, ensure_ascii=False)}: " for name in value]
        parts = [
            name + compact(item, width, inner, len(name) + 1) for name, item in zip(names, value.values(), strict=True)
        ]
    else:
        parts = [compact(item, width, inner, 1) for item in value]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    body = "\n".join(" " * inner + line for line in _filled(parts, width - inner))
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _filled(parts: Sequence[str], width: int) -> list[str]:
    """Parts with commas between them, as many on a line as fit; a part of several lines has its own."""
    lines: list[str] = []
    for number, part in enumerate(parts):
        text = part if number == len(parts) - 1 else f"{part},"
        last = lines[-1] if lines else None
        if last is not None and "\n" not in last + text and len(last) + 1 + len(text) <= width:
            lines[-1] = f"{last} {text}"
        else:
            lines.append(text)
    return lines


def heading(console: Console, text: str) -> None:
    """A line that starts a part of the tour."""
    console.print(f"\n[bold]{escape(text)}[/bold]", highlight=False)


def show_shares(console: Console, tenant: str, shares: Sequence[Share]) -> None:
    """Who got how many leads."""
    total = sum(share.leads for share in shares)
    table = Table("User", "Team", "Level", title=f"{escape(tenant)}: {total} leads", title_justify="left", box=None)
    table.add_column("Leads", justify="right")
    for share in shares:
        table.add_row(escape(share.name), escape(share.team), share.level, str(share.leads))
    console.print(table)


def show_decision(console: Console, lead: Mapping[str, Any], *, everybody: bool) -> None:
    """Why a lead went to whom it went; with `everybody`, a line for each candidate."""
    decision = lead["assignment"]["decision"]
    company = f" ({lead['company']})" if lead["company"] else ""
    console.print(f"{escape(lead['name'] + company)}: {escape(decision['sentence'])}", highlight=False)
    if not everybody:
        return
    table = Table("Place", "Candidate", "Reason", box=None)
    for candidate in decision["candidates"]:
        place = str(candidate["rank"]) if candidate["rank"] is not None else "–"
        style = "green" if candidate["rank"] == 1 else None if candidate["eligible"] else "dim"
        table.add_row(place, escape(candidate["name"] or ""), escape(candidate["sentence"]), style=style)
    console.print(table)


def show_access(console: Console, url: str, keys: Sequence[tuple[str, str, str]]) -> None:
    """Where the API is and what opens it. `keys`: (slug, name, key)."""
    console.print(f"GraphQL: [bold]{url}[/bold]", highlight=False)
    console.print("Send the key of a company as 'Authorization: Bearer evh_…'.", highlight=False)
    for slug, name, key in keys:
        console.print(f"  {escape(name)}, tenant {slug}:\n  {key}", highlight=False, soft_wrap=True)


def show_query(console: Console, command: str, answer: Mapping[str, Any]) -> None:
    """A command to copy, and its answer."""
    # Not in a frame and not wrapped: what is copied must be the command alone.
    console.print(command, highlight=False, markup=False, soft_wrap=True)
    console.print("\nIt answers (shortened):", highlight=False)
    text = compact(shortened(answer), max(40, console.width - 2))
    console.print(Padding(JSONHighlighter()(text), (0, 0, 0, 2)))
