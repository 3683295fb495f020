"""Ownership claims: ``client.enrollments``."""

from typing import Literal

from pydantic import AwareDatetime

from homeport.client.calls import Answer, Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/device-enrollments"
DENIALS = "/v3/device-enrollment-denials"
FILE = "enrollment_identities"

Bulk = Literal["uploads", "deletes"]
Report = Literal["full", "errors"]


class Enrollment(Record):
    """A claim; the device is there once the claim has been used."""

    id: str
    account_id: str = ""
    enrollment_identity: str
    created_at: AwareDatetime | None = None
    claimed_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    enrolled_device_id: str | None = None
    etag: str = ""


class EnrollmentTask(Record):
    """How far a list of identities has been worked off."""

    id: str
    status: str
    """new, processing or completed."""
    total_count: int = 0
    processed_count: int = 0
    errors_count: int = 0
    created_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None

    @property
    def completed(self) -> bool:
        """Whether it is done, and the reports are there."""
        return self.status == "completed"


class Denial(Record):
    """A device that was refused because its CA is inactive."""

    id: str
    endpoint_name: str = ""
    trusted_certificate_id: str = ""
    created_at: AwareDatetime | None = None


class Enrollments(Group[From]):
    """The devices that an account says are its own."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[Enrollment]]:
        """List the claims of the account."""
        return page(PATH, Enrollment, asked)

    @single
    @staticmethod
    def get(enrollment_id: str) -> Call[Enrollment]:
        """Return a claim; raise NotFound."""
        return one("GET", _path(enrollment_id), Enrollment)

    @single
    @staticmethod
    def create(enrollment_identity: str) -> Call[Enrollment]:
        """Claim a device; raise Conflict where somebody has claimed it."""
        return one(
            "POST", PATH, Enrollment, {"enrollment_identity": enrollment_identity}
        )

    @single
    @staticmethod
    def delete(enrollment_id: str) -> Call[None]:
        """Let go of a device."""
        return nothing("DELETE", _path(enrollment_id))

    @single
    @staticmethod
    def upload(csv: bytes) -> Call[EnrollmentTask]:
        """Claim many devices: a line that does not count, then an identity a line."""
        return _begin("uploads", csv)

    @single
    @staticmethod
    def delete_many(csv: bytes) -> Call[EnrollmentTask]:
        """Let go of many devices, listed as for `upload`."""
        return _begin("deletes", csv)

    @single
    @staticmethod
    def task(task_id: str, *, bulk: Bulk = "uploads") -> Call[EnrollmentTask]:
        """Say how far a list has been worked off."""
        return one("GET", f"{_bulk(bulk)}/{segment(task_id)}", EnrollmentTask)

    @single
    @staticmethod
    def report(
        task_id: str, *, bulk: Bulk = "uploads", report: Report = "full"
    ) -> Call[str]:
        """Return the report of a completed task, as CSV."""
        path = f"{_bulk(bulk)}/{segment(task_id)}/{report}-report.csv"
        return Call("GET", path, _text)

    @listed
    @staticmethod
    def denials(trusted_certificate_id: str, **asked: Asked) -> Call[Page[Denial]]:
        """List devices that were refused because this CA is inactive."""
        about: dict[str, Asked] = {"trusted_certificate_id": trusted_certificate_id}
        return page(DENIALS, Denial, {**about, **asked})


def _path(enrollment_id: str) -> str:
    return f"{PATH}/{segment(enrollment_id)}"


def _bulk(bulk: Bulk) -> str:
    return f"{PATH}-bulk-{bulk}"


def _begin(bulk: Bulk, csv: bytes) -> Call[EnrollmentTask]:
    return Call(
        "POST",
        _bulk(bulk),
        lambda answer: EnrollmentTask.model_validate_json(answer.body),
        file=(FILE, csv),
    )


def _text(answer: Answer) -> str:
    return answer.body.decode()
