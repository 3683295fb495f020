"""What keeps a fleet from setting out."""

import pytest

from homeport.errors import InvalidConfiguration
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Target


async def test_a_secured_server_is_nothing_for_devices_without_credentials() -> None:
    for target in (
        Target("coaps://[::1]:5684"),
        Target(bootstrap="coaps://[::1]:5784"),
    ):
        with (
            pytest.raises(InvalidConfiguration, match="needs credentials"),
            Fleet(FleetOptions(1, target)),
        ):
            pass
