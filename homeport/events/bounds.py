"""Facts that the bus would not take: it refuses messages that are too large for it.

An outbox is published in order, so one that never goes would hold up all behind it.
"""

import base64

from homeport.errors import InvalidFormat
from homeport.events import facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import RequestCompleted

LARGEST_MESSAGE = 2 * 2**20
"""Bytes that a server has to take: an answer of 1 MiB in base64, and what is said of
it."""
HEADROOM = 4096
"""Bytes for the headers of a message."""
_SAID_INSTEAD = b"the answer is larger than what the message bus takes"


def bounded(envelope: Envelope, largest: int) -> Envelope | None:
    """Return an event that fits into a message: itself, or one that says less, if any.

    The end of a device request is always told: its answer becomes a 5.00 that says why.
    """
    if len(envelope.body) + HEADROOM <= largest:
        return envelope
    try:
        fact = facts.parse(envelope.body)
    except InvalidFormat:
        return None
    if not isinstance(fact, RequestCompleted):
        return None
    said = base64.b64encode(_SAID_INSTEAD).decode()
    less = {"code": "5.00", "payload": said, "content_format": None}
    return envelope._replace(body=facts.build(fact.model_copy(update=less)))
