"""Accounts with their contacts, and how they change hands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from evenhand.demo.names import Company, company, person, phone
from evenhand.demo.plot import Colleague, Customer, Plot, ref
from evenhand.demo.story import Label, Ref

ACCOUNTS = 120
_SIZES = (("micro", 4, 9), ("small", 10, 49), ("medium", 50, 249), ("large", 250, 999), ("enterprise", 1000, 9000))


def write_customers(plot: Plot) -> None:
    """Accounts and contacts over the two years; the first third are there from the start."""
    rng = plot.chance("customers")
    span = plot.span
    early = span.first + timedelta(days=45)
    days = sorted(
        span.day(rng, span.first + timedelta(days=2), early if number < ACCOUNTS // 3 else span.last)
        for number in range(ACCOUNTS)
    )
    domains: set[str] = set()
    for day in days:
        at = span.at(rng, day)
        region = rng.randrange(len(plot.lexicon.regions))
        owner = rng.choice(plot.sellers(region, at)) if rng.random() < 0.88 else None
        foreign = rng.random() < 0.08
        firm, place = _firm(plot, rng, region, foreign, domains)
        tier = rng.choices("abc", weights=(2, 5, 6))[0]
        parent = rng.choice(plot.customers).key if plot.customers and rng.random() < 0.06 else None
        facts = _facts(plot, rng, tier, firm)
        key = plot.add(
            "Account", at, **place, **facts, owner_id=ref(owner.key if owner else None), parent_id=ref(parent)
        )
        customer = Customer(key, firm.name, region, tier, firm.language, firm.domain, at, [(at, owner)])
        plot.customers.append(customer)
        for number in range(rng.choice((1, 2, 2, 3, 4))):
            _contact(plot, rng, customer, number)


def _firm(plot: Plot, rng: Random, region: int, foreign: bool, domains: set[str]) -> tuple[Company, Mapping[str, Any]]:
    """A company nobody else is called like, and where it is."""
    lexicon = plot.lexicon
    industry = rng.choice(lexicon.industries)
    language = lexicon.foreign if foreign else lexicon.language
    city = rng.choice(lexicon.foreign_cities if foreign else lexicon.regions[region].cities)
    trade = rng.choice(lexicon.foreign_trades if foreign else industry.trades)
    firm = company(rng, language, city, trade)
    while firm.domain in domains:
        firm = company(rng, language, city, trade)
    domains.add(firm.domain)
    place = {
        "industry": industry.name,
        "region": lexicon.regions[region].name,
        "country": lexicon.foreign_country if foreign else lexicon.regions[region].country,
        "addresses": [{"kind": "office", "city": city, "street": _street(rng, language)}],
        "phone": phone(rng, language, mobile=False),
    }
    return firm, place


def _street(rng: Random, language: str) -> str:
    number = rng.randint(1, 300)
    if language.startswith("zh"):
        return f"{rng.choice(('创新', '星湖', '迎宾', '长江', '工业园', '科技'))}路 {number} 号"
    return f"{number} {rng.choice(('Mill', 'Station', 'Canal', 'Park', 'Foundry', 'Orchard'))} Road"


def _facts(plot: Plot, rng: Random, tier: str, firm: Company) -> dict[str, Any]:
    """What is known of a company: larger ones are more often of tier A."""
    size, least, most = rng.choice(_SIZES[2:] if tier == "a" else _SIZES[:4])
    employees = rng.randint(least, most)
    custom = {plot.lexicon.custom_key: max(1, employees // rng.randint(20, 60))} if rng.random() < 0.5 else {}
    return {
        "name": firm.name,
        "also_names": list(firm.also_names),
        "size": size,
        "employees": employees,
        "founded_year": rng.randint(1958, 2020),
        "tier": tier,
        "source": rng.choice(plot.lexicon.sources),
        "website": f"https://www.{firm.domain}",
        "annual_revenue": Decimal(employees) * rng.randint(300, 1200) * 1000,
        "annual_revenue_currency": plot.lexicon.currency,
        "custom": custom,
    }


def _contact(plot: Plot, rng: Random, customer: Customer, number: int) -> None:
    human = person(rng, customer.language)
    title, department = rng.choice(plot.lexicon.contact_titles)
    channels = [
        {"kind": "email", "value": f"{human.latin}@{customer.domain}", "label": "work", "is_primary": True},
        {"kind": "phone", "value": phone(rng, customer.language), "label": "mobile", "is_primary": True},
    ]
    if customer.language.startswith("zh") or rng.random() < 0.05:
        wechat = f"wx_{human.latin.replace('.', '_').replace('-', '_')}{rng.randint(10, 99)}"
        channels.append({"kind": "wechat", "value": wechat, "label": "work", "is_primary": True})
    if rng.random() < 0.2:
        fixed = phone(rng, customer.language, mobile=False)
        channels.append({"kind": "phone", "value": fixed, "label": "office", "is_primary": False})
    at = plot.span.after(rng, customer.created, 1 if number == 0 else 200)
    consent = rng.choice(("granted", "granted", "unknown", "withdrawn"))
    key = plot.add(
        "Contact",
        at,
        name=human.name,
        first_name=human.first,
        last_name=human.last,
        title=title,
        department=department,
        language=human.language,
        is_primary=number == 0,
        account_id=Ref(customer.key),
        email_consent=consent,
        consent_source=rng.choice(plot.lexicon.sources) if consent != "unknown" else None,
        consent_at=at if consent != "unknown" else None,
        channels=channels,
    )
    customer.contacts.append(key)


def write_handovers(plot: Plot) -> None:
    """Leavers hand over everything; a few customers move for other reasons, or through the pool."""
    rng = plot.chance("handovers")
    for leaver in plot.colleagues:
        if leaver.left is not None:
            _take_over(plot, rng, leaver)
    span = plot.span
    for customer in rng.sample(plot.customers, k=28):
        settled = customer.holders[-1][0] + timedelta(days=30)
        if not span.holds(settled):
            continue
        at = span.after(rng, settled, 300)
        holder = customer.holder(at)
        others = [who for who in plot.sellers(customer.region, at) if who is not holder and who.left is None]
        if holder is None:
            plot.hand_over(customer, at, rng.choice(others), plot.lexicon.claim_note)
        elif rng.random() < 0.25:
            plot.hand_over(customer, at, None, plot.lexicon.release_note)
        else:
            plot.hand_over(customer, at, rng.choice(others), rng.choice(plot.lexicon.handover_notes))


def _take_over(plot: Plot, rng: Random, leaver: Colleague) -> None:
    if leaver.left is None or leaver.region is None:
        return
    for customer in plot.customers:
        if customer.holders[-1][1] is leaver:
            at = max(leaver.left, customer.created)
            heir = rng.choice(plot.sellers(leaver.region, at))
            note = plot.lexicon.left_note.format(name=leaver.person.name, heir=heir.person.name)
            plot.hand_over(customer, at, heir, note)


def write_labels(plot: Plot) -> None:
    """Tags that people put on customers, with their reasons."""
    rng = plot.chance("labels")
    for customer in rng.sample(plot.customers, k=len(plot.customers) * 2 // 5):
        number, word = rng.choice(list(enumerate(plot.lexicon.tags, start=1)))
        at = plot.span.after(rng, customer.created, 400)
        who = customer.holder(at) or plot.colleagues[1]
        label = Label(f"tag:{number}", "Account", customer.key, at, who.key, rng.choice(word.reasons))
        plot.story.labels.append(label)
