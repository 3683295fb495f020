"""``homeport certificates``: whose devices may come."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.client import Client
from homeport.client.certificates import DeveloperCertificate, TrustedCertificate
from homeport.client.certificates import Service as ServiceName
from homeport.client.renewals import LWM2M, Renewal
from homeport.commands import output
from homeport.commands.access import with_client
from homeport.commands.output import AsJson
from homeport.commands.selection import (
    Chosen,
    Limit,
    Newest,
    Where,
    find_device,
    parse_where,
)
from homeport.errors import InvalidConfiguration
from homeport.runtime.platform.identity import write_private

DEVELOPER_MODE = 1

cli = typer.Typer(
    name="certificates",
    help="Trust the CAs of devices, make developer certificates, have others renewed.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="What it is called here.")]
Description = Annotated[str, typer.Option(help="What it is for.")]


def kind(certificate: TrustedCertificate) -> str:
    """Say what a certificate opens, and for whom."""
    if certificate.device_execution_mode == DEVELOPER_MODE:
        return f"{certificate.service}, developer"
    if certificate.enrollment_mode:
        return f"{certificate.service}, enrollment"
    return certificate.service


COLUMNS: output.Columns[TrustedCertificate] = {
    "id": lambda certificate: certificate.id,
    "name": lambda certificate: certificate.name,
    "for": kind,
    "status": lambda certificate: certificate.status,
    "good until": lambda certificate: certificate.validity,
    "subject": lambda certificate: certificate.subject,
}

RENEWALS: output.Columns[Renewal] = {
    "id": lambda renewal: renewal.id,
    "device": lambda renewal: renewal.device_id,
    "certificate": lambda renewal: renewal.certificate_name,
    "result": lambda renewal: renewal.enroll_result or renewal.enroll_status,
    "why": lambda renewal: renewal.enroll_result_detail or "",
    "updated": lambda renewal: renewal.updated_at,
}


@cli.command(name="list")
@with_client
def show_all(
    client: Client, *, where: Where = None, limit: Limit = 50, as_json: AsJson = False
) -> None:
    """List the CAs that are trusted, developer certificates among them."""
    asked = parse_where(where or ())
    listing = client.trusted_certificates.list(**asked, limit=output.page_limit(limit))
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


@cli.command()
@with_client
def upload(
    client: Client,
    name: Name,
    certificate: Annotated[
        Path, typer.Argument(metavar="PEM", help="The CA, or its chain from the root.")
    ],
    *,
    service: Annotated[
        ServiceName, typer.Option(help="The server that its devices come to.")
    ] = "bootstrap",
    enrollment: Annotated[
        bool,
        typer.Option("--enrollment", help="Ownership claims decide whose devices are."),
    ] = False,
    description: Description = "",
) -> None:
    """Trust a CA: devices whose certificates it has signed may come."""
    made = client.trusted_certificates.create(
        name,
        _read(certificate),
        service=service,
        enrollment_mode=enrollment,
        description=description,
    )
    typer.echo(f"{made.name} is trusted as {made.id}")


@cli.command()
@with_client
def developer(
    client: Client,
    name: Name,
    *,
    description: Description = "",
    source: Annotated[
        bool,
        typer.Option("--source", help="As C source, for the client's developer flow."),
    ] = False,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", help="Write it here instead of printing it."),
    ] = None,
) -> None:
    """Make a certificate that many devices may bootstrap with; print it and its key.

    As PEM it is what `homeport simulate --certificate` takes.
    """
    made = client.developer_certificates.create(name, description=description)
    content = made.security_file_content if source else _pem(made)
    if output_file is None:
        typer.echo(content, nl=False)
        return
    try:
        write_private(output_file, content.encode())
    except OSError as error:
        raise InvalidConfiguration(
            str(output_file), f"cannot be written: {error.strerror}"
        ) from error
    typer.echo(f"{made.name} is {made.id}, in {output_file}")


@cli.command()
@with_client
def delete(
    client: Client,
    certificate_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
) -> None:
    """Trust a certificate no more; connections that rest on it end."""
    client.trusted_certificates.delete(certificate_id)
    typer.echo(f"{certificate_id} is deleted")


@cli.command()
@with_client
def renew(
    client: Client,
    device: Chosen,
    name: Annotated[
        str, typer.Argument(help="The certificate, if not what it registers with.")
    ] = LWM2M,
) -> None:
    """Ask a device to renew a certificate; `renewals` shows what comes of it."""
    made = client.renewals.ask(find_device(client, device), name)
    typer.echo(f"{made.device_id} is asked to renew {made.certificate_name}: {made.id}")


@cli.command()
@with_client
def renewals(
    client: Client,
    *,
    where: Where = None,
    newest: Newest = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the renewals that devices were asked for, and what came of them."""
    asked = parse_where(where or ())
    if newest:
        asked["order"] = "DESC"
    listing = client.renewals.list(**asked, limit=output.page_limit(limit))
    output.show(listing, RENEWALS, limit=limit, as_json=as_json)


def _pem(made: DeveloperCertificate) -> str:
    return made.developer_certificate + made.developer_private_key


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(str(path), f"cannot be read: {error}") from error
