"""The lead file: people who want something, not yet anybody's."""

from __future__ import annotations

from random import Random

from evenhand.demo.names import company, person, phone
from evenhand.demo.plot import Plot

LEADS = 300


def write_leads(plot: Plot) -> None:
    """Rows as a spreadsheet would hold them, under headers in the tenant's language; cells may be empty."""
    columns = plot.lexicon.lead_columns
    campaigns = [record.values["name"] for record in plot.story.of("Campaign")]
    rows = [_lead(plot, plot.chance(f"lead {number}"), number, campaigns) for number in range(1, LEADS + 1)]
    plot.story.lead_columns = columns
    plot.story.leads = [{header: row[field] for header, field in columns.items()} for row in rows]


def _lead(plot: Plot, rng: Random, number: int, campaigns: list[str]) -> dict[str, str]:
    lexicon = plot.lexicon
    foreign = rng.random() < 0.06
    language = lexicon.foreign if foreign else lexicon.language
    region = rng.choice(lexicon.regions)
    city = rng.choice(lexicon.foreign_cities if foreign else region.cities)
    industry = rng.choice(lexicon.industries)
    trade = rng.choice(lexicon.foreign_trades if foreign else industry.trades)
    human, firm = person(rng, language), company(rng, language, city, trade)
    item = rng.choice(lexicon.items)
    wechat = language.startswith("zh") and rng.random() < 0.6
    return {
        "external_id": f"L-{number:04}",
        "name": human.name,
        "company": firm.name if rng.random() < 0.9 else "",
        "title": rng.choice(lexicon.contact_titles)[0] if rng.random() < 0.8 else "",
        "phone": phone(rng, language) if rng.random() < 0.85 else "",
        "email": f"{human.latin}@{firm.domain}" if rng.random() < 0.8 else "",
        "wechat": f"wx_{human.latin.replace('.', '_')}" if wechat else "",
        "industry": industry.name,
        "region": region.name,
        "city": city,
        "source": rng.choice(lexicon.sources),
        "campaign": rng.choice(campaigns) if rng.random() < 0.6 else "",
        "interest": rng.choices(lexicon.interests, weights=(1, 2, 1))[0],
        "product_interest": item.name,
        "value_estimate": str(item.price * rng.randint(1, item.most)) if rng.random() < 0.7 else "",
        "notes": rng.choice(lexicon.lead_notes),
    }
