"""Where webhooks may go. No I/O here.

A tenant chooses the address, our server makes the request: without these rules it could be made to ask services
that only our own network reaches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from evenhand.errors import EvenhandError

LONGEST_URL = 2000
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_TUNNELLED = (IPv6Network("2001::/32"), IPv6Network("2002::/16"), IPv6Network("::/96"), IPv6Network("fec0::/10"))
_NAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home", ".corp", ".intranet", ".home.arpa", ".onion")
_LOWEST_FREE_PORT = 1024
_OPEN_PORTS = frozenset({443})


class AddressRefused(EvenhandError):
    """A webhook's address that may not be asked."""

    code = "WEBHOOK_ADDRESS_REFUSED"


@dataclass(frozen=True)
class Target:
    """A checked URL in its parts.

    Attributes:
        host: a name in ASCII, or an IP address without brackets.
        path: with the query, as it is sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as the request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """The URL with an address in the host's place."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _refused(what: str, hint: str) -> AddressRefused:
    return AddressRefused(f"url: {what}", hint=hint)


def read_target(url: str, *, private: bool = False) -> Target:
    """The parts of a URL that a webhook may have, as far as that can be seen without asking for its addresses.

    Args:
        private: also http, private addresses and names, and any port.

    Raises:
        AddressRefused.
    """
    if len(url) > LONGEST_URL or not re.fullmatch(r"[\x21-\x5b\x5d-\x7e]+", url):
        hint = f"Use at most {LONGEST_URL} characters; write other letters in percent or punycode."
        raise _refused("it is too long, or has characters that a URL cannot have.", hint)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise _refused(f"it cannot be read: {error}.", "Use a URL such as https://example.com/hook.") from error
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise _refused(f"its scheme is {parts.scheme[:20]!r}.", "Use https.")
    if "@" in parts.netloc:
        raise _refused("it has a user name or password in it.", "Check the signature instead.")
    if parts.fragment or "#" in url:
        raise _refused("it has a fragment, which is never sent.", "Leave out what follows the #.")
    host = host.removesuffix(".")
    port = _default_port(parts.scheme) if port is None else port
    if not private and port not in _OPEN_PORTS and port < _LOWEST_FREE_PORT:
        raise _refused(f"port {port} is not for webhooks.", "Use 443, or a port from 1024 on.")
    if port == 0:
        raise _refused("port 0 cannot be reached.", "Use 443.")
    _check_host(host, private=private)
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def _check_host(host: str, *, private: bool) -> None:
    if ":" in host or re.fullmatch(r"[0-9.]+", host) or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            address = ip_address(host)
        except ValueError as error:
            hint = "Write an address as four decimal numbers, or use a name."
            raise _refused(f"{host[:80]!r} is no address in its usual form.", hint) from error
        check_address(str(address), private=private)
        return
    if not _NAME.fullmatch(host):
        raise _refused(f"{host[:80]!r} is no host name.", "Use a name such as example.com.")
    if not private and ("." not in host or host == "localhost" or host.endswith(_LOCAL_ENDINGS)):
        raise _refused(f"{host[:80]!r} is a name of a private network.", "Use a public name.")


def check_address(address: str, *, private: bool = False) -> str:
    """Hold an address that a name stands for, or that stands in a URL, to the rules. Returns: it, normalized.

    Raises:
        AddressRefused.
    """
    try:
        found = ip_address(address)
    except ValueError as error:
        raise _refused(f"{address[:80]!r} is no address.", "Use a public one.") from error
    if not private and not is_public(found):
        raise _refused(f"{address} is no public address.", "Use an address that everybody can reach.")
    return str(found)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the open internet, and no way around to another one."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if any(address in network for network in _TUNNELLED):
            return False
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
        or address.is_unspecified
    )
