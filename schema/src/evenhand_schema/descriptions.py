"""What the columns mean, for people who read the schema; a column's own docstring in its model goes first."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from tortoise.models import Model

COMMON: Mapping[str, str] = {
    "id": "The record's id, a UUID that grows with time.",
    "created_at": "When it was created.",
    "updated_at": "When it was last changed.",
    "version": "Counts changes; send it with a change so that nobody's work is overwritten.",
    "archived_at": "When it was put away; null while it is in use.",
    "custom": "Values of the tenant's custom fields by their key.",
    "name": "What people call it.",
    "amount": "The amount of money, in the currency beside it.",
    "annual_revenue": "Yearly revenue, in `annualRevenueCurrency`.",
    "annual_revenue_currency": "Currency of the yearly revenue, ISO 4217.",
    "addresses": "Postal addresses, a list of small objects.",
    "answered_at": "When the answer was given.",
    "body": "The full text.",
    "category": "The group it belongs to.",
    "changed_at": "When the stage changed.",
    "channel": "The channel the campaign ran on.",
    "city": "City.",
    "code": "The product code, unique in the tenant.",
    "color": "A colour to show it in.",
    "comment": "What the customer wrote.",
    "company": "The company the person works for.",
    "consent_at": "When consent was given or withdrawn.",
    "consent_source": "Where the consent came from.",
    "converted_at": "When the lead became a customer.",
    "cost": "What it cost, in `costCurrency`.",
    "cost_currency": "Currency of the cost, ISO 4217.",
    "country": "Country.",
    "currency": "Currency, ISO 4217.",
    "day": "The day.",
    "days": "How many days.",
    "decided_at": "When the decision was made.",
    "department": "Department.",
    "description": "A longer description.",
    "direction": "Who reached out to whom.",
    "discount_percent": "Discount in percent, 0 to 100.",
    "done_at": "When it was done; null while it is open.",
    "due_at": "When it must be done.",
    "duration_minutes": "How long it took, in minutes.",
    "email": "E-mail address.",
    "email_consent": "Whether we may write e-mails.",
    "employees": "Number of employees.",
    "ends_on": "The last day.",
    "entity": "The kind of record this is about.",
    "expected_close": "The day it is expected to close.",
    "expected_days": "Days an opportunity is expected to stay.",
    "external_id": "What the source system calls the record.",
    "family": "Product family.",
    "file_name": "The file's name.",
    "first_name": "Given name.",
    "founded_year": "The year it was founded.",
    "industry": "Industry.",
    "interest": "How interested the person is.",
    "is_active": "Whether it is in use.",
    "is_default": "Whether it is the tenant's default.",
    "is_primary": "Whether it is the first choice.",
    "key": "The name under which values are kept.",
    "kind": "Which kind it is.",
    "label": "A word that tells it from the others, such as work or home.",
    "language": "Preferred language, a BCP 47 tag such as zh-CN.",
    "languages": "Languages the person speaks, BCP 47 tags.",
    "last_name": "Family name.",
    "level": "Level of experience.",
    "lifecycle_stage": "Where it stands between prospect and former customer.",
    "list_price": "Price without discounts, in the currency beside it.",
    "lost_reason": "Why the deal was lost.",
    "media_type": "The media type, e.g. application/pdf.",
    "messaging_consent": "Whether we may send messages.",
    "method": "How it was paid.",
    "next_step": "What is to be done next.",
    "next_step_on": "The day of the next step.",
    "note": "A remark in a person's words.",
    "notes": "Notes.",
    "number": "The number on the paper, unique in the tenant.",
    "occurred_at": "When it took place.",
    "opened_at": "When it was opened.",
    "opened_on": "The day it was opened.",
    "paid_at": "When the money came in (or went back).",
    "phone": "Phone number.",
    "phone_consent": "Whether we may call.",
    "placed_on": "The day it was placed.",
    "plugin": "The plugin that did it.",
    "policy": "The policy that chose.",
    "position": "Place in the order, lowest first.",
    "prices": "What is known of the prices.",
    "priority": "How urgent it is.",
    "product_interest": "What the person is interested in.",
    "quantity": "How many.",
    "reason": "Why the record changed hands.",
    "record_id": "Id of the record this is about.",
    "reference": "The payment's reference.",
    "region": "Region.",
    "regions": "Regions the person works in.",
    "remind_at": "When to remind.",
    "requested_at": "When it was asked for.",
    "resolved_at": "When it was resolved.",
    "role": "What the user may do.",
    "satisfaction": "How satisfied the customer was, 1 to 5.",
    "score": "The score: CSAT 1 to 5, NPS 0 to 10.",
    "seed": "The seed of the decision: with it, the same decision can be made again.",
    "sha256": "SHA-256 of the content, in hexadecimal.",
    "size": "Size by number of employees.",
    "size_bytes": "Size in bytes.",
    "skills": "Skills of the person.",
    "source": "Where it came from.",
    "stage_entered_at": "When it entered its stage.",
    "started_at": "From when on.",
    "starts_on": "The first day.",
    "status": "Where it stands.",
    "strengths": "What they are good at.",
    "subject": "What it is about, in one line.",
    "tax_id": "Tax number.",
    "threat": "How dangerous the competitor is in this deal.",
    "tier": "How important the customer is.",
    "title": "Job title.",
    "total": "The whole amount, in the currency beside it.",
    "type": "The type of its values.",
    "unit_price": "Price of one.",
    "valid_from": "The first day it is valid.",
    "valid_until": "The last day it is valid.",
    "value": "The address, number or id itself.",
    "value_currency": "Currency of the estimate, ISO 4217.",
    "value_estimate": "What the lead may be worth, in `valueCurrency`.",
    "via": "Through what it was done: graphql, import, cli, …",
    "weaknesses": "What they are not good at.",
    "website": "Web address.",
    "wechat": "WeChat id.",
    "why": "Why the tag was put there.",
}


@cache
def _docstrings(model: type[Model]) -> dict[str, str]:
    """The docstrings under the attributes of a model and its bases."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if cls in (Model, object) or not issubclass(cls, Model):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for statement, following in pairwise(body):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            if isinstance(target, ast.Name) and isinstance(following, ast.Expr):
                text = following.value
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[target.id] = " ".join(text.value.split())
    return found


def describe(model: type[Model], column: str, *, reference: bool = False) -> str:
    """What a column means.

    Args:
        reference: the column holds the id of another record.

    Raises:
        LookupError: nobody has described it.
    """
    own = _docstrings(model).get(column)
    if own is not None:
        return own
    if reference:
        return f"Id of the {column.removesuffix('_id').replace('_', ' ')}."
    if column not in COMMON:
        raise LookupError(f"{model.__name__}.{column} is described neither in its model nor in {__name__}.")
    return COMMON[column]
