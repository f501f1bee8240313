"""Where webhooks may go."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.webhooks.addresses import AddressRefused, check_address, is_public, read_target
from evenhand.webhooks.sending import addresses_of

HOSTILE = [
    "http://example.com/hook",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "https:example.com",
    "https://",
    "https:///hook",
    "//example.com/hook",
    "example.com/hook",
    "",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://intranet/",
    "https://db.internal/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[::1/",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://@example.com/",
    "https://example.com#@127.0.0.1/",
    "https://example.com/#fragment",
    "https://example.com\\@127.0.0.1/",
    "https://example.com\\.evil.com/",
    "https://exa mple.com/",
    "https://example.com/a b",
    "https://example.com/\r\nX-Header: 1",
    "https://example.com\t/",
    "https://ex\u0430mple.com/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://example.com:0/",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:80/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:http/",
    "https://-example.com/",
    "https://exam_ple.com/",
    "https://example..com/",
    "https://.example.com/",
    f"https://example.com/{'a' * 2000}",
    f"https://{'a' * 64}.com/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_target(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://Example.COM./hook?a=1&b=2", "example.com", 443, "/hook?a=1&b=2"),
        ("https://xn--fiqs8s.example.org:8443/", "xn--fiqs8s.example.org", 8443, "/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/"),
        ("https://[2606:4700::1111]:4430/x", "2606:4700::1111", 4430, "/x"),
    ],
)
def test_a_usual_url_is_taken(url: str, host: str, port: int, path: str) -> None:
    target = read_target(url)
    assert (target.host, target.port, target.path) == (host, port, path)


def test_private_addresses_are_taken_where_they_are_allowed() -> None:
    assert read_target("http://127.0.0.1:80/", private=True).at("127.0.0.1") == "http://127.0.0.1:80/"
    assert read_target("http://hook/x", private=True).authority == "hook"
    with pytest.raises(AddressRefused):
        read_target("https://2130706433/", private=True)
    with pytest.raises(AddressRefused):
        read_target("https://user@10.0.0.1/", private=True)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="127.0.0.0/8"))
def test_no_spelling_of_a_private_address_is_public(address: object) -> None:
    found = ip_address(str(address))
    number = int(found)
    spellings = [f"::ffff:{found}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}", str(found)]
    spellings.append(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert not any(is_public(ip_address(one)) for one in spellings)
    for one in spellings:
        with pytest.raises(AddressRefused):
            check_address(one)


async def test_a_name_that_stands_for_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One private address among public ones is enough."""
    import asyncio
    import socket

    async def resolve(*_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443)),
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(AddressRefused, match=r"10\.1\.2\.3"):
        await addresses_of(read_target("https://rebinding.example.com/"), private=False)
