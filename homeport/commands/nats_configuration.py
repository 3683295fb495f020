"""``homeport nats-configuration``: what a NATS server has to be told of Homeport."""

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from homeport.errors import InvalidConfiguration, InvalidFormat
from homeport.events import applications, bounds
from homeport.pki import nkeys
from homeport.runtime.platform.identity import write_private

URL, SEED = "HOMEPORT_NATS_URL", "HOMEPORT_NATS_ISSUER_SEED"


def build(url: str, seed: str) -> str:
    """Build what stands in a server's configuration; raise InvalidConfiguration.

    The services come with the user and password of ``url``; ``seed`` is that of whoever
    says what applications may do.
    """
    try:
        parts = urlsplit(url.partition(",")[0])
        issuer = nkeys.parse_seed(seed).public
    except InvalidFormat as error:
        raise InvalidConfiguration(SEED, f"is wrong: {error}") from error
    except ValueError:
        raise InvalidConfiguration(URL, "is wrong: is no URL") from None
    if not parts.username or not parts.password:
        raise InvalidConfiguration(URL, "has no user and password for the services")
    told = applications.configuration(
        issuer, user=unquote(parts.username), password=unquote(parts.password)
    )
    return f"max_payload: {2 * bounds.LARGEST_MESSAGE}\n{told}"


def nats_configuration(
    *,
    nats_url: Annotated[
        str,
        typer.Option(
            envvar=URL,
            metavar="URL",
            help="Has the user and the password that services come with.",
        ),
    ],
    issuer_seed: Annotated[
        str,
        typer.Option(
            envvar=SEED,
            metavar="SEED",
            help="What the notifier has: an account's, or 64 hex characters.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Write it there, to be read by nobody else."),
    ] = None,
) -> None:
    """Print what a NATS server has to be told, so that applications may read too."""
    told = build(nats_url, issuer_seed)
    if output is None:
        typer.echo(told, nl=False)
    else:
        write_private(output, told.encode())
