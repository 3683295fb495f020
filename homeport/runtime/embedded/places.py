"""Where the servers listen and who may enter: kept, so that URLs outlive a restart.

They listen on TCP, not on sockets in a closed folder, because the ready file hands out
URLs with ports, for programs of any kind. So each has a password, made at its first
start.
"""

import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses
from homeport.runtime.platform.identity import write_private

FILE = "servers.json"
HOST = "127.0.0.1"
USER = "homeport"
PORTS = range(20_000, 30_000)
"""Below those that systems give to connections. A client that calls a server which is
just restarting could otherwise be given the server's own port, and talk to itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """The port of a server on loopback, and the password that opens it."""

    port: int
    password: str


def establish(data: Path, names: Iterable[str]) -> Mapping[str, Place]:
    """Return a place for each server: the kept one, with a new port if it is taken.

    Raises InvalidConfiguration when the file is unusable.
    """
    kept = _read(data / FILE)
    places = dict(kept)
    for name in names:
        place = kept.get(name) or Place(0, secrets.token_hex(16))
        if not _is_free(place.port):
            place = Place(_free_port(), place.password)
        places[name] = place
    if places != kept:
        content = orjson.dumps(places, option=orjson.OPT_INDENT_2)
        write_private(data / FILE, content)
    return places


def _read(path: Path) -> dict[str, Place]:
    try:
        content = orjson.loads(path.read_bytes())
        return {
            name: Place(int(place["port"]), str(place["password"]))
            for name, place in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidConfiguration(str(path), f"cannot be read: {error}") from error


def _free_port() -> int:
    for port in secrets.SystemRandom().sample(PORTS, len(PORTS)):
        if _is_free(port):
            return port
    raise InvalidConfiguration(
        f"TCP ports {PORTS.start} to {PORTS.stop - 1}", f"on {HOST} are all taken"
    )


def _is_free(port: int) -> bool:
    if port not in PORTS:
        return False
    try:
        addresses.require_free(HOST, port, socket.SOCK_STREAM)
    except InvalidConfiguration:
        return False
    return True
