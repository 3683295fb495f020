"""A bootstrap under way waits for one thing, and ends in one way."""

import asyncio
from typing import Any

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option
from homeport.coap.layer import MessageLayer, Reply
from homeport.identity import NOBODY, Identity
from homeport.names import EndpointName
from homeport.pki import devices
from homeport.pki.subjects import Subject
from homeport.protocol.alterations import Alterations
from homeport.protocol.bootstrap import Failed, Finished
from homeport.protocol.configurations import Configuration, Instance
from homeport.protocol.formats import codecs
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from services.bootstrap import handlers
from services.bootstrap.attempts import Asked, Attempt, Scene
from services.bootstrap.issuing import Particulars
from services.bootstrap.running import Patience, Runs
from tests.support.bootstrap import (
    ACCOUNT,
    AS_DEVELOPER,
    NOW_MS,
    origin,
    request,
    scene,
    signing_request,
)
from tests.support.lockstep import acknowledge

PEER = "192.0.2.1:40000"
PLAIN, ENROLLING = scene(), scene(enrolls=True)


class Edge:
    """Bootstraps under way, and the one device that answers."""

    def __init__(self, scene: Scene, *, patience: float = 60) -> None:
        self.layer: MessageLayer[str] = MessageLayer()
        self.over = asyncio.Event()
        self.ends: list[tuple[Finished | Failed, Particulars]] = []
        self._scene = scene
        self._loop = asyncio.get_running_loop()
        self.runs: Runs[str] = Runs(
            self.layer,
            scene,
            patience=Patience(patience, patience),
            now_milliseconds=lambda: NOW_MS,
            ended=self._ended,
            flush=lambda _: None,
        )

    @property
    def now(self) -> float:
        return self._loop.time()

    def attempt(
        self,
        *queries: str,
        identity: Identity = NOBODY,
        path: tuple[str, ...] = ("bs",),
        code: Code = Code.POST,
        **wanted: Any,
    ) -> Attempt:
        asked = handlers.interpret(
            request(*queries, path=path, code=code),
            origin=origin(identity),
            sequence=0,
            scene=self._scene,
        )
        assert isinstance(asked, Asked)
        attempt = handlers.resolve(asked, None, scene=self._scene)
        assert isinstance(attempt, Attempt)
        configured = handlers.configured(attempt, Configuration(**wanted))
        assert isinstance(configured, Attempt)
        return configured

    def begin(
        self, *queries: str, identity: Identity = NOBODY, **wanted: Any
    ) -> Attempt:
        attempt = self.attempt(*queries, identity=identity, **wanted)
        self.runs.begin(attempt, PEER, self.now)
        return attempt

    def pack(self, **wanted: Any) -> Answer:
        attempt = self.attempt(
            "ep=kitchen",
            path=("bspack",),
            code=Code.GET,
            offers_pack=True,
            **wanted,
        )
        return self.runs.pack(attempt, PEER, self.now)

    def asked(self) -> Message:
        """Take the only thing that the device is asked."""
        ((datagram, _),) = self.layer.datagrams()
        return codec.decode(datagram)

    def answer(self, code: Code = Code.CHANGED) -> Message:
        """Answer what is asked, to the last block; return it."""
        asked = self.asked()
        while (block := asked.number(Option.BLOCK1)) is not None and block & 8:
            self._hear(acknowledge(asked, Code.CONTINUE))
            asked = self.asked()
        self._hear(acknowledge(asked, code))
        return asked

    def _hear(self, datagram: bytes) -> None:
        reply = self.layer.receive(datagram, PEER, self.now)
        if isinstance(reply, Reply):
            self.runs.answered(reply, self.now)

    def _ended(
        self, attempt: Attempt, end: Finished | Failed, particulars: Particulars
    ) -> None:
        self.ends.append((end, particulars))
        self.over.set()


async def test_a_device_that_answers_everything_has_finished() -> None:
    edge = Edge(PLAIN)
    edge.begin("ep=kitchen", "mccv=4.13.2")
    assert edge.answer().path == ("0",)
    assert len(edge.runs) == 1
    assert edge.answer().path == ("bs",)
    assert edge.ends == [(Finished(), Particulars())]
    assert len(edge.runs) == 0


async def test_a_new_request_takes_the_place_of_the_running_one() -> None:
    edge = Edge(PLAIN)
    edge.begin("ep=kitchen", "mccv=4.13.2")
    old = edge.asked()
    edge.begin("ep=kitchen", "mccv=4.13.2")
    edge._hear(acknowledge(old, Code.BAD_REQUEST))
    edge.answer()
    edge.answer()
    assert [end for end, _ in edge.ends] == [Finished()]


async def test_a_bootstrap_that_stands_still_has_failed() -> None:
    edge = Edge(PLAIN, patience=0.05)
    edge.begin("ep=kitchen", "mccv=4.13.2")
    await asyncio.wait_for(edge.over.wait(), 10)
    ((failed, _),) = edge.ends
    assert failed == Failed("PUT /0", "", "nothing came within 0.05 seconds")
    assert len(edge.runs) == 0


async def test_what_is_left_at_the_end_is_forgotten() -> None:
    edge = Edge(PLAIN)
    edge.begin("ep=kitchen", "mccv=4.13.2")
    edge.runs.close()
    assert len(edge.runs) == 0
    assert edge.ends == []


def subject_of(attempt: Attempt) -> Subject:
    device = attempt.recipient.device
    return Subject(device, ACCOUNT, device)


def enrolling(patience: float = 60) -> tuple[Edge, Attempt]:
    """Bring a device so far that it has to enroll."""
    edge = Edge(ENROLLING, patience=patience)
    attempt = edge.begin("mccv=4.13.2", identity=AS_DEVELOPER)
    edge.answer()
    finish = edge.answer()
    assert finish.queries == (f"iep={attempt.recipient.device}",)
    return edge, attempt


async def test_a_device_that_enrolls_has_finished_when_it_has_its_certificate() -> None:
    edge, attempt = enrolling()
    document = signing_request(subject_of(attempt))
    answer = edge.runs.enroll(document, PEER, edge.now)
    assert answer.code == Code.CHANGED
    assert edge.ends == []
    edge.runs.enrolled(PEER, edge.now)
    ((end, particulars),) = edge.ends
    assert end == Finished()
    length = int.from_bytes(answer.payload[2:4], "big")
    issued = devices.read(answer.payload[4 : 4 + length])
    assert particulars.fingerprint == issued.fingerprint
    assert issued.endpoint_name == EndpointName(attempt.recipient.device)


async def test_a_device_may_ask_for_its_certificate_again() -> None:
    edge, attempt = enrolling()
    for _ in range(2):
        document = signing_request(subject_of(attempt))
        assert edge.runs.enroll(document, PEER, edge.now).code == Code.CHANGED
    edge.runs.enrolled(PEER, edge.now)
    assert [end for end, _ in edge.ends] == [Finished()]


async def test_a_request_with_other_names_ends_the_attempt() -> None:
    edge, _ = enrolling()
    document = signing_request(Subject("0" * 32, ACCOUNT, "kitchen"))
    answer = edge.runs.enroll(document, PEER, edge.now)
    assert answer.code == Code.BAD_REQUEST
    assert b"subject" in answer.payload
    ((failed, particulars),) = edge.ends
    assert isinstance(failed, Failed)
    assert (failed.step, failed.code) == ("POST /est/sen", "")
    assert particulars == Particulars()


async def test_nobody_else_can_enroll() -> None:
    edge, attempt = enrolling()
    document = signing_request(subject_of(attempt))
    answer = edge.runs.enroll(document, "192.0.2.2:40000", edge.now)
    assert answer.code == Code.BAD_REQUEST
    assert edge.ends == []


async def test_what_is_left_of_an_earlier_certificate_finishes_nothing() -> None:
    edge, _ = enrolling()
    edge.runs.enrolled(PEER, edge.now)
    assert edge.ends == []


async def test_a_device_that_never_enrolls_has_failed() -> None:
    edge, _ = enrolling(patience=0.05)
    await asyncio.wait_for(edge.over.wait(), 10)
    ((failed, _),) = edge.ends
    assert isinstance(failed, Failed)
    assert failed.step == "POST /est/sen"


UNSAYABLE = (Instance(Path((3, 0)), {Path((13,)): float("nan")}),)


async def test_what_has_no_form_ends_the_attempt_with_the_reason() -> None:
    edge = Edge(PLAIN)
    known = Alterations(name="lwm2m-1.1", deletes=False, discovers=False)
    edge.begin("ep=kitchen", alterations=known, instances=UNSAYABLE)
    edge.answer()
    edge.answer()
    ((failed, _),) = edge.ends
    assert failed == Failed("write instance", "", "has a number that is not finite")
    assert len(edge.runs) == 0


async def test_a_device_that_can_not_enroll_is_handed_a_certificate() -> None:
    edge = Edge(ENROLLING)
    edge.begin("mccv=4.13.2", identity=AS_DEVELOPER)
    edge.answer(Code.BAD_REQUEST)
    assert edge.answer().path == ("0",)
    edge.answer()
    ((end, particulars),) = edge.ends
    assert end == Finished()
    assert particulars.fingerprint


async def test_a_device_takes_all_of_it_at_once() -> None:
    edge = Edge(PLAIN)
    answer = edge.pack()
    assert answer.code == Code.CONTENT
    assert answer.options == ((Option.CONTENT_FORMAT, b"\x70"),)
    codecs.decode(112, answer.payload, base=ROOT, definitions=CORE)
    assert edge.ends == []
    edge.runs.fetched(PEER, edge.now)
    edge.runs.fetched(PEER, edge.now)
    assert edge.ends == [(Finished(), Particulars())]


async def test_who_is_to_enroll_takes_a_certificate_with_all_of_it() -> None:
    edge = Edge(ENROLLING)
    attempt = edge.attempt(
        path=("bspack",),
        code=Code.GET,
        identity=AS_DEVELOPER,
        offers_pack=True,
        alterations=Alterations(enrolls=True),
    )
    answer = edge.runs.pack(attempt, PEER, edge.now)
    found = codecs.decode(112, answer.payload, base=ROOT, definitions=CORE)
    assert {record.path: record.value for record in found}[0, 1, 2] == 2


async def test_a_device_that_never_takes_the_rest_has_failed() -> None:
    edge = Edge(PLAIN, patience=0.05)
    edge.pack()
    await asyncio.wait_for(edge.over.wait(), 10)
    ((failed, _),) = edge.ends
    assert isinstance(failed, Failed)
    assert failed.step == "GET /bspack"


async def test_all_of_it_that_has_no_form_is_not_implemented() -> None:
    edge = Edge(PLAIN)
    answer = edge.pack(instances=UNSAYABLE)
    assert answer.code == Code.NOT_IMPLEMENTED
    ((failed, _),) = edge.ends
    assert failed == Failed("GET /bspack", "", "has a number that is not finite")


async def test_a_run_is_known_by_its_attempt() -> None:
    edge = Edge(PLAIN)
    attempt = edge.begin("ep=kitchen", "mccv=4.13.2").operation.attempt
    assert attempt in edge.runs
    edge.runs.close()
    assert attempt not in edge.runs
