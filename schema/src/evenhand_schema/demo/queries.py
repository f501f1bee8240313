"""The queries that the tour sends, as a reader may copy them."""

from __future__ import annotations

from uuid import UUID

_CUSTOMER = """{
  account(id: "%s") {
    name industry region tier lifecycleStage
    owner { name team { name } }
    ownershipHistory(first: 3) { nodes { owner { name } pool { name } startedAt endedAt reason note } }
    tags(first: 3) { nodes { tag { name } why actor { name } } }
    contacts(first: 1) { nodes { name title channels(first: 3) { nodes { kind value } } } }
    opportunities(first: 2, open: true) { nodes { name stage { name } amount currency expectedClose nextStep } }
    orders(first: 1) {
      nodes {
        number kind status total currency
        lines(first: 2) { nodes { product { name } quantity amount } }
        payments(first: 2) { nodes { amount paidAt } }
      }
    }
    activities(first: 2) { nodes { kind subject occurredAt author { name } } }
    tickets(first: 1) { nodes { subject status satisfaction } }
    tasks(first: 1) { nodes { subject dueAt doneAt } }
  }
}"""

_WHY = """{
  lead(id: "%s") {
    name company
    assignment { decision { sentence owner { name } candidates { name eligible rank sentence } } }
  }
}"""


def customer_query(account_id: UUID) -> str:
    """All there is about one customer, in one query."""
    return _CUSTOMER % account_id


def why_query(lead_id: UUID) -> str:
    """Why a lead went to whom it went, with every candidate."""
    return _WHY % lead_id


def curl(url: str, key: str, query: str) -> str:
    """A command that sends a query and prints the answer readably; `query` holds no apostrophes."""
    indented = query.replace("\n", "\n  ")
    return (
        f"curl -sG {url} \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        f"  --data-urlencode 'query={indented}' | python3 -m json.tool --no-ensure-ascii"
    )
