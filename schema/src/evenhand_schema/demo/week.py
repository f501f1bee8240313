"""`evenhand demo week`: one simulated week of ownership, told as a report."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from evenhand.cli.runtime import console, environment_database, readable_errors
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import migrate
from evenhand.db.session import open_database
from evenhand.demo.week.run import simulate_week
from evenhand.demo.week.telling import Report, Told

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_WORDS = {
    "en": {
        "title": "One week of customers at {slug}, {first:%Y-%m-%d} and the six days after",
        "holder": "who",
        "before": "customers on Monday",
        "after": "on Sunday",
        "ledger": "The ledger got {lines} lines in the week.",
        "right": "Every customer has exactly one holder, and the ledger agrees with each of them.",
        "wrong": "{wrong} customers have no holder or one that the ledger does not know!",
        "whole": "The chain over journal and ledger is whole: {sealed} sealed entries were verified.",
        "broken": "The chain is broken: {broken}",
    },
    "zh": {
        "title": "{slug} 的一周客户归属，{first:%Y-%m-%d} 起七天",
        "holder": "持有人",
        "before": "周一客户数",
        "after": "周日客户数",
        "ledger": "本周台账新增 {lines} 条。",
        "right": "每个客户恰有一个归属，且与台账一致。",
        "wrong": "{wrong} 个客户无归属或与台账不一致！",
        "whole": "日志与台账的哈希链完整：已核验 {sealed} 条。",
        "broken": "哈希链断裂：{broken}",
    },
}


def week_command(
    seed: int = typer.Option(2026, help="The same seed makes the same week."),
    language: str = typer.Option("en", help='Language of the report, "en" or "zh".'),
) -> None:
    """Simulate a week: warnings, reclaims, claims, a race, a conflict case, somebody who leaves; told as a report.

    It happens in a tenant made for it, in the last week that is over.
    """
    with readable_errors():
        if language not in _WORDS:
            raise typer.BadParameter(f"{language!r} is no language of the report: en or zh.", param_hint="--language")
        config = environment_database()
        show_week(asyncio.run(_simulate(config, seed)), language)


async def _simulate(config: DatabaseConfig, seed: int) -> Report:
    await migrate(config)
    async with open_database(config):
        return await simulate_week(seed)


def show_week(report: Report, language: str) -> None:
    """Print the report."""
    zone, words = ZoneInfo(report.time_zone), _WORDS[language]

    def day(told: Told) -> datetime:
        return told.at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)

    first = report.first.astimezone(zone)
    console.print(f"[bold]{words['title'].format(slug=report.slug, first=first)}[/bold]", highlight=False)
    for date, things in groupby(report.told, key=day):
        console.print(f"\n[bold]{_DAYS[language][date.weekday()]} {date:%m-%d}[/bold]", highlight=False)
        for told in things:
            moment = f"{told.at.astimezone(zone):%H:%M}"
            console.print(f"  [dim]{moment}[/dim] {escape(told.text(language))}", highlight=False, soft_wrap=True)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column(words["holder"])
    for heading in ("before", "after"):
        table.add_column(words[heading], justify="right")
    for balance in report.balances:
        table.add_row(balance.name, str(balance.before), str(balance.after))
    console.print()
    console.print(table)
    console.print()
    console.print(words["ledger"].format(lines=report.lines), highlight=False)
    console.print(words["wrong" if report.wrong else "right"].format(wrong=report.wrong), highlight=False)
    state = "whole" if report.broken is None else "broken"
    console.print(words[state].format(sealed=report.sealed, broken=report.broken), highlight=False)
