"""No security: bytes mean what they are."""

from homeport.coap.tcp.security import Plain
from homeport.identity import NOBODY


def test_without_security_bytes_go_through_as_they_came() -> None:
    plain = Plain("192.0.2.1:40000", lambda: None)
    plain.receive(b"in")
    plain.receive(b"coming")
    assert plain.clear() == [b"in", b"coming"]
    assert plain.clear() == []
    plain.write(b"out")
    plain.write(b"going")
    assert plain.outgoing() == b"outgoing"
    assert plain.outgoing() == b""


def test_without_security_nobody_has_proved_anything_and_nothing_waits() -> None:
    plain = Plain("192.0.2.1:40000", lambda: None)
    assert plain.identity is NOBODY
    assert (plain.records, plain.waiting, plain.closed) == (False, False, False)
    plain.close()
    assert plain.outgoing() == b""
