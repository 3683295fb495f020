"""A request becomes an attempt, a denial or an answer, and an attempt's end a fact."""

import uuid
from dataclasses import replace

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Option
from homeport.coap.transport import Origin
from homeport.events.facts import FactName
from homeport.identity import NOBODY, Identity
from homeport.names import DeviceId, EndpointName
from homeport.protocol import profiles
from homeport.protocol.alterations import Alterations
from homeport.protocol.bootstrap import Failed, Finished
from homeport.protocol.configurations import DEFAULT, Configuration
from homeport.protocol.handover import NoSec, SharedKey
from homeport.store.entries import Claim, DeviceEntry
from homeport.store.operations import Outcome, Result
from services.bootstrap import handlers
from services.bootstrap.attempts import Asked, Attempt, Claiming, Denial, Enroll
from services.bootstrap.issuing import Particulars
from tests.support.bootstrap import (
    ACCOUNT,
    AS_DEVELOPER,
    BUCKETS,
    BY_CERTIFICATE,
    BY_KEY,
    EDGE,
    FINGERPRINT,
    IZUMA_ID,
    IZUMA_NAME,
    NOW_MS,
    CapturedDevice,
    origin,
    request,
    scene,
)

SCENE = scene()
KITCHEN = names.device_id(ACCOUNT, EndpointName("kitchen"))
OTHERS = names.AccountId("b" * 32)
BY_CLAIM = replace(
    BY_CERTIFICATE, account=None, accounts=(ACCOUNT, OTHERS), enrolls=True
)
AID = f"aid={ACCOUNT}"
IEP = f"iep={IZUMA_ID}"
KNOWN = DeviceEntry(IZUMA_ID, ACCOUNT, developer=FINGERPRINT)


def interpret(
    *queries: str,
    identity: Identity = NOBODY,
    path: tuple[str, ...] = ("bs",),
    code: Code = Code.POST,
) -> Asked | Claiming | Enroll | Denial | Answer:
    return handlers.interpret(
        request(*queries, path=path, code=code),
        origin=origin(identity),
        sequence=9,
        scene=SCENE,
    )


def asked(*queries: str, identity: Identity = NOBODY) -> Asked:
    made = interpret(*queries, identity=identity)
    assert isinstance(made, Asked), made
    return made


def attempt(
    *queries: str,
    identity: Identity = NOBODY,
    entry: DeviceEntry | None = None,
    path: tuple[str, ...] = ("bs",),
    code: Code = Code.POST,
) -> Attempt:
    understood = interpret(*queries, identity=identity, path=path, code=code)
    assert isinstance(understood, Asked), understood
    made = handlers.resolve(understood, entry, scene=SCENE)
    assert isinstance(made, Attempt), made
    return made


def denied(*queries: str, identity: Identity = NOBODY) -> Denial:
    made = interpret(*queries, identity=identity)
    assert isinstance(made, Denial), made
    return made


def test_a_request_becomes_an_attempt_of_its_device() -> None:
    operation = attempt("ep=kitchen").operation
    assert operation.device == KITCHEN
    assert operation.bucket == names.bucket(KITCHEN, BUCKETS)
    assert operation.exchange == f"{'a' * 28}#7"
    assert operation.account == ACCOUNT


def test_two_attempts_are_told_apart() -> None:
    first, second = attempt("ep=kitchen"), attempt("ep=kitchen")
    assert first.operation.attempt != second.operation.attempt


def test_a_record_is_marked_so_that_its_replay_has_no_effect() -> None:
    secured = origin(BY_KEY)._replace(association="b" * 28, generation=3)
    made = handlers.interpret(
        request("ep=kitchen"), origin=secured, sequence=9, scene=SCENE
    )
    assert isinstance(made, Asked)
    resolved = handlers.resolve(made, None, scene=SCENE)
    assert isinstance(resolved, Attempt)
    assert resolved.operation.mark == f"{'b' * 28}000000000009"
    assert resolved.operation.generation == 3


def test_an_izuma_client_is_handed_account_and_device() -> None:
    made = attempt("ep=kitchen", AID, "mccv=4.13.2")
    assert made.recipient.profile is profiles.IZUMA
    plan = handlers.plan(made, NoSec(), scene=SCENE, now_ms=NOW_MS)
    assert plan.handover.uri == f"coap://127.0.0.1:5683?{AID}&iep={KITCHEN}"


def test_a_device_with_credentials_is_sent_to_the_secured_port() -> None:
    made = attempt("pct=112", identity=BY_KEY)
    security = SharedKey(b"identity", b"key")
    plan = handlers.plan(made, security, scene=SCENE, now_ms=NOW_MS)
    assert plan.handover.uri == "coaps://127.0.0.1:5684"
    assert plan.handover.lifetime == 300


def test_an_iep_of_another_device_is_kept_and_not_believed() -> None:
    made = attempt("ep=kitchen", f"iep={'b' * 32}")
    assert made.iep == "b" * 32
    assert made.operation.device == KITCHEN


@pytest.mark.parametrize("queries", [(), ("ep=kitchen",), (AID,), ("ep=kitchen", AID)])
@pytest.mark.conforms("C-011", "Leshan SecureBootstrapTest", "B-046")
def test_a_registered_key_says_whose_device_it_is(queries: tuple[str, ...]) -> None:
    made = attempt(*queries, identity=BY_KEY)
    assert made.operation.device == KITCHEN
    assert made.recipient.endpoint_name == "kitchen"


def test_a_certificate_says_whose_device_it_is() -> None:
    made = attempt(f"ep={IZUMA_NAME}", AID, "mccv=4.13.2", identity=BY_CERTIFICATE)
    assert made.operation.device == names.device_id(ACCOUNT, IZUMA_NAME)
    assert made.introduction is None


def test_a_device_with_a_key_is_introduced_before_it_comes_with_another() -> None:
    made = attempt(identity=BY_KEY)
    assert made.introduction == DeviceEntry(KITCHEN, ACCOUNT)


def developer(*queries: str, entry: DeviceEntry | None = None) -> Attempt:
    return attempt(f"ep={IZUMA_NAME}", *queries, identity=AS_DEVELOPER, entry=entry)


def test_a_developers_device_gets_an_id_that_is_its_name_as_well() -> None:
    made = developer("mccv=4.13.2")
    device = made.recipient.device
    assert uuid.UUID(device).version == 4
    assert made.recipient.endpoint_name == device
    assert made.operation.endpoint_name == device
    assert made.introduction == DeviceEntry(device, ACCOUNT, developer=FINGERPRINT)


def test_a_retry_on_the_same_association_gets_the_same_id() -> None:
    assert developer().recipient.device == developer().recipient.device


def test_two_associations_get_two_ids() -> None:
    here, there = origin(AS_DEVELOPER, "a" * 28), origin(AS_DEVELOPER, "b" * 28)
    assert handlers.new_device(here) != handlers.new_device(there)


def test_a_developers_device_that_is_known_keeps_its_id() -> None:
    made = developer(IEP, entry=KNOWN)
    assert made.recipient.device == IZUMA_ID
    assert made.operation.endpoint_name == IZUMA_ID


@pytest.mark.parametrize(
    "entry",
    [
        None,
        replace(KNOWN, developer=""),
        replace(KNOWN, developer="00" * 32),
        replace(KNOWN, account=names.AccountId("f" * 32)),
        replace(KNOWN, account=names.AccountId("f" * 32), suspended=True),
    ],
)
def test_an_iep_that_is_not_known_with_this_certificate_counts_as_absent(
    entry: DeviceEntry | None,
) -> None:
    made = developer(IEP, entry=entry)
    assert made.recipient.device == handlers.new_device(origin(AS_DEVELOPER))


@pytest.mark.parametrize(
    ("queries", "identity", "device"),
    [
        (("ep=kitchen",), BY_KEY, KITCHEN),
        ((IEP,), AS_DEVELOPER, IZUMA_ID),
    ],
)
def test_a_suspended_device_is_denied(
    queries: tuple[str, ...], identity: Identity, device: DeviceId
) -> None:
    entry = DeviceEntry(
        device,
        ACCOUNT,
        developer=FINGERPRINT if identity is AS_DEVELOPER else "",
        suspended=True,
    )
    made = handlers.resolve(asked(*queries, identity=identity), entry, scene=SCENE)
    assert isinstance(made, Denial)
    assert made.answer.code == Code.FORBIDDEN
    assert made.operation.device == device


def claiming(*queries: str) -> Claiming:
    made = interpret(*queries, identity=BY_CLAIM)
    assert isinstance(made, Claiming), made
    return made


def test_a_device_becomes_that_of_the_account_that_has_claimed_it() -> None:
    made = handlers.claimed(claiming(), Claim("1", OTHERS, FINGERPRINT), scene=SCENE)
    assert isinstance(made, Asked)
    assert made.account == OTHERS
    assert made.device == names.device_id(OTHERS, IZUMA_NAME)
    attempt_ = handlers.resolve(made, None, scene=SCENE)
    assert isinstance(attempt_, Attempt)
    assert attempt_.recipient.account == OTHERS


def test_a_device_that_says_its_account_needs_no_claim() -> None:
    assert asked(AID, identity=BY_CLAIM).account == ACCOUNT


@pytest.mark.parametrize(
    "claim", [None, Claim("1", names.AccountId("c" * 32), FINGERPRINT)]
)
def test_a_device_that_nobody_has_claimed_is_denied_and_told(
    claim: Claim | None,
) -> None:
    made = handlers.claimed(claiming(), claim, scene=SCENE)
    assert isinstance(made, Denial)
    assert made.answer.code == Code.FORBIDDEN
    assert made.answer.payload == b"no account has claimed this device"
    assert made.operation.account == names.PLATFORM_ACCOUNT
    assert made.operation.endpoint_name == IZUMA_NAME


def test_a_claim_does_not_make_up_for_a_wrong_name() -> None:
    assert b"ep is not" in denied("ep=kitchen", identity=BY_CLAIM).answer.payload


@pytest.mark.parametrize(
    ("queries", "identity", "account"),
    [
        ((f"ep={IZUMA_NAME}", f"aid={'a' * 32}"), BY_CERTIFICATE, ACCOUNT),
        (("ep=kitchen",), BY_CERTIFICATE, ACCOUNT),
        (("ep=bathroom",), BY_KEY, ACCOUNT),
        ((f"aid={'a' * 32}",), AS_DEVELOPER, ACCOUNT),
        ((), replace(BY_CERTIFICATE, account=None), names.PLATFORM_ACCOUNT),
        (("ep=x", f"aid={'a' * 32}"), NOBODY, names.PLATFORM_ACCOUNT),
    ],
)
def test_a_request_that_its_credential_does_not_cover_is_denied_on_the_record(
    queries: tuple[str, ...], identity: Identity, account: names.AccountId
) -> None:
    made = denied(*queries, identity=identity)
    assert made.answer.code == Code.FORBIDDEN
    assert 0 < len(made.answer.payload) <= 64
    assert made.operation.fact is FactName.BOOTSTRAP_FAILED
    assert made.operation.account == account
    assert '"step":"POST /bs","code":"4.03"' in made.operation.body
    assert f'"fingerprint":"{identity.fingerprint}"' in made.operation.body


@pytest.mark.parametrize("path", [(), ("bspack", "x"), ("rd",), ("bs", "x"), ("est",)])
def test_any_other_path_is_not_found(path: tuple[str, ...]) -> None:
    assert interpret("ep=kitchen", path=path) == handlers.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (("bs",), Code.GET),
        (("bs",), Code.PUT),
        (("est", "sen"), Code.DELETE),
        (("bspack",), Code.POST),
    ],
)
def test_any_other_method_is_not_allowed(path: tuple[str, ...], code: Code) -> None:
    answer = interpret("ep=kitchen", path=path, code=code)
    assert answer == Answer(Code.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize(
    "queries",
    [
        (),
        ("ep=" + "x" * 65,),
        ("ep=x", "ep=y"),
        ("ep=x", "aid=me"),
    ],
)
def test_a_broken_request_is_refused_in_a_few_words(queries: tuple[str, ...]) -> None:
    answer = interpret(*queries)
    assert isinstance(answer, Answer)
    assert answer.code == Code.BAD_REQUEST
    assert 0 < len(answer.payload) <= 64


def test_a_captured_request_to_enroll_is_one() -> None:
    _, first, *_ = CapturedDevice("izuma-udp-bootstrap-est").requests
    message = codec.decode(first)
    made = handlers.interpret(
        message, origin=origin(BY_CERTIFICATE), sequence=0, scene=SCENE
    )
    assert made == Enroll(message.payload)


PACKED = attempt(identity=BY_KEY, path=("bspack",), code=Code.GET)


def test_a_device_may_ask_for_all_of_it_at_once() -> None:
    assert PACKED.packed
    assert PACKED.content_format == 112
    assert PACKED.recipient.profile is profiles.LWM2M_1_2


def test_nobody_gets_all_of_it_at_once_unless_it_is_offered() -> None:
    refused = Answer(Code.NOT_FOUND, payload=b"no Bootstrap-Pack is offered")
    assert handlers.configured(PACKED, None) == refused
    assert handlers.configured(PACKED, DEFAULT) == refused
    offered = Configuration(offers_pack=True)
    assert handlers.configured(PACKED, offered) == replace(
        PACKED, configuration=offered
    )


@pytest.mark.parametrize("accept", [0, 40, 11542])
def test_all_of_it_at_once_has_a_format_that_names_objects(accept: int) -> None:
    asking = request("ep=kitchen", path=("bspack",), code=Code.GET)
    options = (*asking.options, (Option.ACCEPT, accept.to_bytes(2, "big")))
    answer = handlers.interpret(
        replace(asking, options=options),
        origin=origin(BY_KEY),
        sequence=9,
        scene=SCENE,
    )
    assert answer == Answer(Code.NOT_ACCEPTABLE)


def test_a_device_is_what_its_account_says() -> None:
    made = attempt("ep=kitchen")
    wanted = Configuration(
        alterations=Alterations(name="izuma", szx=2), short_server_id=7
    )
    configured = handlers.configured(made, wanted)
    assert isinstance(configured, Attempt)
    assert configured.recipient.profile == replace(profiles.IZUMA, szx=2)
    plan = handlers.plan(configured, NoSec(), scene=SCENE, now_ms=NOW_MS)
    assert plan.handover.uri.endswith(f"?{AID}&iep={KITCHEN}")
    assert plan.handover.server_account == 7
    assert plan.now == NOW_MS // 1000
    assert handlers.configured(made, None) is made


def test_an_attempt_says_at_which_edge_it_was_begun() -> None:
    made = attempt("ep=kitchen")
    assert handlers.edge_of(made.operation.attempt) == EDGE
    assert handlers.edge_of("") == ""


def test_another_attempt_of_the_same_message_is_told_apart() -> None:
    made = attempt("ep=kitchen")
    again = handlers.afresh(made, scene=SCENE)
    assert again.operation.attempt != made.operation.attempt
    assert again.operation.exchange.startswith(made.operation.exchange)
    assert again.operation.exchange != made.operation.exchange
    assert again.operation.mark == ""
    assert again.recipient == made.recipient


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (Result.BOOTSTRAPPING, handlers.CHANGED),
        (Result.REPEATED, handlers.CHANGED),
        (Result.STALE, None),
        (Result.REPLAYED, None),
        (Result.SUPERSEDED, None),
    ],
)
def test_a_device_hears_what_is_recorded_and_else_nothing(
    result: Result, answer: Answer | None
) -> None:
    assert handlers.answer(attempt("ep=kitchen"), Outcome(result)) == answer
    if result is not Result.BOOTSTRAPPING:
        assert handlers.answer(PACKED, Outcome(result)) is None


def test_a_finished_attempt_becomes_a_fact() -> None:
    made = attempt("ep=kitchen")
    operation = handlers.ended(made, Finished(), Particulars("aa" * 32))
    assert operation.attempt == made.operation.attempt
    assert operation.fact is FactName.DEVICE_BOOTSTRAPPED
    assert '"device_key":"' + "aa" * 32 in operation.body


def test_a_failed_attempt_becomes_a_fact_that_says_why() -> None:
    failed = Failed("PUT /0", "4.00", "Unknown security mode")
    made = attempt(identity=BY_CERTIFICATE)
    operation = handlers.ended(made, failed, Particulars())
    assert operation.fact is FactName.BOOTSTRAP_FAILED
    assert '"step":"PUT /0","code":"4.00"' in operation.body
    assert FINGERPRINT in operation.body


def test_an_origin_without_an_association_marks_nothing() -> None:
    plain = Origin("192.0.2.1:1", "192.0.2.1:1")
    made = handlers.interpret(request("ep=x"), origin=plain, sequence=9, scene=SCENE)
    assert isinstance(made, Asked)
    assert made.mark == ""
