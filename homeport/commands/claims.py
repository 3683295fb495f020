"""``homeport devices claim``: say that devices are one's own."""

import time
from pathlib import Path
from typing import Annotated

import typer

from homeport.client import Client
from homeport.client.enrollments import Enrollment, EnrollmentTask
from homeport.commands import output
from homeport.commands.access import with_client
from homeport.commands.output import AsJson
from homeport.commands.selection import Limit
from homeport.errors import InvalidConfiguration, InvalidFormat
from homeport.pki import certificates, enrollment, pem

POLL_SECONDS = 0.2
FAILURE = 1

COLUMNS: output.Columns[Enrollment] = {
    "id": lambda claim: claim.id,
    "device": lambda claim: claim.enrolled_device_id,
    "claimed": lambda claim: claim.claimed_at,
    "expires": lambda claim: claim.expires_at,
    "identity": lambda claim: claim.enrollment_identity,
}


@with_client
def claim(
    client: Client,
    identity: Annotated[
        str | None,
        typer.Argument(help="A- and the SHA-256 of its certificate, by colons."),
    ] = None,
    *,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="The device that shows this certificate."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="All of a list: a heading, an identity a line."
        ),
    ] = None,
) -> None:
    """Claim a device that was made without an account; the first claim counts."""
    if sum(each is not None for each in (identity, certificate, csv)) != 1:
        raise InvalidConfiguration(
            "homeport devices claim", "needs an identity, --certificate or --csv"
        )
    if csv is not None:
        _report(client, _finished(client, client.enrollments.upload(_read(csv))))
    else:
        wanted = identity if certificate is None else identity_of(_read(certificate))
        made = client.enrollments.create(wanted or "")
        typer.echo(f"{made.enrollment_identity} is claimed by {made.id}")


@with_client
def show_claims(client: Client, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what is claimed, and which devices have come of it."""
    listing = client.enrollments.list(limit=output.page_limit(limit))
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


def identity_of(text: bytes) -> str:
    """Return the enrollment identity of a certificate; raise InvalidInput."""
    documents = pem.parse_certificates(text.decode("ascii", "replace"))
    if not documents:
        raise InvalidFormat("PEM", "has no certificate")
    return enrollment.identity(certificates.parse(documents[0]).fingerprint)


def _finished(client: Client, task: EnrollmentTask) -> EnrollmentTask:
    """Wait until a list is worked off."""
    while not task.completed:
        time.sleep(POLL_SECONDS)
        task = client.enrollments.task(task.id)
    return task


def _report(client: Client, task: EnrollmentTask) -> None:
    done = task.total_count - task.errors_count
    typer.echo(f"{done} of {task.total_count} are claimed")
    if task.errors_count:
        output.note(client.enrollments.report(task.id, report="errors").rstrip())
        raise typer.Exit(FAILURE)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidConfiguration(
            str(path), f"cannot be read: {error.strerror}"
        ) from error
