"""What OpenSSL hears when it asks; handshakes ask the same, and more slowly."""

import pytest

from homeport.dtls.openssl import questions
from homeport.dtls.openssl.library import load
from homeport.dtls.openssl.questions import Answers

FFI = load().ffi
SSL = FFI.cast("SSL *", 0x1000)


def ask(answers: Answers, identity: bytes, *, room: int = 64) -> bytes:
    out = FFI.new("unsigned char[]", 64)
    questions.begin(SSL, answers)
    try:
        asked = questions.functions().server_key
        length = asked(SSL, FFI.new("char[]", identity), out, room)
    finally:
        questions.end(SSL)
    return bytes(FFI.buffer(out, length))


def test_the_key_of_the_admitted_identity_is_given() -> None:
    assert ask(Answers(b"device", b"key"), b"device") == b"key"


@pytest.mark.parametrize("identity", [b"devic", b"device2", b""])
def test_no_key_is_given_for_another_identity(identity: bytes) -> None:
    assert ask(Answers(b"device", b"key"), identity) == b""


def test_no_key_is_given_that_has_no_room() -> None:
    assert ask(Answers(b"device", b"key"), b"device", room=2) == b""


def test_a_client_gives_its_identity_and_key() -> None:
    name, out = FFI.new("char[]", 64), FFI.new("unsigned char[]", 64)
    questions.begin(SSL, Answers(b"device", b"key"))
    asked = questions.functions().client_key
    assert asked(SSL, FFI.NULL, name, 64, out, 64) == 3
    assert asked(SSL, FFI.NULL, name, 6, out, 64) == 0
    questions.end(SSL)
    assert FFI.string(name) == b"device"


def test_a_session_that_is_none_is_not_resumed() -> None:
    copy = FFI.new("int *", 1)
    for session in (b"", b"spoiled"):
        questions.begin(SSL, Answers(session=session))
        assert questions.functions().session(SSL, FFI.NULL, 0, copy) == FFI.NULL
        questions.end(SSL)
    assert copy[0] == 0


def test_an_extension_may_be_left_out() -> None:
    out, length = FFI.new("const unsigned char **"), FFI.new("size_t *")
    rest = (FFI.NULL, 0, FFI.NULL, FFI.NULL)
    answers = Answers(extension=lambda number: b"cid" if number == 54 else None)
    questions.begin(SSL, answers)
    asked = questions.functions().add_extension
    assert asked(SSL, 254, 0, out, length, *rest) == 0
    assert asked(SSL, 54, 0, out, length, *rest) == 1
    assert bytes(FFI.buffer(out[0], length[0])) == b"cid"
    questions.end(SSL)


def test_a_malformed_extension_is_a_decode_error() -> None:
    alert = FFI.new("int *")
    questions.begin(SSL, Answers(extended=lambda _, content: content == b"good"))
    asked = questions.functions().take_extension
    for content, good in ((b"good", 1), (b"", 0)):
        at = FFI.new("unsigned char[]", content)
        told = asked(SSL, 54, 0, at, len(content), FFI.NULL, 0, alert, FFI.NULL)
        assert told == good
    questions.end(SSL)
    assert alert[0] == 50


def test_connections_are_counted_until_they_end() -> None:
    before = questions.living()
    questions.begin(SSL, Answers())
    assert questions.living() == before + 1
    questions.end(SSL)
    assert questions.living() == before
