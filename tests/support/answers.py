"""What an API that a test plays says to a command that asks devices."""

import base64
from typing import Any

import httpx
import orjson

ID = "0a" * 16
DEVICE = {"id": ID, "endpoint_name": "kitchen", "state": "registered"}
CONSUMER = {"name": "mine", "created_at": "2026-11-25T12:00:00.000000Z"}


class DeviceApi:
    """Answers each call by its method and path; notes what was asked.

    ``messages`` are what a consumer is told once; ``{async_id}`` stands in them for the
    id of the request or of the subscription.
    """

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], httpx.Response] = {}
        self.async_id = ""

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def paths(self, method: str) -> list[str]:
        """Return what was asked by a method, without queries."""
        return [path for each, path, _ in self.asked if each == method]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = orjson.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        self.async_id = request.url.params.get("async-id", self.async_id)
        for (method, begun), answer in self.answers.items():
            if method == request.method and path.startswith(begun):
                return answer
        return self._usual(request.method, path)

    def _usual(  # noqa: PLR0911 # one for each call
        self, method: str, path: str
    ) -> httpx.Response:
        match method, path.split("/")[2:]:
            case "GET", ["devices", *_]:
                return httpx.Response(200, json={"data": [DEVICE]})
            case "GET", ["notification", "consumers"]:
                return httpx.Response(200, json={"data": []})
            case "GET", ["notification", "consumers", _, "events"]:
                return httpx.Response(200, text=self._stream())
            case "PUT", ["notification", *_]:
                return httpx.Response(201, json=CONSUMER)
            case "PUT", ["subscriptions", *_]:
                self.async_id = "subscribed"
                return httpx.Response(202, json={"async-response-id": self.async_id})
            case "GET", ["subscriptions", *_]:
                return httpx.Response(404, text="SUBSCRIPTION_NOT_FOUND")
            case _:
                return httpx.Response(202)

    def _stream(self) -> str:
        told, self.messages = self.messages, []
        text = "".join(
            f"id: {number}\ndata: {orjson.dumps(message).decode()}\n\n"
            for number, message in enumerate(told)
        )
        return text.replace("{async_id}", self.async_id)


def response(value: str = "", *, status: int = 200, **more: Any) -> Any:
    """Make the message with what has come of a request."""
    payload = base64.b64encode(value.encode()).decode()
    said = {"id": "{async_id}", "status": status, "payload": payload, **more}
    return {"async-responses": [said]}
