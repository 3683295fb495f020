"""What can be run is one table."""

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime import services


def test_all_are_six() -> None:
    assert services.select(["all"]) == (
        "directory",
        "lwm2m",
        "bootstrap",
        "expiry",
        "notifier",
        "api",
    )


def test_the_table_decides_the_order() -> None:
    assert services.select(["expiry", "directory", "expiry"]) == ("directory", "expiry")


def test_an_unknown_service_is_named_with_the_known_ones() -> None:
    with pytest.raises(InvalidConfiguration, match=r"'lwm3m' .* lwm2m, .* all"):
        services.select(["expiry", "lwm3m"])


@pytest.mark.parametrize("name", services.MODULES)
def test_every_service_has_settings_and_a_way_to_serve(name: str) -> None:
    service = services.load(name)
    assert service.SETTINGS.load().redis_url
    assert callable(service.service)
