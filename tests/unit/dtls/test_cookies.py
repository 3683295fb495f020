"""A cookie belongs to one client, and any replica recognizes it."""

import pytest

from homeport.dtls import cookies
from homeport.dtls.cookies import Address
from homeport.dtls.messages import ClientHello
from tests.support import hellos

SECRET, NEWER = b"secret" * 6, b"newer." * 6
ADDRESS = ("192.0.2.7", 40_000)
HELLO = hellos.parse(hellos.IZUMA_UDP)


def repeated(hello: ClientHello = HELLO, address: Address = ADDRESS) -> ClientHello:
    made = cookies.cookie(SECRET, address, hello)
    return hello._replace(cookie=made, message_sequence=1, record_sequence=2)


def test_a_hello_that_is_repeated_with_its_cookie_is_valid() -> None:
    assert cookies.valid([SECRET], ADDRESS, repeated())


def test_a_hello_without_cookie_is_not() -> None:
    assert not cookies.valid([SECRET], ADDRESS, HELLO)


def test_any_secret_in_force_will_do() -> None:
    assert cookies.valid([NEWER, SECRET], ADDRESS, repeated())
    assert not cookies.valid([NEWER], ADDRESS, repeated())
    assert not cookies.valid([], ADDRESS, repeated())


@pytest.mark.parametrize("address", [("192.0.2.8", 40_000), ("192.0.2.7", 40_001)])
def test_a_cookie_is_not_valid_from_another_address(address: Address) -> None:
    assert not cookies.valid([SECRET], address, repeated())


@pytest.mark.parametrize(
    "changes",
    [
        {"random": bytes(32)},
        {"session_id": b"s"},
        {"suites": b"\xc0\xae"},
        {"suites": b"\x00\xff\xc0\xae"},
    ],
    ids=str,
)
def test_a_cookie_is_not_valid_for_another_hello(changes: dict[str, bytes]) -> None:
    assert not cookies.valid([SECRET], ADDRESS, repeated()._replace(**changes))


def test_what_does_not_tell_a_client_apart_does_not_matter() -> None:
    other = HELLO._replace(message_sequence=7, record_sequence=9)
    assert cookies.cookie(SECRET, ADDRESS, other) == cookies.cookie(
        SECRET, ADDRESS, HELLO
    )


def test_an_address_of_ipv6_is_its_host_and_port() -> None:
    hello = repeated(address=("2001:db8::1", 5684, 0, 0))
    assert cookies.valid([SECRET], ("2001:db8::1", 5684, 0, 3), hello)


def test_the_question_for_a_cookie_is_the_one_that_openssl_asks() -> None:
    hello = HELLO._replace(record_sequence=5)
    cookie = bytes.fromhex("170cdd897c73871fea2e5b0680e34006d0e14080")
    assert cookies.hello_verify_request(hello, cookie) == bytes.fromhex(
        "16 feff 0000 000000000005 0023"  # record, numbered like the hello's
        "03 000017 0000 000000 000017"  # HelloVerifyRequest
        "feff 14 170cdd897c73871fea2e5b0680e34006d0e14080"
    )


def test_the_question_is_shorter_than_the_hello() -> None:
    cookie = cookies.cookie(SECRET, ADDRESS, HELLO)
    question = cookies.hello_verify_request(HELLO, cookie)
    assert len(question) < len(hellos.IZUMA_UDP)
