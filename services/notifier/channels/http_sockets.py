"""Opening the WebSocket of a channel (R-113 .. R-116)."""

from fastapi import APIRouter, Response, WebSocket
from fastapi.params import Depends
from fastapi.responses import PlainTextResponse

from homeport.errors import Unavailable
from homeport.runtime import rest
from homeport.store.trust import Grant
from services.notifier import observability
from services.notifier.answers import AWAY, Refused, needs_writing, unknown_key, words
from services.notifier.channels.sockets import Close, Socket
from services.notifier.ports import Ports

_PATH = "/v2/notification/websocket-connect"

SUBPROTOCOL = "wss"
KEY_PREFIX = "pelion_"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    shaking: set[str] = set()

    @router.get(
        _PATH,
        status_code=101,
        response_class=Response,
        responses=words(400, 401, 403, 426, 429),
        dependencies=[caller],
    )
    async def not_upgraded() -> Response:
        """Open the WebSocket (version 13); notifications come as text frames.

        The key stands in Authorization, or in Sec-WebSocket-Protocol as
        `wss, pelion_<key>`.
        """
        return PlainTextResponse(
            "UPGRADE_REQUIRED", 426, {"upgrade": "websocket", "connection": "upgrade"}
        )

    async def connect(connection: WebSocket) -> None:
        """Serve a socket until it ends."""
        try:
            key, grant = await _caller(connection, ports)
        except (Refused, Unavailable) as error:
            await _deny(connection, error)
            return
        if grant.key_id in shaking:
            await _deny(connection, Refused(429, "TOO_MANY_REQUESTS"))
            return
        socket = Socket(connection, seconds=ports.ping_seconds)
        shaking.add(grant.key_id)
        try:
            seated = await _shake_hands(socket, connection, grant, ports)
        finally:
            shaking.discard(grant.key_id)
        if seated:
            await _serve(socket, key, grant, ports)
        else:
            await connection.close(Close.FAULT)

    router.add_websocket_route(_PATH, connect)  # FastAPI's keep 5 kB for each socket
    return router


async def _shake_hands(
    socket: Socket, connection: WebSocket, grant: Grant, ports: Ports
) -> bool:
    """Take the channel over, and shake hands; False where there is no channel."""
    try:
        seated = await ports.sockets.seat(grant.key_id, socket)
    except Unavailable as error:
        called = rest.named(connection.scope)
        observability.record_refused(called, AWAY, str(error))
        seated = False
    offered = SUBPROTOCOL in connection.scope["subprotocols"]
    await connection.accept(SUBPROTOCOL if offered else None)
    return seated


async def _serve(socket: Socket, key: str, grant: Grant, ports: Ports) -> None:
    async def allowed() -> bool:
        return await ports.trust.grant(key) is not None

    try:
        await ports.sockets.add(grant.key_id, socket)
        code = await socket.run(allowed)
        observability.record_socket_closed(grant.key_id, code)
    finally:
        await ports.sockets.discard(grant.key_id, socket)


async def _caller(connection: WebSocket, ports: Ports) -> tuple[str, Grant]:
    """Return the key that is presented and what it may do; raise Refused."""
    key = _presented(connection)
    grant = await ports.trust.grant(key) if key else None
    if grant is None:
        raise unknown_key(key)
    needs_writing(grant)
    return key, grant


def _presented(connection: WebSocket) -> str:
    """Return the key of a handshake, or '' (R-113)."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    for name in connection.scope["subprotocols"]:
        if name.startswith(KEY_PREFIX):
            return str(name.removeprefix(KEY_PREFIX))
    return ""


async def _deny(connection: WebSocket, error: Refused | Unavailable) -> None:
    """Answer a handshake with a bare word instead."""
    status, word = 503, AWAY
    if isinstance(error, Refused):
        status, word = error.status, error.word
    observability.record_refused(rest.named(connection.scope), word, str(error))
    await connection.send_denial_response(PlainTextResponse(word, status))
