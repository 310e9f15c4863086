"""Where calls may go: not to this machine or its cloud's insides, unless somebody allows it.

Definitions come from outside, so that a URL in one could reach what only this machine can: its own
loopback, link-local addresses (where clouds serve credentials), and the like. Private networks are
where services live, so they are open.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from pavane.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?")
# Where clouds serve their metadata, outside of the link-local range.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16"))
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
# IPv6 addresses that carry one of IPv4 in their last or their first bits.
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")


class Destinations:
    """What is allowed beside the usual: networks, addresses, and hosts by their name."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for text in allowed:
            self._allow(text.strip())

    def _allow(self, text: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(text.strip("[]"), strict=False))
        except ValueError as error:
            if "/" in text or not _HOST.fullmatch(text) or text.replace(".", "").isdigit():
                raise UsageError(
                    f"'{text}' is no network, address or host to allow calls to.",
                    "Write 127.0.0.0/8, ::1 or the name of a host.",
                ) from error
            self._hosts.add(_plain(text))

    def refusal(self, host: str, address: str) -> str:
        """Why calls to this address of a host are refused, "" when they are not."""
        if _plain(host) in self._hosts:
            return ""
        found: Address = ipaddress.ip_address(address.partition("%")[0])
        seen = [found, *_inside(found)]
        for each in seen:
            if any(each in network for network in self._networks):
                return ""
        return next((wrong for each in seen if (wrong := _what_is_wrong(each))), "")


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _inside(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found: list[Address] = []
    if address.ipv4_mapped is not None:
        found.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found += address.teredo
    if int(address) > 1 and any(address in each for each in (*_NAT64, _COMPATIBLE)):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def _what_is_wrong(address: Address) -> str:
    if address in _METADATA:
        return "where a cloud serves its metadata"
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "no address of anybody"
    if address.is_multicast:
        return "a multicast address"
    mapped = isinstance(address, ipaddress.IPv6Address) and bool(_inside(address))
    return "a reserved address" if address.is_reserved and not mapped else ""
