"""What a peer presents, and what is said of it."""

from homeport.dtls.credentials import Admission, Refusal
from homeport.identity import NOBODY


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(Admission(NOBODY, key=b"secret"))


def test_a_peer_may_hear_why_unless_that_is_denied() -> None:
    assert Admission(NOBODY).alerts
    assert Refusal("unknown").alerts
    assert not Refusal("unknown", alerts=False).alerts
