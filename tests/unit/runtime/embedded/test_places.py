"""The places of the servers stay where they are, as long as they can."""

import socket
import stat
from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime.embedded import places
from homeport.runtime.embedded.places import PORTS, Place

NAMES = ("postgres", "valkey", "nats")


def test_every_server_has_a_port_and_a_password_of_its_own(tmp_path: Path) -> None:
    found = places.establish(tmp_path, NAMES)
    assert set(found) == set(NAMES)
    assert len({place.port for place in found.values()}) == len(NAMES)
    assert len({place.password for place in found.values()}) == len(NAMES)
    assert all(place.port in PORTS for place in found.values())


def test_they_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    found = places.establish(tmp_path, NAMES)
    assert places.establish(tmp_path, NAMES) == found
    assert stat.S_IMODE((tmp_path / places.FILE).stat().st_mode) == 0o600


def test_one_that_is_not_wanted_now_is_kept_too(tmp_path: Path) -> None:
    found = places.establish(tmp_path, NAMES)
    places.establish(tmp_path, ["more"])
    assert places.establish(tmp_path, NAMES).items() >= found.items()


def test_a_taken_port_is_replaced_and_the_password_stays(tmp_path: Path) -> None:
    before = places.establish(tmp_path, NAMES)
    with socket.socket() as holder:
        holder.bind((places.HOST, before["valkey"].port))
        holder.listen()
        after = places.establish(tmp_path, NAMES)
    assert after["valkey"].port != before["valkey"].port
    assert after["valkey"].password == before["valkey"].password
    assert after["nats"] == before["nats"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"nats": 1}',
        '{"nats": {"port": "x", "password": ""}}',
        '{"nats": {}}',
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / places.FILE).write_text(content)
    with pytest.raises(InvalidConfiguration, match=r"servers\.json cannot be read"):
        places.establish(tmp_path, NAMES)


def test_a_port_that_clients_might_be_given_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / places.FILE).write_text('{"nats": {"port": 40000, "password": "p"}}')
    place = places.establish(tmp_path, ["nats"])["nats"]
    assert place == Place(place.port, "p")
    assert place.port in PORTS
