"""What can be said of a request under way."""

import pytest

from homeport.coap.codec import Code
from homeport.coap.conversation import Conversation
from homeport.coap.exchange import Cause, Exchange, State


@pytest.mark.parametrize("state", State)
def test_a_request_is_acknowledged_while_its_response_is_to_come(state: State) -> None:
    talk = Conversation(Code.GET, (), b"", 6, largest_szx=6, largest=100)
    exchange = Exchange("peer", b"\x01", talk, b"\x01", state=state)
    assert exchange.acknowledged is (state is State.ACKNOWLEDGED)


@pytest.mark.parametrize(("attempts", "repeated"), [(0, 0), (1, 0), (3, 2)])
def test_what_was_sent_first_is_no_repetition(attempts: int, repeated: int) -> None:
    talk = Conversation(Code.GET, (), b"", 6, largest_szx=6, largest=100)
    exchange = Exchange("peer", b"\x01", talk, b"\x01", attempts=attempts)
    assert exchange.repeated == repeated


def test_every_cause_says_what_it_is() -> None:
    assert len({cause.value for cause in Cause}) == len(Cause) == 6
