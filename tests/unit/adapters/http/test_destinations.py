"""Where calls may go, by address, whatever clothes the address wears."""

import pytest

from pavane.adapters.http.destinations import Destinations
from pavane.errors import UsageError

REFUSED = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    # IPv4 in IPv6: mapped, compatible, NAT64, 6to4
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
]
OPEN = [
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "93.184.215.14",
    "fd12:3456::1",
    "2606:2800:21f::1",
    "::ffff:10.0.0.1",
    "64:ff9b::5db8:d70e",
]


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str):
    assert Destinations().refusal("inventory.example", address)


@pytest.mark.parametrize("address", OPEN)
def test_open(address: str):
    assert Destinations().refusal("inventory.example", address) == ""


def test_a_network_an_address_and_a_name_can_be_allowed():
    some = Destinations(["127.0.0.0/8", "::1", "Inventory.Local"])
    assert some.refusal("x", "127.0.0.1") == ""
    assert some.refusal("x", "::ffff:127.0.0.1") == ""
    assert some.refusal("x", "::1") == ""
    assert some.refusal("inventory.local.", "169.254.1.1") == ""
    assert some.refusal("x", "169.254.1.1")
    assert Destinations(["127.0.0.1"]).refusal("x", "127.0.0.2")


@pytest.mark.parametrize(
    "text", ["", "127.0.0.0/33", "a b", "http://x", "127.0.1", "300.1.1.1", "*"]
)
def test_what_cannot_be_allowed_is_said(text: str):
    with pytest.raises(UsageError, match=r"no network, address or host"):
        Destinations([text])
