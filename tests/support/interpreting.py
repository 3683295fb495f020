"""What devices say to the LwM2M server, and how its handlers take it."""

from collections.abc import Sequence

from homeport import names
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.transport import Origin
from homeport.identity import Identity, Means
from homeport.names import AccountId, EndpointName
from services.lwm2m import handlers
from services.lwm2m.asked import Scene

ACCOUNT = AccountId("a" * 32)
SCENE = Scene(ACCOUNT, 64)
PEER = "192.0.2.1:5683"
OTHER = AccountId("b" * 32)
KETTLE = names.device_id(OTHER, names.parse_endpoint_name("kettle"))
ASSOCIATION = "c" * 28
WHO = Identity(
    "psk:1",
    Means.SHARED_KEY,
    account=OTHER,
    endpoint_name=EndpointName("kettle"),
    issued=17,
    fingerprint="f" * 64,
)
NOSEC = Origin(PEER, PEER)
SECURED = Origin(PEER, ASSOCIATION, WHO, ASSOCIATION, 3)
DEVICE = names.device_id(ACCOUNT, names.parse_endpoint_name("kitchen"))
REGISTRATION = names.new_registration_id(DEVICE)
LINKS = b'</>;rt="oma.lwm2m",</1/0>,</3/0>'
PLAIN = ("ep=kitchen", "lt=300", "lwm2m=1.1", "b=U")
IZUMA = ("ep=kitchen", "lt=7200", "lwm2m=1.0", "b=U", f"aid={ACCOUNT}", "mccv=4.13.2")


def request(
    path: Sequence[str],
    queries: Sequence[str] = (),
    *,
    code: Code = Code.POST,
    payload: bytes = b"",
    content_format: int | None = 40,
) -> Message:
    options = [(int(Option.URI_PATH), part.encode()) for part in path]
    if content_format is not None:
        options.append((int(Option.CONTENT_FORMAT), bytes([content_format])))
    options += [(int(Option.URI_QUERY), query.encode()) for query in queries]
    return Message(Type.CON, code, 7, b"\x01", tuple(options), payload)


def register(
    queries: Sequence[str] = PLAIN,
    *,
    payload: bytes = LINKS,
    content_format: int | None = 40,
    origin: Origin = NOSEC,
    scene: Scene = SCENE,
) -> object:
    return interpret(
        request(("rd",), queries, payload=payload, content_format=content_format),
        origin=origin,
        scene=scene,
    )


def interpret(
    message: Message, *, origin: Origin = NOSEC, scene: Scene = SCENE
) -> object:
    return handlers.interpret(message, origin=origin, sequence=9, scene=scene)
