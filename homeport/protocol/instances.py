"""Which instances a device's server accounts are written to.

Those that the device does not have yet, unless it has one of the same short server id:
that one is written over, as two of them would contradict each other (B-190, B-192).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from homeport.errors import InvalidFormat, InvalidName
from homeport.protocol import linkformat, paths
from homeport.protocol.linkformat import Link

SECURITY, SERVER = 0, 1
"""The objects that server accounts consist of."""
_VERSION_1_0 = b'lwm2m="1.0",'
"""What the list of a discovered device of LwM2M 1.0 begins with, and is no link."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The instances that a device has, and the short server id of each, '' for none."""

    security: Mapping[int, str] = field(default_factory=dict)
    server: Mapping[int, str] = field(default_factory=dict)

    def place(
        self, object_id: int, short_server_ids: Sequence[int], *, first: int
    ) -> tuple[int, ...]:
        """Choose an instance for each server, from the ``first`` on."""
        listed = self.security if object_id == SECURITY else self.server
        known = {short_id: number for number, short_id in listed.items() if short_id}
        free = first
        placed = []
        for short_server_id in short_server_ids:
            if (number := known.get(str(short_server_id))) is not None:
                placed.append(number)
                continue
            while free in listed:
                free += 1
            placed.append(free)
            free += 1
        return tuple(placed)


NOTHING = Listing()


def parse(payload: bytes) -> Listing:
    """Parse what a device says to a Discover; nothing where that is no list."""
    try:
        links = linkformat.parse(payload.removeprefix(_VERSION_1_0))
    except InvalidFormat:
        return NOTHING
    found: dict[int, dict[int, str]] = {SECURITY: {}, SERVER: {}}
    for link in links:
        match _path(link):
            case (object_id, number) if object_id in found:
                found[object_id][number] = str(link.attributes.get("ssid", ""))
    return Listing(found[SECURITY], found[SERVER])


def _path(link: Link) -> tuple[int, ...]:
    try:
        return tuple(paths.parse(link.target))
    except InvalidName:
        return ()
