"""From a seed and a day to two companies' histories; the same seed and day give the same content."""

from __future__ import annotations

from datetime import date

from evenhand.demo.brightwell import BRIGHTWELL
from evenhand.demo.customers import write_customers, write_handovers, write_labels
from evenhand.demo.huaxing import HUAXING
from evenhand.demo.leads import write_leads
from evenhand.demo.lexicon import Lexicon
from evenhand.demo.plot import Plot
from evenhand.demo.sales import write_deals
from evenhand.demo.service import write_activities, write_tasks, write_tickets
from evenhand.demo.staff import write_offer, write_staff
from evenhand.demo.story import Story

SEED = 2026
LEXICONS: tuple[Lexicon, ...] = (HUAXING, BRIGHTWELL)
"""The demo companies: one Chinese, one English."""


def generate(lexicon: Lexicon, reference: date, seed: int = SEED) -> Story:
    """The story of one company over the two years before a day. Pure: reads no clock, no file, no database."""
    story = Story(seed, reference, lexicon.tenant)
    plot = Plot(lexicon, story)
    write_staff(plot, mark=f"{seed} {reference.isoformat()}")
    write_offer(plot)
    write_customers(plot)
    write_handovers(plot)
    write_labels(plot)
    write_deals(plot)
    write_activities(plot)
    write_tasks(plot)
    write_tickets(plot)
    write_leads(plot)
    return story
