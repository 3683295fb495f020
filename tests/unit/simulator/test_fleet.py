"""What keeps a fleet from setting out."""

import pytest

from homeport.errors import InvalidConfiguration
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Target


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("coap://127.0.0.1", "is not coap[s]://<host>:<port>"),
        ("http://127.0.0.1:8080", "is not coap[s]://<host>:<port>"),
        ("127.0.0.1:5683", "is not coap[s]://<host>:<port>"),
        ("coap://127.0.0.1:port", "is no URL"),
        ("coap://a..b:5683", "has no address"),
    ],
)
async def test_a_server_without_address_is_a_sentence(url: str, sentence: str) -> None:
    for target in (Target(url), Target(bootstrap=url)):
        with (
            pytest.raises(InvalidConfiguration) as error,
            Fleet(FleetOptions(1, target)),
        ):
            pass
        assert str(error.value).startswith(f"{url} {sentence}")


async def test_a_secured_server_is_nothing_for_devices_without_credentials() -> None:
    url = "coaps://127.0.0.1:5684"
    with (
        pytest.raises(InvalidConfiguration, match="needs credentials"),
        Fleet(FleetOptions(1, Target(url))),
    ):
        pass
