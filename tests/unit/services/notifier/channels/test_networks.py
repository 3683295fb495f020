"""Where webhooks may be."""

from ipaddress import ip_address

import httpcore
import pytest

from homeport.errors import InvalidParameter
from services.notifier.channels import networks
from services.notifier.channels.networks import GuardedNetwork


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_the_internet_is_allowed(address: str) -> None:
    assert networks.allows(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_nothing_else_is(address: str) -> None:
    assert not networks.allows(ip_address(address), ())


def test_what_the_operator_allows_is() -> None:
    allowed = networks.parse("127.0.0.0/8, ::1/128,")
    assert networks.allows(ip_address("127.0.0.1"), allowed)
    assert networks.allows(ip_address("::ffff:127.0.0.1"), allowed)
    assert networks.allows(ip_address("::1"), allowed)
    assert not networks.allows(ip_address("10.0.0.1"), allowed)


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.1 ::1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        networks.parse(text)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "::1"]
)
async def test_no_name_leads_to_loopback(host: str) -> None:
    with pytest.raises(httpcore.ConnectError, match="no address that is allowed"):
        await GuardedNetwork(()).connect_tcp(host, 1)


async def test_a_name_that_leads_nowhere_is_said_to() -> None:
    with pytest.raises(httpcore.ConnectError, match="is not found"):
        await GuardedNetwork(()).connect_tcp("nowhere.invalid", 1)
