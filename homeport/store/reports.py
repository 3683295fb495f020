"""What devices say of their resources unasked, as tuples for the script.

``mark`` and ``generation`` are as in `homeport.store.operations`. A value to keep is
text that `homeport.store.values` reads, or empty.
"""

from typing import NamedTuple

from homeport.names import DeviceId


class Notify(NamedTuple):
    """A device notifies of what is observed, known by its ``token`` in hex.

    ``sequence`` is the value of the Observe option, or empty; 1 for ``ends`` says that
    it was the last. ``members`` is what the event says besides the path, as JSON.
    ``told`` has a line for each path that it tells of, where its format names them.
    """

    bucket: int
    device: DeviceId
    identity: str
    token: str
    sequence: int | str
    ends: int
    members: str
    value: str = ""
    mark: str = ""
    generation: int = 0
    told: str = ""


class Locate(NamedTuple):
    """A device has told the beginning of what is observed; the rest is to be found."""

    bucket: int
    device: DeviceId
    identity: str
    token: str
    mark: str = ""
    generation: int = 0


class Report(NamedTuple):
    """A device sends values of its own accord (LwM2M 1.1 core §6.4.4).

    ``reports`` has three lines for each: the path, what its event says besides, and the
    value to keep.
    """

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    reports: str
    mark: str = ""
    generation: int = 0
