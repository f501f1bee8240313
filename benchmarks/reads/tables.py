"""What is generated: per table where its rows' numbers come from, and a SQL expression per column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.reads import words
from benchmarks.reads.expressions import Numbers, Span, below, chance, fraction, literal, pick, whole, years

PER_ACCOUNT = {
    "contacts": 3.0,
    "contact_channels": 6.0,
    "activities": 10.0,
    "opportunities": 2.0,
    "orders": 3.0,
    "payments": 1.8,
    "tickets": 1.0,
    "tasks": 0.5,
    "taggings": 2.0,
    "leads": 0.3,
}
"""Rows of these tables per account; with 100,000 accounts 3.9 million in all."""

SPANS: dict[str, Span] = {
    **dict.fromkeys(("teams", "users", "pools", "pipelines", "stages", "products", "tags"), years(2018, 2019)),
    "accounts": years(2019, 2022),
    "contacts": years(2020, 2023),
    "contact_channels": years(2020, 2023),
    **dict.fromkeys(("activities", "tickets", "tasks", "leads", "taggings"), years(2023, 2026)),
    **dict.fromkeys(("opportunities", "orders", "order_lines", "payments", "ownership_entries"), years(2023, 2026)),
}

CURRENCIES = {1: "CNY", 2: "GBP", 3: "USD"}
RECORD = {"created_at": "made", "updated_at": "made", "version": "1", "custom": "'{}'::jsonb"}
"""What every business record has; `made` is set by the source."""


@dataclass(frozen=True)
class Load:
    """One INSERT: numbered rows, and the values of their columns.

    Attributes:
        count: `n` goes from 1 to this; a long series can be cut into pieces.
        picked: numbers that several columns need, computed once per row.
        series: a further FROM item that multiplies the rows.
    """

    table: str
    count: int
    columns: Mapping[str, str]
    picked: Mapping[str, str]
    series: str = ""

    def statement(self, tenant_id: str, first: int, last: int) -> str:
        """The INSERT of the rows `first` to `last`."""
        names = ", ".join(f'"{name}"' for name in ("tenant_id", *self.columns))
        picked = ", ".join(f"{value} AS {name}" for name, value in self.picked.items())
        source = f"generate_series({first}, {last}) AS n{self.series}"
        values = ", ".join(self.columns.values())
        # OFFSET 0 keeps the planner from computing the picked numbers again for each column.
        return (
            f'INSERT INTO "{self.table}" ({names}) SELECT {literal(tenant_id)}::uuid, {values} '
            f"FROM (SELECT *{', ' if picked else ''}{picked} FROM {source} OFFSET 0) AS source"
        )


def numbers(tenant: int, accounts: int) -> Numbers:
    """How many rows of each table tenant number `tenant` has."""
    counts = {name: max(int(accounts * ratio), 10) for name, ratio in PER_ACCOUNT.items()}
    counts |= {"accounts": accounts, "teams": 12, "users": 120, "pools": 1, "pipelines": 1, "products": 60}
    counts |= {"stages": len(words.STAGES), "tags": len(words.TAGS)}
    # Numbered five to an order; an order has three on average.
    counts |= {"order_lines": 5 * (counts["orders"] + 1), "ownership_entries": accounts + counts["opportunities"]}
    return Numbers(tenant, counts, SPANS)


def _person(seed: int, n: str) -> str:
    chinese = f"{pick(words.SURNAME, seed, n)} || {pick(words.GIVEN_NAME, seed + 1, n)}"
    english = f"{pick(words.FIRST_NAME, seed, n)} || ' ' || {pick(words.LAST_NAME, seed + 1, n)}"
    return f"CASE WHEN {chance(60, seed + 2, n)} THEN {chinese} ELSE {english} END"


def _money(seed: int, least: int, most: int) -> str:
    """Few large amounts, many small ones."""
    return f"round(({least} + {most - least} * power({fraction(seed)}, 4))::numeric, 2)"


def _owner(of: Numbers, seed: int, n: str = "n") -> dict[str, str]:
    """19 of 20 have an owner, the others wait in the pool."""
    held = chance(95, seed, n)
    owner = f"CASE WHEN {held} THEN {of.id('users', of.any('users', seed + 1, n))} END"
    return {"owner_id": owner, "pool_id": f"CASE WHEN NOT {held} THEN {of.id('pools', '1')} END"}


def _staff(of: Numbers) -> list[Load]:
    name, user = _person(21, "n"), of.id("users", "n")
    made = {table: {"made": of.made(table, "n")} for table in of.counts}
    titles = _array([title for title, _, _ in words.STAGES])
    chances = f"ARRAY[{', '.join(str(percent) for _, percent, _ in words.STAGES)}]"
    kinds = _array([kind for _, _, kind in words.STAGES])
    tags = _array(words.TAGS)
    team = {"id": of.id("teams", "n"), **RECORD, "name": "'Team ' || n", "region": pick(words.REGIONS, 23)}
    return [
        Load(
            "teams",
            of.counts["teams"],
            team | {"parent_id": f"CASE WHEN n > 1 THEN {of.id('teams', '1')} END"},
            made["teams"],
        ),
        Load(
            "users",
            of.counts["users"],
            {
                "id": user,
                **RECORD,
                "name": name,
                "email": "'user' || n || '@bench.example'",
                "title": pick(["Sales Manager", "客户经理", "Account Executive"], 24),
                "role": "CASE WHEN n = 1 THEN 'admin' WHEN n < 10 THEN 'manager' ELSE 'rep' END",
                "team_id": of.id("teams", of.any("teams", 25)),
                "manager_id": f"CASE WHEN n > 9 THEN {of.id('users', f'(1 + {below(9, 26)})')} END",
                "level": pick(["junior", "senior", "expert"], 27),
                **dict.fromkeys(("skills", "regions", "languages"), "'[]'::jsonb"),
                "working_hours": "'{}'::jsonb",
                "is_active": "true",
            },
            made["users"],
        ),
        Load("pools", 1, {"id": of.id("pools", "n"), **RECORD, "name": "'公海'", "is_default": "true"}, made["pools"]),
        Load(
            "pipelines",
            1,
            {"id": of.id("pipelines", "n"), **RECORD, "name": "'Sales'", "position": "0", "is_default": "true"},
            made["pipelines"],
        ),
        Load(
            "stages",
            len(words.STAGES),
            {
                "id": of.id("stages", "n"),
                **RECORD,
                "pipeline_id": of.id("pipelines", "1"),
                "name": f"({titles})[n]",
                "position": "n",
                "probability": f"({chances})[n]",
                "kind": f"({kinds})[n]",
                "exit_criteria": "'[]'::jsonb",
            },
            made["stages"],
        ),
        Load(
            "products",
            of.counts["products"],
            {
                "id": of.id("products", "n"),
                **RECORD,
                "code": "'P-' || lpad(n::text, 4, '0')",
                "name": f"{pick(words.TRADES, 28)} || ' ' || n",
                "family": pick(["Hardware", "Software", "Service"], 29),
                "list_price": _money(30, 10, 20_000),
                "currency": literal(CURRENCIES[of.tenant]),
                "is_active": "true",
            },
            made["products"],
        ),
        Load("tags", len(words.TAGS), {"id": of.id("tags", "n"), **RECORD, "name": f"({tags})[n]"}, made["tags"]),
    ]


def _customers(of: Numbers) -> list[Load]:
    brand = f"{pick(words.BRAND, 41)} || {pick(words.BRAND, 42)}"
    chinese = f"{pick(words.CITIES, 43)} || {brand} || {pick(words.TRADES, 44)} || '有限公司'"
    english = (
        f"{pick(words.BRAND_HEAD, 41)} || {pick(words.BRAND_TAIL, 42)} || ' ' || {pick(words.ENDINGS, 43)} || ' ' || n"
    )
    industry = f"({_array(words.INDUSTRIES)})[1 + floor({len(words.INDUSTRIES)} * power({fraction(46)}, 2))::int]"
    account = {
        "id": of.id("accounts", "n"),
        **RECORD,
        "name": f"CASE WHEN {chance(60, 45)} THEN {chinese} ELSE {english} END",
        "also_names": f"jsonb_build_array({pick(words.BRAND_LATIN, 41)})",
        "kind": "'company'",
        "industry": industry,
        "region": pick(words.REGIONS, 47),
        "country": f"CASE WHEN {chance(60, 45)} THEN 'CN' ELSE 'GB' END",
        "size": pick(["micro", "small", "small", "medium", "large", "enterprise"], 48),
        "employees": f"(1 + 20000 * power({fraction(49)}, 5))::int",
        "founded_year": f"1950 + {below(70, 50)}",
        "tier": f"CASE WHEN {chance(5, 51)} THEN 'a' WHEN {chance(30, 51)} THEN 'b' ELSE 'c' END",
        "lifecycle_stage": pick(["prospect", "prospect", "customer", "customer", "former_customer"], 52),
        "source": pick(["web", "trade fair", "referral"], 53),
        "website": "'https://www.c' || n || '.example'",
        "phone": "'+44 20 7946 0' || lpad((n % 1000)::text, 3, '0')",
        "addresses": f"jsonb_build_array(jsonb_build_object('city', {pick(words.CITIES, 43)}))",
        "annual_revenue": f"CASE WHEN {chance(90, 54)} THEN {_money(55, 50_000, 500_000_000)} END",
        "annual_revenue_currency": f"CASE WHEN {chance(90, 54)} THEN {literal(CURRENCIES[of.tenant])} END",
        "held_since": "made",
        **_owner(of, 56),
        "archived_at": f"CASE WHEN {chance(2, 58)} THEN made + interval '1 year' END",
    }
    contact = {
        "id": of.id("contacts", "n"),
        **RECORD,
        "name": _person(61, "n"),
        "title": pick(words.TITLES, 64),
        "is_primary": chance(30, 65),
        "account_id": of.id("accounts", "account"),
        "email_consent": pick(["unknown", "granted", "granted", "withdrawn"], 66),
        "phone_consent": "'unknown'",
        "messaging_consent": "'unknown'",
    }
    channel = {
        "id": of.id("contact_channels", "n * 2 + p"),
        "created_at": of.made("contact_channels", "n * 2 + p"),
        "contact_id": of.id("contacts", "n"),
        "kind": "CASE WHEN p = 0 THEN 'email' WHEN n % 3 = 0 THEN 'wechat' ELSE 'phone' END",
        "value": "CASE WHEN p = 0 THEN 'contact' || n || '@c.example' WHEN n % 3 = 0 THEN 'wx_' || n "
        "ELSE '+86 100 0555 ' || lpad(n::text, 6, '0') END",
        "is_primary": "p = 0",
    }
    # Two different tags each: the second is a few places further in the list.
    tags = len(words.TAGS)
    tagging = {
        "id": of.id("taggings", "n * 2 + p"),
        "created_at": of.made("taggings", "n * 2 + p"),
        "tag_id": of.id("tags", f"(1 + ({whole(71)} % {tags} + p * (1 + {whole(72)} % {tags - 1})) % {tags})"),
        "account_id": of.id("accounts", "n"),
        "actor_id": of.id("users", of.any("users", 73)),
    }
    contacts, twice = of.counts["contacts"], ", generate_series(0, 1) AS p"
    made = {"made": of.made("contacts", "n"), "account": of.account_of_contact("n")}
    return [
        Load("accounts", of.counts["accounts"], account, {"made": of.made("accounts", "n")}),
        Load("contacts", contacts, contact, made),
        Load("contact_channels", contacts, channel, {}, twice),
        Load("taggings", of.counts["accounts"], tagging, {}, twice),
    ]


def _array(values: list[str]) -> str:
    return f"ARRAY[{', '.join(literal(one) for one in values)}]"


def contact_of_opportunity(of: Numbers, n: str) -> str:
    """The number of the contact whom deal number `n` is about; the account is the contact's."""
    return of.any("contacts", 81, n)


def _line(order: str) -> str:
    """The number of line `p` of an order."""
    return f"(({order})::bigint * 5 + p)"


def _quantity(order: str) -> str:
    return f"(1 + {below(20, 91, _line(order))})"


def _unit_price(order: str) -> str:
    return f"(10 + {below(50_000, 92, _line(order))} / 10.0)"


def _discount(order: str) -> str:
    return f"(5 * {below(4, 93, _line(order))})"


def _line_amount(order: str) -> str:
    return f"round({_quantity(order)} * {_unit_price(order)} * (100 - {_discount(order)}) / 100, 2)"


def _total(order: str) -> str:
    """The sum of an order's one to five lines."""
    return f"(SELECT sum({_line_amount(order)}) FROM generate_series(1, 1 + {order} % 5) AS p)"


def _sales(of: Numbers) -> list[Load]:
    stage = f"(1 + (ARRAY[0, 1, 2, 3, 4, 4, 4, 5, 5, 5])[1 + {below(10, 82)}])"
    day = "(made AT TIME ZONE 'UTC')::date"
    currency = literal(CURRENCIES[of.tenant])
    opportunity = {
        "id": of.id("opportunities", "n"),
        **RECORD,
        "name": f"{pick(words.TRADES, 83)} || ' ' || n",
        "account_id": of.id("accounts", "account"),
        "contact_id": of.id("contacts", "contact"),
        "pipeline_id": of.id("pipelines", "1"),
        "stage_id": of.id("stages", "stage"),
        "stage_entered_at": "made",
        "amount": f"CASE WHEN {chance(95, 84)} THEN {_money(85, 500, 2_000_000)} END",
        "currency": f"CASE WHEN {chance(90, 86)} THEN {currency} ELSE 'EUR' END",
        "opened_on": day,
        "expected_close": f"{day} + 30 + {below(180, 87)}",
        "closed_on": f"CASE WHEN stage > 4 THEN {day} + 20 + {below(90, 88)} END",
        "lost_reason": "CASE WHEN stage = 6 THEN 'Price' END",
        "held_since": "made",
        **_owner(of, 89),
    }
    order = {
        "id": of.id("orders", "n"),
        **RECORD,
        "number": "'O-' || lpad(n::text, 8, '0')",
        "kind": "CASE WHEN n % 10 = 0 THEN 'quote' ELSE 'order' END",
        "status": pick(["draft", "issued", "accepted", "fulfilled", "fulfilled", "cancelled"], 94),
        "account_id": of.id("accounts", "account"),
        "contact_id": of.id("contacts", "contact"),
        "opportunity_id": of.id("opportunities", "opportunity"),
        "total": _total("n"),
        "currency": currency,
        "placed_on": day,
    }
    line = {
        "id": of.id("order_lines", _line("n")),
        "order_id": of.id("orders", "n"),
        "position": "p",
        "product_id": of.id("products", of.any("products", 95, _line("n"))),
        "quantity": _quantity("n"),
        "unit_price": _unit_price("n"),
        "discount_percent": _discount("n"),
        "amount": _line_amount("n"),
    }
    paid = {
        "id": of.id("payments", "n"),
        **RECORD,
        "order_id": of.id("orders", "sold"),
        "amount": _total("sold"),
        "currency": currency,
        "paid_at": "made + interval '20 days'",
        "method": pick(["bank transfer", "card", "支付宝"], 96),
    }
    deal = {"made": of.made("opportunities", "n"), "stage": stage, "contact": contact_of_opportunity(of, "n")}
    sold = {"made": of.made("orders", "n"), "opportunity": of.any("opportunities", 97)}
    sold["contact"] = contact_of_opportunity(of, sold["opportunity"])
    # Three of five orders are paid.
    payment = {"sold": "(1 + (n - 1) * 5 / 3)", "made": of.made("orders", "(1 + (n - 1) * 5 / 3)")}
    orders = of.counts["orders"]
    return [
        Load(
            "opportunities",
            of.counts["opportunities"],
            opportunity,
            deal | {"account": of.account_of_contact(deal["contact"])},
        ),
        Load("orders", orders, order, sold | {"account": of.account_of_contact(sold["contact"])}),
        Load("order_lines", orders, line, {}, ", generate_series(1, 1 + n % 5) AS p"),
        Load("payments", of.counts["payments"], paid, payment),
    ]


def _service(of: Numbers) -> list[Load]:
    def about(seed: int, table: str) -> dict[str, str]:
        contact = of.any("contacts", seed)
        return {"made": of.made(table, "n"), "contact": contact, "account": of.account_of_contact(contact)}

    customer = {"account_id": of.id("accounts", "account"), "contact_id": of.id("contacts", "contact")}
    activity = {
        "id": of.id("activities", "n"),
        **RECORD,
        **customer,
        "kind": pick(["call", "call", "email", "email", "meeting", "visit", "message", "note"], 102),
        "direction": pick(["outbound", "outbound", "inbound"], 103),
        "subject": pick(words.SUBJECTS, 104),
        "author_id": of.id("users", of.any("users", 105)),
        "occurred_at": "made",
        "duration_minutes": f"5 * {below(20, 106)}",
    }
    ticket = {
        "id": of.id("tickets", "n"),
        **RECORD,
        **customer,
        "subject": pick(words.PROBLEMS, 112),
        "status": pick(["new", "open", "pending", "resolved", "closed", "closed", "closed"], 113),
        "priority": pick(["low", "normal", "normal", "high", "urgent"], 114),
        "assignee_id": of.id("users", of.any("users", 115)),
        "opened_at": "made",
    }
    task = {
        "id": of.id("tasks", "n"),
        **RECORD,
        **customer,
        "subject": pick(words.SUBJECTS, 122),
        "priority": pick(["low", "normal", "high"], 123),
        "assignee_id": of.id("users", of.any("users", 124)),
        "due_at": "made + interval '14 days'",
        "done_at": f"CASE WHEN {chance(80, 125)} THEN made + interval '9 days' END",
    }
    lead = {
        "id": of.id("leads", "n"),
        **RECORD,
        "name": _person(131, "n"),
        "company": f"{pick(words.BRAND_HEAD, 134)} || {pick(words.BRAND_TAIL, 135)}",
        "region": pick(words.REGIONS, 136),
        "source": pick(["web", "trade fair", "referral"], 137),
        "status": pick(["new", "working", "nurturing", "unqualified"], 138),
        "interest": pick(["cold", "warm", "hot"], 139),
        "value_estimate": _money(140, 500, 90_000),
        "value_currency": literal(CURRENCIES[of.tenant]),
        "held_since": "made",
        **_owner(of, 141),
    }
    return [
        Load("activities", of.counts["activities"], activity, about(101, "activities")),
        Load("tickets", of.counts["tickets"], ticket, about(111, "tickets")),
        Load("tasks", of.counts["tasks"], task, about(121, "tasks")),
        Load("leads", of.counts["leads"], lead, {"made": of.made("leads", "n")}),
    ]


def _ledger(of: Numbers) -> list[Load]:
    """The line by which each account and deal came to its holder."""

    def lines(entity: str, table: str, seed: int, offset: int) -> Load:
        columns = {
            "id": of.id("ownership_entries", f"n + {offset}"),
            "entity": literal(entity),
            "record_id": of.id(table, "n"),
            "started_at": of.made(table, "n"),
            "reason": "'imported'",
            **_owner(of, seed),
        }
        return Load("ownership_entries", of.counts[table], columns, {})

    return [
        lines("Account", "accounts", 56, 0),
        lines("Opportunity", "opportunities", 89, of.counts["accounts"]),
    ]


PARTS: tuple[Callable[[Numbers], list[Load]], ...] = (_staff, _customers, _sales, _service, _ledger)


def loads(of: Numbers) -> list[Load]:
    """Every INSERT of one tenant, in any order: rows name each other by number."""
    return [load for part in PARTS for load in part(of)]
