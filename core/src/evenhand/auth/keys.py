"""API keys: `evh_<tenant>_<secret>`, where the secret is 32 random bytes and only a hash is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from evenhand import clock
from evenhand.actions.journal import writing
from evenhand.actions.values import require_value
from evenhand.auth.fields.reading import FIELD_RULES_STATE, HIDDEN_FIELDS, hidden_fields
from evenhand.auth.models import ApiKey
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, transaction
from evenhand.entities import Tenant, User
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem
from evenhand.ownership.visibility.rules import RULES, Sight, sight_of
from evenhand.tenancy.context import Actor, Role, Scope, acting_as, current_actor, system_actor

_KEY = re.compile(r"^evh_(?P<slug>[a-z0-9-]{1,63})_(?P<secret>[A-Za-z0-9_-]{43})$")
_SHOWN = 16
"""How much of a key a message may show."""
_PREFIX = 6
"""How much of the secret is kept readable."""
_TOUCH_EVERY = timedelta(minutes=1)


class Unauthenticated(EvenhandError):
    """No key, or one that does not open anything (any more)."""

    code = "UNAUTHENTICATED"


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "This API key is unknown, expired or revoked.",
        hint="Send 'Authorization: Bearer evh_…' with a key from 'evenhand apikey create'.",
    )


def shown_prefix(key: str) -> str:
    """The readable start of a key, by which people tell it from others; the rest is secret."""
    match = _KEY.match(key)
    return key[: match.start("secret") + _PREFIX] if match else ""


def hash_key(key: str) -> str:
    """SHA-256 in hexadecimal; enough for 256 random bits, which no dictionary can hold."""
    return hashlib.sha256(key.encode()).hexdigest()


async def tenant_id_of(slug: str) -> UUID | None:
    """The id of the tenant with this slug, or None. The only question one may ask without a tenant."""
    from tortoise.connection import get_connection

    rows = await get_connection("default").execute_query_dict("SELECT evenhand_tenant_id($1) AS id", [slug])
    found: UUID | None = rows[0]["id"]
    return found


async def create_api_key(
    user_id: UUID,
    name: str,
    *,
    scopes: Iterable[Scope] = (Scope.READ, Scope.WRITE, Scope.ADMIN),
    expires_at: datetime | None = None,
) -> str:
    """Make a key that acts for a user of the current tenant.

    Returns: the key; it is shown this once and cannot be recovered.

    Raises:
        InvalidInput, NotFound, PermissionDenied.
    """
    actor = current_actor()
    require(actor, Operation.CONFIGURE, "ApiKey")
    name = require_value(ApiKey, "name", name)
    if expires_at is not None:
        expires_at = require_value(ApiKey, "expires_at", expires_at)
    granted = sorted(scope.value for scope in scopes)
    async with writing("create_api_key") as journal:
        tenant = await Tenant.get(id=actor.tenant_id)
        if not await User.exists(id=user_id):
            raise NotFound("User", user_id)
        start = f"evh_{tenant.slug}_"
        secret = secrets.token_urlsafe(32)
        created = await ApiKey.create(
            user_id=user_id,
            name=name,
            prefix=f"{start}{secret[:_PREFIX]}",
            hash=hash_key(start + secret),
            scopes=granted,
            expires_at=expires_at,
        )
        after = {"user_id": user_id, "name": name, "prefix": created.prefix, "scopes": granted}
        journal.record("ApiKey", created.id, before=None, after={**after, "expires_at": expires_at})
    return start + secret


async def revoke_api_key(prefix: str) -> None:
    """End a key of the current tenant for good, at once; a key that was revoked before stays so.

    Args:
        prefix: the readable start of the key, as far as it tells it from the others.

    Raises:
        NotFound: no key starts so. InvalidInput: several do. PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, "ApiKey")
    async with writing("revoke_api_key") as journal:
        found = [
            key
            for key in await ApiKey.all().order_by("id").select_for_update(no_key=True)
            if prefix and (key.prefix.startswith(prefix) or prefix.startswith(key.prefix))
        ]
        if not found:
            raise NotFound("ApiKey", prefix[:_SHOWN])
        if len(found) > 1:
            message = f"prefix: {len(found)} keys start with {prefix}."
            raise InvalidInput([Problem("prefix", "AMBIGUOUS", message, "Give more of the key.")])
        (key,) = found
        if key.revoked_at is None:
            await ApiKey.filter(id=key.id).update(revoked_at=journal.now)
            journal.record("ApiKey", key.id, before={"revoked_at": None}, after={"revoked_at": journal.now})


@dataclass(frozen=True)
class KnownKey:
    """A key that was good when it was last checked, and whom it acts for.

    Attributes:
        rules: the state of the tenant's rules about fields then.
        sight: how much the user saw then.
    """

    key_id: UUID
    actor: Actor
    checked_at: float
    rules: int
    sight: Sight


VALID_KEY = (
    "EXISTS (SELECT FROM api_keys AS k JOIN users AS u ON u.tenant_id = k.tenant_id AND u.id = k.user_id "
    "WHERE k.tenant_id = $1 AND k.id = {key} AND k.revoked_at IS NULL "
    "AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.is_active AND u.archived_at IS NULL AND u.role = {role}) "
    f"AND {FIELD_RULES_STATE} = {{rules}}"
)
"""SQL: whether a key that was recalled still stands for the same role and rules, over the tenant as `$1`."""

_RECALLED_FOR = 60.0
"""Seconds; then the key is checked in full, which also notes that it is used."""
_MOST_RECALLED = 10_000
_known: OrderedDict[str, KnownKey] = OrderedDict()


def recall(key: str) -> KnownKey | None:
    """What is remembered of a key, without asking the database.

    It may have been revoked since: whoever relies on it asks for `VALID_KEY` in the same statement, or calls
    `check_key`.
    """
    found = _known.get(hash_key(key))
    return found if found is not None and monotonic() - found.checked_at < _RECALLED_FOR else None


def _remember(key: str, known: KnownKey) -> None:
    hashed = hash_key(key)
    _known[hashed] = known
    _known.move_to_end(hashed)
    while len(_known) > _MOST_RECALLED:
        _known.popitem(last=False)


async def authenticate(key: str, *, via: str = "graphql") -> Actor:
    """Who holds this key, see `check_key`."""
    return (await check_key(key, via=via)).actor


async def check_key(key: str, *, via: str = "graphql") -> KnownKey:
    """Who holds this key, checked in the database; it is remembered for `recall`.

    Raises:
        Unauthenticated: for anything but a valid key of an active user; it never says which part was wrong.
    """
    match = _KEY.match(key)
    tenant_id = await tenant_id_of(match.group("slug")) if match else None
    if tenant_id is None:
        raise _refused()
    now = clock.now()
    with acting_as(system_actor(tenant_id, via="authenticate")):
        async with transaction() as client:
            row = await raw_connection(client).fetchrow(
                "SELECT k.id, k.scopes, k.last_used_at, u.id AS user_id, u.role, "
                f"{HIDDEN_FIELDS.format(role='u.role')} AS hidden, {FIELD_RULES_STATE} AS rules, "
                f"{RULES.format(role='u.role')} AS visibility FROM api_keys k "
                "JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id "
                "WHERE k.tenant_id = $1 AND k.hash = $2 AND k.revoked_at IS NULL "
                "AND (k.expires_at IS NULL OR k.expires_at > $3) AND u.is_active AND u.archived_at IS NULL",
                tenant_id,
                hash_key(key),
                now,
            )
            if row is None:
                raise _refused()
            if row["last_used_at"] is None or now - row["last_used_at"] > _TOUCH_EVERY:
                await raw_connection(client).execute(
                    "UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2",
                    tenant_id,
                    row["id"],
                    now,
                )
    actor = Actor(
        tenant_id=tenant_id,
        user_id=row["user_id"],
        role=Role(row["role"]),
        via=via,
        scopes=frozenset(Scope(scope) for scope in ApiKey._meta.fields_map["scopes"].to_python_value(row["scopes"])),
        hidden=hidden_fields(row["hidden"]),
    )
    known = KnownKey(row["id"], actor, monotonic(), row["rules"], sight_of(actor.role, row["visibility"]))
    _remember(key, known)
    return known
