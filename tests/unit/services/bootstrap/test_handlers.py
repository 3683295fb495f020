"""A request becomes an attempt or an answer, and an attempt's end a fact."""

import pytest

from homeport import names
from homeport.coap.codec import Code, Message, Option, Type
from homeport.events import facts
from homeport.protocol.bootstrap import Client, Failed, Finished, Handover
from homeport.store.operations import Bootstrapped, Outcome, Result
from services.bootstrap import handlers
from services.bootstrap.handlers import Answer, Attempt, Scene

ACCOUNT = names.AccountId("000000000000000000000000deadbeef")
SCENE = Scene(ACCOUNT, 64, Handover("coap://127.0.0.1:5683", 300))
PEER = "127.0.0.1:40000"


def interpret(
    *queries: str, path: tuple[str, ...] = ("bs",), code: Code = Code.POST
) -> Attempt | Answer:
    options = [(Option.URI_PATH, segment.encode()) for segment in path]
    options += [(Option.URI_QUERY, query.encode()) for query in queries]
    message = Message(Type.CON, code, 7, b"token", tuple(options))
    return handlers.interpret(message, peer=PEER, scene=SCENE)


def attempt(*queries: str) -> Attempt:
    made = interpret(*queries)
    assert isinstance(made, Attempt)
    return made


def refused(*queries: str) -> Answer:
    answer = interpret(*queries)
    assert isinstance(answer, Answer)
    return answer


def test_a_request_becomes_an_attempt_of_its_device() -> None:
    operation = attempt("ep=kitchen").operation
    assert operation.device == names.device_id(ACCOUNT, operation.endpoint_name)
    assert operation.bucket == names.bucket(operation.device, 64)
    assert operation.exchange == "127.0.0.1:40000#7"
    assert operation.account == ACCOUNT


def test_two_attempts_are_told_apart() -> None:
    first, second = attempt("ep=kitchen"), attempt("ep=kitchen")
    assert first.operation.attempt != second.operation.attempt


def test_an_izuma_client_is_handed_account_and_device() -> None:
    made = attempt("ep=kitchen", f"aid={ACCOUNT}", "mccv=4.13.2")
    assert made.session.client is Client.IZUMA
    assert made.session.handover.uri == (
        f"coap://127.0.0.1:5683?aid={ACCOUNT}&iep={made.operation.device}"
    )


def test_an_iep_of_another_device_is_kept_and_not_believed() -> None:
    made = attempt("ep=kitchen", f"iep={'b' * 32}")
    assert made.iep == "b" * 32
    assert made.operation == attempt("ep=kitchen").operation._replace(
        attempt=made.operation.attempt
    )


@pytest.mark.parametrize("path", [(), ("bspack",), ("rd",), ("bs", "x")])
def test_any_other_path_is_not_found(path: tuple[str, ...]) -> None:
    assert interpret("ep=kitchen", path=path) == handlers.NOT_FOUND


@pytest.mark.parametrize("code", [Code.GET, Code.PUT, Code.DELETE])
def test_any_other_method_is_not_allowed(code: Code) -> None:
    assert interpret("ep=kitchen", code=code) == Answer(Code.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("queries", "code"),
    [
        ((), Code.BAD_REQUEST),
        (("ep=" + "x" * 65,), Code.BAD_REQUEST),
        (("ep=x", "ep=y"), Code.BAD_REQUEST),
        (("ep=x", "aid=me"), Code.BAD_REQUEST),
        (("ep=x", f"aid={'a' * 32}"), Code.FORBIDDEN),
    ],
)
def test_a_wrong_request_is_refused_in_a_few_words(
    queries: tuple[str, ...], code: Code
) -> None:
    answer = refused(*queries)
    assert answer.code == code
    assert 0 < len(answer.payload) <= 64


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (Result.BOOTSTRAPPING, handlers.CHANGED),
        (Result.REPEATED, handlers.CHANGED),
        (Result.STALE, None),
    ],
)
def test_a_device_hears_what_is_recorded_and_else_nothing(
    result: Result, answer: Answer | None
) -> None:
    assert handlers.answer(Outcome(result)) == answer


def body(operation: Bootstrapped) -> facts.AnyFact:
    """Complete a fact as the store does."""
    return facts.parse(
        f'{{"fact":"{operation.fact}","id":"x","time":"2026-11-24T14:20:05Z",'
        f'"revision":1,"account_id":"{operation.account}",'
        f'"device_id":"{operation.device}",'
        f'"endpoint_name":"{operation.endpoint_name}"{operation.body}}}'
    )


def test_a_finished_attempt_becomes_a_fact() -> None:
    begun = attempt("ep=kitchen").operation
    operation = handlers.ended(begun, Finished())
    assert operation.attempt == begun.attempt
    assert isinstance(body(operation), facts.DeviceBootstrapped)


def test_a_failed_attempt_becomes_a_fact_that_says_why() -> None:
    failed = Failed("PUT /0", "4.00", 'a "bad"\n reason')
    fact = body(handlers.ended(attempt("ep=kitchen").operation, failed))
    assert isinstance(fact, facts.BootstrapFailed)
    assert (fact.step, fact.code, fact.reason) == ("PUT /0", "4.00", 'a "bad"\n reason')
