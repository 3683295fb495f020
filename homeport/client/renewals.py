"""Renewals of devices' certificates: ``client.renewals``."""

from typing import Literal

from pydantic import AwareDatetime

from homeport.client.calls import Call, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/certificate-enrollments"
LWM2M = "LWM2M"
"""The certificate that a device registers with."""


class Renewal(Record):
    """A device that was asked to renew a certificate, and what came of it."""

    id: str
    device_id: str
    certificate_name: str
    enroll_status: Literal["new", "completed"]
    enroll_result: Literal["success", "failure"] | None = None
    """None until it is completed."""
    enroll_result_detail: str | None = None
    """Why it has failed."""
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    etag: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the device says that it has another certificate."""
        return self.enroll_result == "success"


class Renewals(Group[From]):
    """The renewals that devices of an account were asked for."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[Renewal]]:
        """List them: by ``device_id``, ``certificate_name`` or ``enroll_result``."""
        return page(PATH, Renewal, asked)

    @single
    @staticmethod
    def get(renewal_id: str) -> Call[Renewal]:
        """Return one; raise NotFound."""
        return one("GET", f"{PATH}/{segment(renewal_id)}", Renewal)

    @single
    @staticmethod
    def ask(device_id: str, certificate_name: str = LWM2M) -> Call[Renewal]:
        """Ask a device to renew a certificate; raise Conflict while it does so.

        Raises CallRefused with the status 423 where the device is not registered.
        """
        device, name = segment(device_id), segment(certificate_name)
        path = f"/v3/devices/{device}/certificates/{name}/renew"
        return one("POST", path, Renewal)
