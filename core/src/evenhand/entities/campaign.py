"""Campaign: what marketing did, and what it cost."""

from __future__ import annotations

from typing import ClassVar

from tortoise import fields

from evenhand.entities.columns import choice, currency, mapping, money, name_column
from evenhand.entities.enums import CampaignChannel
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel


class Campaign(RecordModel):
    """A marketing campaign that brings leads."""

    name = name_column()
    channel = choice(CampaignChannel, default=CampaignChannel.OTHER)
    cost = money()
    cost_currency = currency()
    starts_on = fields.DateField(null=True)
    ends_on = fields.DateField(null=True)
    tracking = mapping()
    """Tracking parameters by name, such as utm_source and utm_campaign."""

    search: ClassVar[Searchable] = Searchable(names=("name",))

    class Meta:
        app = "core"
        table = "campaigns"
