"""What may be done to the device requests that wait, as tuples for the script.

A request waits from `Enqueue` on until it is over, which each one is exactly once: the
device has answered (`Complete`), its time has passed (`Lapse`), or the registration it
was meant for has ended. Every end is a fact, ``request.completed``.
"""

from typing import NamedTuple

from homeport.names import AccountId, DeviceId, EdgeId


class Enqueue(NamedTuple):
    """A request joins its device's queue, unless it is there already.

    ``head`` is what its event says of it, as members of JSON that begin with a comma,
    ``body`` what the edge reads; neither has a line feed. ``expires_at`` is in
    milliseconds since 1970, ``most`` how many requests of callers may wait (B-171).
    """

    bucket: int
    device: DeviceId
    account: AccountId
    request: str
    head: str
    body: str
    expires_at: int
    most: int


class Take(NamedTuple):
    """The edge that has the device asks for the next request to send (B-170).

    The device has been ``silent`` for so long and is ``awake`` for so long after its
    last message, if it sleeps at all; for the ``lease`` nobody else sends the request.
    All in milliseconds.
    """

    bucket: int
    device: DeviceId
    silent: int
    awake: int
    lease: int


class Recall(NamedTuple):
    """An edge wants a device that requests wait for, and that it cannot reach.

    ``owner`` is the edge that had it and is gone, or the one that calls and has lost
    it. Of several that want it, one gets it.
    """

    bucket: int
    device: DeviceId
    owner: EdgeId


class Hear(NamedTuple):
    """A device answers what another edge has asked it: it is reached by this one now.

    The request under way is this edge's for the ``lease`` (milliseconds), as if it had
    been taken, where the answer has its ``token`` (hex); ``acknowledged`` is 1 for an
    answer that only says that another one comes later, and has none. ``mark`` and
    ``generation`` are as in `homeport.store.operations`.
    """

    bucket: int
    device: DeviceId
    identity: str
    token: str
    acknowledged: int
    lease: int
    mark: str = ""
    generation: int = 0


class Hold(NamedTuple):
    """The edge still waits for the answer, for another ``lease`` (milliseconds).

    ``acknowledged`` is 1 once the device has said that the answer comes later.
    """

    bucket: int
    device: DeviceId
    request: str
    acknowledged: int
    lease: int


class Complete(NamedTuple):
    """A request is over; ``outcome`` is what its event says of that, as JSON members.

    An observation that it began is known by its ``token`` (hex) from here on, and one
    that it ended has none; both are of the path ``observed``, and one of several paths
    at once has these in lines below it. ``value``, if any, is the last known one of
    ``path`` (`homeport.store.values`), and those about the path ``invalidated`` are
    forgotten (B-179).
    """

    bucket: int
    device: DeviceId
    request: str
    outcome: str
    token: str = ""
    observed: str = ""
    path: str = ""
    value: str = ""
    invalidated: str = ""


class Postpone(NamedTuple):
    """An attempt has failed; the request stays the first until the device speaks.

    ``body`` replaces what the edge reads, unless it is empty.
    """

    bucket: int
    device: DeviceId
    request: str
    body: str = ""


class Lapse(NamedTuple):
    """Requests of a bucket whose time has passed end, ``most`` of them at once."""

    bucket: int
    most: int
