"""Devices come and go and say something: told twice, by webhook and by WebSocket.

    python examples/chat.py http://127.0.0.1:8080 ak_1… ak_1…

An API key has one channel, so this takes two keys of an account.
"""

import asyncio
import base64
import json
import os
import sys
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Response
from websockets.asyncio.client import connect

PORT = int(os.environ.get("PORT", "8090"))
receiver = FastAPI()


def tell(way: str, message: dict[str, Any]) -> None:
    """Print what a NotificationMessage says; it has one kind of items."""
    for device in message.get("registrations", []):
        print(f"{way}: {device['original-ep']} has come", flush=True)
    for kind in ("de-registrations", "registrations-expired"):
        for device_id in message.get(kind, []):
            print(f"{way}: {device_id} has gone", flush=True)
    for value in message.get("notifications", []):
        said = base64.b64decode(value["payload"]).decode(errors="replace")
        print(f"{way}: {value['ep']} says {said} at {value['path']}", flush=True)


@receiver.put("/notifications")
async def receive(message: dict[str, Any]) -> Response:
    """Take a message; the next one comes when this is answered."""
    tell("webhook", message)
    return Response(status_code=204)


async def call_me(api: httpx.AsyncClient) -> None:
    """Have notifications brought here, and the values of all thermometers."""
    server = uvicorn.Server(uvicorn.Config(receiver, port=PORT, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    await api.put("/v2/subscriptions", json=[{"resource-path": ["/3303/*"]}])
    url = f"http://127.0.0.1:{PORT}/notifications"
    (await api.put("/v2/notification/callback", json={"url": url})).raise_for_status()
    await serving


async def listen(api: httpx.AsyncClient) -> None:
    """Read notifications from a WebSocket; come again whenever it ends."""
    await api.put("/v2/subscriptions", json=[{"resource-path": ["/3303/*"]}])
    (await api.put("/v2/notification/websocket")).raise_for_status()
    url = f"{api.base_url}/v2/notification/websocket-connect".replace("http", "ws", 1)
    headers = {"Authorization": api.headers["Authorization"]}
    async for socket in connect(url, additional_headers=headers):
        async for text in socket:
            tell("WebSocket", json.loads(text))


async def main(address: str, *keys: str) -> None:
    """Do both, until somebody ends it."""
    clients = [
        httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"})
        for key in keys
    ]
    async with clients[0], clients[1]:
        await asyncio.gather(call_me(clients[0]), listen(clients[1]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
