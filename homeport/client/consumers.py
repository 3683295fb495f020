"""Named consumers: ``client.consumers``.

An account has as many as it likes, beside the channels of its keys. Each is told of all
that it selects, from where it is on; `follow` of a client reads what there is.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.channels import PATH as NOTIFICATION
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = f"{NOTIFICATION}/consumers"

Start = Literal["now", "first"] | datetime
"""Now, with the first event that is kept, or at a time."""


class Consumer(Record):
    """A consumer, and how it goes with it.

    All up to ``sequence`` is taken; so many events wait, and so many were lost since
    nobody read for too long.
    """

    name: str
    facts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    created_at: AwareDatetime
    sequence: int = 0
    waiting: int = 0
    dropped: int = 0
    connected: bool = False

    @property
    def id(self) -> str:
        """What the next page of a list is asked for with."""
        return self.name


class Consumers(Group[From]):
    """The named consumers of the account."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[Consumer]]:
        """List consumers in the order of their names."""
        return page(PATH, Consumer, asked)

    @single
    @staticmethod
    def put(
        name: str,
        *,
        facts: Iterable[str] = (),
        devices: Iterable[str] = (),
        groups: Iterable[str] = (),
        paths: Iterable[str] = (),
        start: Start = "now",
    ) -> Call[Consumer]:
        """Make a consumer, or have one that is there select something else.

        What is empty selects everything; ``groups`` are ids, ``*`` at the end of a path
        stands for any continuation. One that is there stays where it is.
        """
        body = {
            "facts": [*facts],
            "devices": [*devices],
            "groups": [*groups],
            "paths": [*paths],
            "start": _text(start),
        }
        return one("PUT", _path(name), Consumer, body)

    @single
    @staticmethod
    def get(name: str) -> Call[Consumer]:
        """Return a consumer; raise NotFound."""
        return one("GET", _path(name), Consumer)

    @single
    @staticmethod
    def confirm(name: str, sequence: str | int) -> Call[None]:
        """Say that all up to an event is taken, by the event's id."""
        return nothing("PUT", f"{_path(name)}/cursor", {"sequence": int(sequence)})

    @single
    @staticmethod
    def restart(name: str, start: Start) -> Call[None]:
        """Have all told once more that has happened since then."""
        return nothing("PUT", f"{_path(name)}/cursor", {"start": _text(start)})

    @single
    @staticmethod
    def delete(name: str) -> Call[None]:
        """Remove a consumer; who reads for it is closed."""
        return nothing("DELETE", _path(name))


def events_path(name: str) -> str:
    """Return where the events of a consumer are read."""
    return f"{_path(name)}/events"


def _path(name: str) -> str:
    return f"{PATH}/{segment(name)}"


def _text(start: Start) -> str:
    return start if isinstance(start, str) else start.astimezone(UTC).isoformat()
