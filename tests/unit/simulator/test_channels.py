"""The channels of a fleet: opened, resumed, left and lost."""

from collections.abc import Iterator

import pytest

from homeport.dtls.context import CID_FORMS
from homeport.dtls.openssl import questions
from homeport.simulator import channels as channels_module
from homeport.simulator.accounts import Account
from homeport.simulator.channel import HANDSHAKE_SECONDS, Closed, Heard, Opened
from homeport.simulator.channels import Channels, Place
from tests.support.dtls import KEY, house, server_context
from tests.support.handshakes import admit_key
from tests.support.server_side import ServerSide

ACCOUNT = Account("coaps://192.0.2.1:5684", KEY)
OTHER = Account(ACCOUNT.url, house().device)
PLACE = Place(0, ("192.0.2.1", 5684))


class Scene:
    """Channels, and a server for each of them."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Place]] = []
        self.channels = Channels(self._send, forms=CID_FORMS)
        self.servers: dict[Place, ServerSide] = {}

    def meet(self, place: Place = PLACE, *, session: bytes = b"") -> Opened:
        """Let a device shake hands with a server of its own."""
        server = ServerSide(server_context(), admit_key(KEY.key), session=session)
        self.servers[place] = server
        events = []
        while self.sent:
            datagram, sender = self.sent.pop(0)
            for answer in self.servers[sender].answer(datagram):
                events += self.channels.receive(sender, answer, 0)
        (event,) = events
        assert isinstance(event, Opened)
        return event

    def _send(self, datagram: bytes, place: Place) -> None:
        self.sent.append((datagram, place))


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.channels.close()
    assert questions.living() == 0


def test_an_open_channel_carries_messages(scene: Scene) -> None:
    scene.channels.open(PLACE, ACCOUNT, 0)
    assert not scene.channels.is_open(PLACE, ACCOUNT)
    scene.meet()
    assert scene.channels.is_open(PLACE, ACCOUNT)
    assert not scene.channels.is_open(PLACE, OTHER)
    scene.channels.send(PLACE, b"message")
    ((datagram, _),) = scene.sent
    server = scene.servers[PLACE]
    assert server.hear(datagram) == [(23, b"message")]
    assert scene.channels.receive(PLACE, server.say(b"answer"), 0) == [Heard(b"answer")]


def test_what_no_channel_waits_for_is_nothing(scene: Scene) -> None:
    assert scene.channels.receive(PLACE, b"whatever", 0) == []
    scene.channels.send(PLACE, b"message")
    assert scene.sent == []


def test_a_lost_channel_is_resumed(scene: Scene) -> None:
    scene.channels.open(PLACE, ACCOUNT, 0)
    assert not scene.meet().resumed
    session = scene.servers[PLACE].session
    scene.channels.lose(PLACE)
    assert not scene.channels.is_open(PLACE, ACCOUNT)
    assert scene.sent == []
    scene.channels.open(PLACE, ACCOUNT, 0)
    assert scene.meet(session=session).resumed


def test_a_channel_that_was_left_is_not(scene: Scene) -> None:
    scene.channels.open(PLACE, ACCOUNT, 0)
    scene.meet()
    session = scene.servers[PLACE].session
    scene.channels.leave(PLACE)
    assert len(scene.sent) == 1
    scene.sent.clear()
    scene.channels.open(PLACE, ACCOUNT, 0)
    assert not scene.meet(session=session).resumed


def test_another_credential_resumes_nothing(scene: Scene) -> None:
    scene.channels.open(PLACE, ACCOUNT, 0)
    scene.meet()
    session = scene.servers[PLACE].session
    scene.channels.open(PLACE, Account(ACCOUNT.url, KEY, house().authority.der), 0)
    assert not scene.meet(session=session).resumed


def test_a_handshake_whose_time_is_over_makes_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_module, "MOST_HANDSHAKES", 1)
    second = Place(1, PLACE.server)
    scene.channels.open(PLACE, ACCOUNT, 0)
    scene.channels.open(second, ACCOUNT, 0)
    assert [place for _, place in scene.sent] == [PLACE]
    assert scene.channels.tick(1) == []
    assert [place for _, place in scene.sent] == [PLACE, PLACE]
    events = scene.channels.tick(HANDSHAKE_SECONDS)
    assert events == [(PLACE, Closed("nobody answered", refused=False))]
    scene.sent = scene.sent[2:]
    scene.meet(second)
    assert scene.channels.is_open(second, ACCOUNT)


def test_a_handshake_that_ends_makes_room_at_the_next_turn(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_module, "MOST_HANDSHAKES", 1)
    second = Place(1, PLACE.server)
    scene.channels.open(PLACE, ACCOUNT, 0)
    scene.channels.open(second, ACCOUNT, 0)
    scene.meet()
    scene.channels.tick(0.1)
    assert [place for _, place in scene.sent] == [second]
