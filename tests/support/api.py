"""An API that a test plays: it answers what it is told to, and shows what was asked."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx
import orjson

from homeport.client import AsyncClient, Client, Patience

URL = "http://home.example"
KEY = "ak_1secret"


class Made(NamedTuple):
    """A call, and what it is on the wire."""

    call: Callable[[Client], object]
    method: str
    path: str
    body: object = None


class ScriptedApi:
    """Answers calls in the order of its script; without one it answers ``{}``."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._script: deque[httpx.Response] = deque()

    def will_answer(
        self,
        body: Any = None,
        *,
        status: int = 200,
        text: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Add an answer: JSON, or plain text."""
        content = orjson.dumps({} if body is None else body)
        self._script.append(
            httpx.Response(
                status,
                content=content if text is None else text.encode(),
                headers=dict(headers or {}),
            )
        )

    def client(self, **options: Any) -> Client:
        """Make a client of it."""
        return Client(URL, KEY, transport=httpx.MockTransport(self._handle), **options)

    def async_client(self, patience: Patience | None = None) -> AsyncClient:
        """Make a client of it that is awaited."""
        return AsyncClient(
            URL,
            KEY,
            transport=httpx.MockTransport(self._handle),
            patience=patience or Patience(),
        )

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What was asked so far: method and target, as they stood on the wire."""
        return [
            (each.method, each.url.raw_path.decode("ascii")) for each in self.requests
        ]

    @property
    def body(self) -> Any:
        """The JSON of the last call; nothing for an empty one."""
        content = self.requests[-1].content
        return orjson.loads(content) if content else None

    def check(self, made: Made) -> None:
        """Make a call and hold it to what it should be on the wire."""
        with self.client() as client:
            made.call(client)
        assert self.asked == [(made.method, made.path)]
        assert self.body == made.body

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._script.popleft() if self._script else httpx.Response(200, json={})
