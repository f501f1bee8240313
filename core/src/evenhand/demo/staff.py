"""The made-up company itself: teams, people, what it sells and how it advertises."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from evenhand.demo.lexicon import Region
from evenhand.demo.names import Person, person
from evenhand.demo.plot import Colleague, Plot, ref
from evenhand.demo.story import Ref

LEVELS = ("expert", "senior", "senior", "junior")
SERVICE = 3
_HOURS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def write_staff(plot: Plot, mark: str) -> None:
    """Teams and users; one rep leaves on the way, one is away at the end.

    Args:
        mark: kept with the head team, so that the demo can be told from a company's own data.
    """
    rng = plot.chance("staff")
    lexicon, span = plot.lexicon, plot.span
    start = span.at(rng, span.first)
    title = {"en": "Demo data", "zh": "演示数据"}
    plot.add("CustomField", start, entity="Team", key="demo", type="text", titles=title)
    head = plot.add("Team", start, name=lexicon.head_team, custom={"demo": mark})
    service = plot.add("Team", start, name=lexicon.service_team, parent_id=Ref(head))
    _hire(plot, "admin", head, None, start, manager=None)
    director = _hire(plot, "director", head, None, start, manager=None)
    _hire(plot, "analyst", head, None, start, manager=director)
    for number, region in enumerate(lexicon.regions):
        team = plot.add("Team", start, name=region.team, region=region.name, parent_id=Ref(head))
        manager = _hire(plot, "manager", team, number, start, manager=director)
        for seat, level in enumerate(LEVELS):
            late = seat == 3 and number > 0
            joined = span.at(rng, span.day(rng, span.first + timedelta(days=150 * number))) if late else start
            left = span.at(rng, span.last - timedelta(days=170)) if (number, seat) == (0, 2) else None
            _hire(plot, "rep", team, number, joined, manager=manager, level=level, left=left)
    for _ in range(SERVICE):
        _hire(plot, "service", service, None, start, manager=director)
    _write_absences(plot)


ROLES = {
    "admin": "admin",
    "director": "manager",
    "manager": "manager",
    "rep": "rep",
    "service": "rep",
    "analyst": "read_only",
}


def _hire(
    plot: Plot,
    role: str,
    team: str,
    region: int | None,
    joined: datetime,
    *,
    manager: Colleague | None,
    level: str = "senior",
    left: datetime | None = None,
) -> Colleague:
    rng = plot.chance(f"hire {len(plot.colleagues)}")
    lexicon = plot.lexicon
    human = _fresh_person(plot)
    languages = [lexicon.language, lexicon.foreign] if rng.random() < 0.3 else [lexicon.language]
    place: Region | None = lexicon.regions[region] if region is not None else None
    key = plot.add(
        "User",
        joined,
        name=human.name,
        email=f"{human.latin}@{lexicon.mail}",
        title=lexicon.staff_titles[role],
        role=ROLES[role],
        team_id=Ref(team),
        manager_id=ref(manager.key if manager else None),
        level=level,
        regions=[place.name] if place else [],
        languages=languages,
        skills=sorted({lexicon.items[n].family for n in rng.sample(range(len(lexicon.items)), k=3)}),
        working_hours=_HOURS,
    )
    colleague = Colleague(key, human, role, region, joined, left)
    plot.colleagues.append(colleague)
    if left is not None:
        plot.revise("User", key, left, is_active=False)
    return colleague


def _fresh_person(plot: Plot) -> Person:
    """Somebody whose name no colleague has."""
    taken = {colleague.person.latin for colleague in plot.colleagues}
    rng = plot.chance(f"person {len(taken)}")
    while True:
        human = person(rng, plot.lexicon.language)
        if human.latin not in taken:
            return human


def _write_absences(plot: Plot) -> None:
    """A holiday for everybody who sells, and one that lasts over the end of the story."""
    rng = plot.chance("absences")
    span = plot.span
    reps = [colleague for colleague in plot.colleagues if colleague.role == "rep" and colleague.left is None]
    for colleague in reps:
        first = span.day(rng, span.local_day(colleague.joined) + timedelta(days=7), span.last - timedelta(days=60))
        days = timedelta(days=rng.randint(2, 9))
        at = max(colleague.joined, span.at(rng, first - timedelta(days=5)))
        _absent(plot, colleague, at, first, days)
    away = reps[-2]
    _absent(plot, away, span.at(rng, span.last), span.last, timedelta(days=14))


def _absent(plot: Plot, who: Colleague, at: datetime, first: date, days: timedelta) -> None:
    note = plot.lexicon.absence_note
    plot.add("Absence", at, user_id=Ref(who.key), kind="vacation", starts_on=first, ends_on=first + days, note=note)


def write_offer(plot: Plot) -> None:
    """Products, campaigns, competitors and tags."""
    rng = plot.chance("offer")
    lexicon, span = plot.lexicon, plot.span
    start = span.at(rng, span.first)
    currency = lexicon.currency
    for item in lexicon.items:
        plot.add(
            "Product",
            start,
            code=item.code,
            name=item.name,
            family=item.family,
            list_price=item.price,
            currency=currency,
        )
    for name, channel, tracking in lexicon.campaigns:
        day = span.day(rng, latest=span.last - timedelta(days=90))
        plot.add(
            "Campaign",
            span.at(rng, day),
            name=f"{name} {day.year}",
            channel=channel,
            cost=Decimal(rng.randint(8, 160)) * 500,
            cost_currency=currency,
            starts_on=day,
            ends_on=day + timedelta(days=rng.choice((3, 30, 60, 90))),
            tracking={"utm_source": channel, "utm_campaign": f"{tracking}-{day.year}"},
        )
    for rival in lexicon.rivals:
        plot.add(
            "Competitor",
            start,
            name=rival.name,
            strengths=rival.strengths,
            weaknesses=rival.weaknesses,
            prices=rival.prices,
        )
    for word in lexicon.tags:
        plot.add("Tag", start, name=word.name, color=word.color)
    plot.add(
        "CustomField",
        start,
        entity="Account",
        key=lexicon.custom_key,
        type="number",
        titles=dict(lexicon.custom_titles),
    )
