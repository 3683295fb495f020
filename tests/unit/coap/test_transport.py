"""What is left of a peer's last message leads to the transport that it came by."""

from homeport.coap.transport import Origin, Trace
from homeport.identity import NOBODY

ASSOCIATION = "0123456789ab" + "f" * 16
PEER = "192.0.2.1:5684"


def left(origin: Origin, *, mark: str) -> Trace:
    """Leave what the store keeps of a message."""
    return Trace(origin.peer, origin.exchange(7).partition("#")[0], mark)


def test_a_message_through_an_association_leaves_it_and_its_record() -> None:
    origin = Origin(PEER, ASSOCIATION, NOBODY, ASSOCIATION, 1)
    trace = left(origin, mark=origin.mark(0x1234))
    assert (trace.association, trace.sequence) == (ASSOCIATION, 0x1234)


def test_one_that_came_another_way_leaves_none() -> None:
    older = Origin(PEER, ASSOCIATION, NOBODY, ASSOCIATION, 1).mark(7)
    for origin in (Origin(PEER, PEER), Origin(PEER, "e" * 28), Origin(PEER, "")):
        trace = left(origin, mark=older)
        assert (trace.association, trace.sequence) == ("", 0)
