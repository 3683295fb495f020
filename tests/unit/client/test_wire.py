"""How the network has failed is told by our own errors."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from homeport.client import SocketClosed, Unavailable, wire

GONE = ConnectionClosedError(Close(1008, "KEY_GONE"), None)
BROKEN = ConnectionClosedError(None, None)
DELETED = ConnectionClosedOK(Close(1000, ""), None)


@pytest.mark.parametrize(
    ("error", "code"), [(GONE, 1008), (BROKEN, 1006), (DELETED, 1000)]
)
def test_a_socket_is_closed_with_a_code(error: Exception, code: int) -> None:
    with pytest.raises(SocketClosed) as caught, wire.told():
        raise error
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (httpx.ConnectError("refused"), "API is unavailable: refused"),
        (httpx.ReadTimeout(""), "API is unavailable: ReadTimeout"),
        (OSError("no route"), "API is unavailable: no route"),
    ],
)
def test_what_does_not_answer_is_unavailable(error: Exception, sentence: str) -> None:
    with pytest.raises(Unavailable) as caught, wire.told():
        raise error
    assert str(caught.value) == sentence
