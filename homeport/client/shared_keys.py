"""Keys that devices share with the platform: ``client.shared_keys``."""

from pydantic import AwareDatetime

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.certificates import Service
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v2/device-shared-keys"


class SharedKey(Record):
    """That there is a key for a name, never which."""

    endpoint_name: str
    service: str = ""
    created_at: AwareDatetime | None = None


class SharedKeys(Group[From]):
    """The names of devices that come by a pre-shared key."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[SharedKey]]:
        """List the names that have a key."""
        return page(PATH, SharedKey, asked)

    @single
    @staticmethod
    def get(endpoint_name: str) -> Call[SharedKey]:
        """Say that there is a key for a name; raise NotFound."""
        return one("GET", _path(endpoint_name), SharedKey)

    @single
    @staticmethod
    def create(
        endpoint_name: str, secret: bytes, *, service: Service = "bootstrap"
    ) -> Call[SharedKey]:
        """Let the device with this name come by a key of 16 to 32 bytes.

        Raises Conflict where it has one: keys are never replaced, only deleted.
        """
        body = {
            "endpoint_name": endpoint_name,
            "secret_hex": secret.hex(),
            "service": service,
        }
        return one("POST", PATH, SharedKey, body)

    @single
    @staticmethod
    def delete(endpoint_name: str) -> Call[None]:
        """Forget the key of a name, if there is one."""
        return nothing("DELETE", _path(endpoint_name))


def _path(endpoint_name: str) -> str:
    return f"{PATH}/{segment(endpoint_name)}"
