"""The example that checks a signature works as it is printed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evenhand.events.changes import Ping
from evenhand.tenancy.models import uuid7
from evenhand.webhooks.signing import body_of, new_secret, signed_headers

PAGE = Path(__file__).parents[3] / "docs" / "admin" / "webhooks.md"


def test_the_example_takes_what_we_send_and_nothing_else() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    receive = names["receive"]
    secret, now = new_secret(), datetime.now(UTC)
    ping = Ping(id=uuid7(), type="Ping", tenant_id=uuid7(), entity="Lead", record_id=uuid7(), occurred_at=now)
    body = body_of(ping)
    headers = signed_headers(str(ping.id), body, now, [secret, new_secret()])
    message = receive(secret, headers, body)
    assert set(message) == {"type", "timestamp", "data"}
    assert message["data"]["id"] == headers["webhook-id"] == str(ping.id)
    assert receive(new_secret(), headers, body) is None
    assert receive(secret, headers, body + b" ") is None
    old = signed_headers(str(ping.id), body, now - timedelta(minutes=6), [secret])
    assert receive(secret, old, body) is None
