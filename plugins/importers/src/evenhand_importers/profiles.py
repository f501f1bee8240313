"""Files of which the meaning is known beforehand, recognised by their headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Profile:
    """One kind of file.

    Attributes:
        source: the name of the system that its ids are of.
        headers: all of them must be there.
        columns: header to field; other headers stay unmapped.
        missing: words that stand for no value besides the usual ones.
        defaults: field to text, for new records.
    """

    name: str
    source: str
    entity: str
    headers: frozenset[str]
    columns: Mapping[str, str]
    missing: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = field(default_factory=dict)


_MAVEN_ACCOUNTS = {
    "account": "name",
    "sector": "industry",
    "year_established": "founded_year",
    "revenue": "annual_revenue*1000000",
    "employees": "employees",
    "office_location": "country",
    "subsidiary_of": "parent",
}
_MAVEN_PRODUCTS = {"product": "name", "series": "family", "sales_price": "list_price"}
_MAVEN_TEAMS = {"sales_agent": "name", "manager": "manager", "regional_office": "team,regions"}
_MAVEN_PIPELINE = {
    "opportunity_id": "external_id",
    "sales_agent": "owner",
    "product": "product",
    "account": "account",
    "deal_stage": "stage",
    "engage_date": "opened_on",
    "close_date": "closed_on",
    "close_value": "amount",
}
_X_EDUCATION = {
    "Prospect ID": "external_id",
    "Lead Number": "number",
    "Lead Source": "source",
    "Country": "country",
    "City": "city",
    "Specialization": "industry",
    "What is your current occupation": "title",
}

PROFILES = (
    Profile(
        "Maven CRM accounts (revenue in millions of USD)",
        "maven",
        "Account",
        frozenset(_MAVEN_ACCOUNTS),
        _MAVEN_ACCOUNTS,
        defaults={"annual_revenue_currency": "USD"},
    ),
    Profile(
        "Maven CRM products",
        "maven",
        "Product",
        frozenset(_MAVEN_PRODUCTS),
        _MAVEN_PRODUCTS,
        defaults={"currency": "USD"},
    ),
    Profile(
        "Maven CRM sales teams",
        "maven",
        "User",
        frozenset(_MAVEN_TEAMS),
        _MAVEN_TEAMS,
        defaults={"role": "rep"},
    ),
    Profile(
        "Maven CRM sales pipeline",
        "maven",
        "Opportunity",
        frozenset(_MAVEN_PIPELINE),
        _MAVEN_PIPELINE,
        defaults={"currency": "USD"},
    ),
    Profile(
        "X Education leads",
        "xeducation",
        "Lead",
        frozenset({"Prospect ID", "Lead Number", "Lead Origin", "Lead Source", "Specialization"}),
        _X_EDUCATION,
        missing=frozenset({"select"}),
    ),
)
