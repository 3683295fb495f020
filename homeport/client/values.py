"""What devices have said last: ``client.values``; none is woken for that."""

from urllib.parse import quote

from pydantic import AwareDatetime

from homeport.client.calls import Call, one, segment
from homeport.client.methods import From, Group, single
from homeport.client.notifications import Payload

PATH = "/v2/values"


class Value(Payload):
    """What a device has said last of a path.

    ``max_age`` is for how many seconds more it holds; its ``values`` are there unless
    they cannot be read.
    """

    path: str
    time: AwareDatetime


class Values(Group[From]):
    """The last known values of devices."""

    @single
    @staticmethod
    def get(device_id: str, path: str) -> Call[Value]:
        """Return what a registered device has said last of a path, however old.

        Raises NotFound where it has said nothing of it.
        """
        below = quote(path.strip("/"))
        return one("GET", f"{PATH}/{segment(device_id)}/{below}", Value)
