"""``homeport ca``: the platform's certificates, shown and replaced through its API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from homeport.errors import HomeportError, InvalidConfiguration, Unavailable
from homeport.runtime.platform import folder, ready

ANSWER_SECONDS = 20.0
PATH = "/v3/certificate-authorities"
FORMER = "/v3/former-certificate-authorities"
_FINGERPRINT = re.compile("[0-9a-fA-F]{64}")

cli = typer.Typer(
    name="ca",
    help="Show the platform's certificates, or bring your own.",
    no_args_is_help=True,
)


class Name(StrEnum):
    """The certificates that a platform has of its own."""

    ROOT = "root"
    ISSUER = "issuer"
    BOOTSTRAP = "bootstrap"
    LWM2M = "lwm2m"


class CallRefused(HomeportError):
    """The API does not do what it was asked for."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(f"the API answered {status}: {reason}")


@dataclass(frozen=True, slots=True)
class Api:
    """Where a platform's API is, and the key that opens it."""

    url: str
    key: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Make a call that answers JSON if anything; raise CallRefused, Unavailable."""
        try:
            answer = httpx.request(
                method,
                self.url.rstrip("/") + path,
                json=body,
                headers={"authorization": f"Bearer {self.key}"},
                timeout=ANSWER_SECONDS,
                trust_env=False,
            )
            content: Any = answer.json() if answer.content else None
        except httpx.InvalidURL as error:
            raise InvalidConfiguration("--api", f"is no URL: {error}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("API", str(error)) from error
        if answer.is_error:
            reason = content["message"] if content else answer.reason_phrase
            raise CallRefused(answer.status_code, reason)
        return content


def find_api(
    url: str | None,
    key: str | None,
    ready_file: Path | None,
    *,
    of_operator: bool = False,
) -> Api:
    """Take the given API, or that of a running platform.

    Its key is that of the default account, or ``of_operator`` of the platform. Raises
    InvalidConfiguration when there is none, or half of it is missing: a platform's key
    is shown to nobody else.
    """
    if url is not None and key is not None:
        return Api(url, key)
    path = ready_file or folder.default() / ready.FILE
    found = ready.read(path)
    if found is None:
        raise InvalidConfiguration(
            str(path), "tells of no platform that serves; give --api and --key"
        )
    if key is None and url not in (None, found.api, found.api_https):
        raise InvalidConfiguration("--key", "of that --api is needed, too")
    kept = found.platform_api_key if of_operator else found.api_key
    return Api(url or found.api, key or kept)


Url = Annotated[
    str | None,
    typer.Option("--api", envvar="HOMEPORT_URL", metavar="URL", help="Use this API."),
]
Key = Annotated[
    str | None,
    typer.Option("--key", envvar="HOMEPORT_API_KEY", help="An administrator's key."),
]
ReadyFile = Annotated[
    Path | None,
    typer.Option(
        help="Use the platform that wrote this file.",
        show_default="that of `homeport up`",
    ),
]
Pem = Annotated[Path | None, typer.Option(metavar="PEM", help="As --certificate.")]


@cli.command()
def show(*, api: Url = None, key: Key = None, ready_file: ReadyFile = None) -> None:
    """Print every certificate with its fingerprint, and until when it is good."""
    found = find_api(api, key, ready_file)
    for each in found.call("GET", PATH)["data"]:
        typer.echo(f"{each['name']}: {each['subject']}")
        typer.echo(f"  SHA-256     {each['certificate_fingerprint']}")
        typer.echo(f"  good until  {each['validity']}")
        typer.echo(f"  made by     {'its operator' if each['brought'] else 'Homeport'}")
        typer.echo(each["certificate"])
    for each in found.call("GET", FORMER)["data"]:
        typer.echo(f"former {each['name']}: {each['subject']}")
        typer.echo(f"  SHA-256     {each['certificate_fingerprint']}")
        typer.echo(f"  replaced    {each['replaced_at']}")
        typer.echo(f"  withdrawn   {each['withdrawn_at'] or 'no, it is still good'}")


@cli.command()
def export(
    name: Annotated[Name, typer.Argument(help="Which one.")] = Name.ROOT,
    *,
    output: Annotated[
        Path | None, typer.Option(help="Write it here instead of printing it.")
    ] = None,
    api: Url = None,
    key: Key = None,
    ready_file: ReadyFile = None,
) -> None:
    """Print one certificate as PEM: what devices or other servers have to trust."""
    found = find_api(api, key, ready_file).call("GET", f"{PATH}/{name}")
    if output is None:
        typer.echo(found["certificate"], nl=False)
        return
    try:
        output.write_text(found["certificate"])
    except OSError as error:
        raise InvalidConfiguration(
            str(output), f"cannot be written: {error.strerror}"
        ) from error


@cli.command(name="import")
def bring(
    name: Annotated[Name, typer.Argument(help="What to replace.")],
    *,
    certificate: Annotated[Path, typer.Option(metavar="PEM", help="The certificate.")],
    private_key: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="Its private key, unencrypted."),
    ] = None,
    bootstrap_certificate: Pem = None,
    bootstrap_private_key: Pem = None,
    lwm2m_certificate: Pem = None,
    lwm2m_private_key: Pem = None,
    api: Url = None,
    key: Key = None,
    ready_file: ReadyFile = None,
) -> None:
    """Replace a certificate by one's own; a former root or issuer stays good.

    A root that comes without its private key needs both server certificates with it.
    """
    body: dict[str, object] = _pair("", certificate, private_key)
    servers = {
        "bootstrap": (bootstrap_certificate, bootstrap_private_key),
        "lwm2m": (lwm2m_certificate, lwm2m_private_key),
    }
    for service, (chain, its_key) in servers.items():
        if chain or its_key:
            body[service] = _pair(f"{service}-", chain, its_key)
    made = find_api(api, key, ready_file).call("PUT", f"{PATH}/{name}", body)
    typer.echo(f"{made['name']} is {made['certificate_fingerprint']} now")


@cli.command()
def renew(
    name: Annotated[Name, typer.Argument(help="What to replace.")],
    *,
    api: Url = None,
    key: Key = None,
    ready_file: ReadyFile = None,
) -> None:
    """Replace a certificate by another one that Homeport makes, with a key of its own.

    A former root or issuer stays good until it is withdrawn.
    """
    made = find_api(api, key, ready_file).call("POST", f"{PATH}/{name}/renew")
    typer.echo(f"{made['name']} is {made['certificate_fingerprint']} now")


@cli.command()
def withdraw(
    fingerprint: Annotated[
        str, typer.Argument(help="Its SHA-256, as `homeport ca show` prints it.")
    ],
    *,
    api: Url = None,
    key: Key = None,
    ready_file: ReadyFile = None,
) -> None:
    """Let a former root or issuer be good no more, at once."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise InvalidConfiguration("FINGERPRINT", "is not 64 hex characters")
    find_api(api, key, ready_file).call("DELETE", f"{FORMER}/{fingerprint}")
    typer.echo(f"{fingerprint} is withdrawn")


def _pair(prefix: str, certificate: Path | None, key: Path | None) -> dict[str, object]:
    given: Mapping[str, Path | None] = {"certificate": certificate, "private_key": key}
    for member, path in given.items():
        option = f"--{prefix}{member.replace('_', '-')}"
        if prefix and path is None:
            raise InvalidConfiguration(option, "is needed too")
    return {member: _read(path) for member, path in given.items() if path is not None}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(str(path), f"cannot be read: {error}") from error
