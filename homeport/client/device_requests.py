"""Requests to devices: ``client.requests``."""

import base64
import secrets
from typing import Literal

from homeport.client.calls import Call, segment
from homeport.client.methods import From, Group, single

PATH = "/v2/device-requests"

Method = Literal["GET", "PUT", "POST", "DELETE", "FETCH", "IPATCH"]
"""What a device is asked: POST executes a resource or creates an instance, FETCH and
IPATCH read and write several paths at once, which the payload names as SenML."""


class DeviceRequests(Group[From]):
    """What devices are asked for; they answer by the notification channel."""

    @single
    @staticmethod
    def send(
        device_id: str,
        method: Method,
        uri: str,
        *,
        payload: bytes = b"",
        content_type: str = "",
        accept: str = "",
        async_id: str = "",
        retry: int | None = None,
        expiry_seconds: int | None = None,
    ) -> Call[str]:
        """Ask a device; return the id that its `Response` will have.

        ``uri`` is a path of LwM2M, possibly with a query: ``/3/0/0``. ``retry`` is how
        often it is tried again, ``expiry_seconds`` how long it may wait for the device.
        Raises InvalidCall where the device does not know the resource, or has too many
        requests waiting.
        """
        identity = async_id or secrets.token_hex(16)
        body = {"method": method, "uri": uri}
        if payload:
            body["payload-b64"] = base64.b64encode(payload).decode()
        if content_type:
            body["content-type"] = content_type
        if accept:
            body["accept"] = accept
        limits = {"retry": retry, "expiry-seconds": expiry_seconds}
        query = {
            name: str(value) for name, value in limits.items() if value is not None
        }
        return Call(
            "POST",
            f"{PATH}/{segment(device_id)}",
            lambda _: identity,
            query={"async-id": identity, **query},
            body=body,
        )
