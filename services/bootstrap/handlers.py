"""From a bootstrap request to what is recorded and asked, and from its end to a fact.

Plain functions: no socket, no store. Repeating any of them is harmless: the store knows
the message that began an attempt, and lets only the newest attempt end.
"""

import secrets
from dataclasses import dataclass

import orjson

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidInput
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId
from homeport.protocol import bootstrap
from homeport.protocol.bootstrap import (
    BootstrapSession,
    Failed,
    Finished,
    Handover,
)
from homeport.store.operations import Bootstrap, Bootstrapped, Outcome, Result

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait; Izuma's takes its own backoff (BO-1)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests: whose devices come, and where they go."""

    account: AccountId
    buckets: int
    handover: Handover


@dataclass(frozen=True, slots=True)
class Attempt:
    """A bootstrap that may begin; ``iep`` is the id that the device claims (B-059)."""

    operation: Bootstrap
    session: BootstrapSession
    iep: DeviceId | None


CHANGED = Answer(Code.CHANGED)
NOT_FOUND = Answer(Code.NOT_FOUND)
UNAVAILABLE = Answer(
    Code.SERVICE_UNAVAILABLE,
    ((Option.MAX_AGE, bytes([UNAVAILABLE_SECONDS])),),
    keep=False,
)


def interpret(message: Message, *, peer: str, scene: Scene) -> Attempt | Answer:
    """Turn a request into an attempt, or answer it at once."""
    if message.path != ("bs",):
        return NOT_FOUND  # GET /bspack too: its client goes on with POST /bs (B-194)
    if message.code != Code.POST:
        return Answer(Code.METHOD_NOT_ALLOWED)
    try:
        asked = bootstrap.parse_request(
            message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
        )
    except InvalidInput as error:
        return explain(Code.BAD_REQUEST, error)
    if asked.endpoint_name is None:
        return explain(Code.BAD_REQUEST, "ep is missing")
    if asked.account not in (None, scene.account):
        return explain(Code.FORBIDDEN, "aid is an account that is not served here")
    device = names.device_id(scene.account, asked.endpoint_name)
    uri = bootstrap.server_uri(scene.handover.uri, scene.account, device, asked.client)
    return Attempt(
        Bootstrap(
            bucket=names.bucket(device, scene.buckets),
            device=device,
            exchange=f"{peer}#{message.message_id}",
            account=scene.account,
            endpoint_name=asked.endpoint_name,
            attempt=secrets.token_hex(8),
        ),
        bootstrap.begin(asked.client, Handover(uri, scene.handover.lifetime)),
        asked.iep,
    )


def answer(outcome: Outcome) -> Answer | None:
    """Say what came of a beginning; None is silence, and the device repeats itself."""
    match outcome.result:
        case Result.BOOTSTRAPPING | Result.REPEATED:
            return CHANGED
        case _:
            return None


def ended(begun: Bootstrap, end: Finished | Failed) -> Bootstrapped:
    """Turn the end of an attempt into the operation that records it."""
    fact, body = FactName.DEVICE_BOOTSTRAPPED, ""
    if isinstance(end, Failed):
        said = {"step": end.step, "code": end.code, "reason": end.reason}
        fact = FactName.BOOTSTRAP_FAILED
        body = "," + orjson.dumps(said).decode()[1:-1]
    return Bootstrapped(
        bucket=begun.bucket,
        device=begun.device,
        attempt=begun.attempt,
        account=begun.account,
        endpoint_name=begun.endpoint_name,
        fact=fact,
        body=body,
    )
