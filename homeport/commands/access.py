"""Which API a command uses: that of its options, of the environment, or of a platform.

A platform is one that `homeport up` runs: its ready file tells where and by which key.
"""

import asyncio
import functools
import inspect
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from homeport.ca import ReadyFile, Url, find_api
from homeport.client import AsyncClient, Client
from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import folder, ready

Key = Annotated[
    str | None,
    typer.Option("--key", envvar="HOMEPORT_API_KEY", help="A key of the account."),
]
Ca = Annotated[
    Path | None,
    typer.Option(
        envvar="HOMEPORT_CA",
        metavar="PEM",
        help="The CA that the API is known by.",
        show_default="those of the system",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Use the `homeport up` that has this folder."),
]
NatsUrl = Annotated[
    str | None,
    typer.Option(
        envvar="HOMEPORT_NATS_URL",
        metavar="URL",
        help="Where facts are told.",
        show_default="that of the platform",
    ),
]


def open_client(
    *,
    api: Url = None,
    key: Key = None,
    ca: Ca = None,
    data: Data = None,
    ready_file: ReadyFile = None,
) -> Client:
    """Return a client of the API that is meant; raise InvalidConfiguration."""
    found = find_api(api, key, _ready_file(data, ready_file))
    return Client(found.url, found.key, ca=ca)


def open_operators_client(
    *,
    api: Url = None,
    key: Key = None,
    ca: Ca = None,
    data: Data = None,
    ready_file: ReadyFile = None,
) -> Client:
    """Return one that calls on behalf of the platform's operator, as `open_client`."""
    found = find_api(api, key, _ready_file(data, ready_file), of_operator=True)
    return Client(found.url, found.key, ca=ca)


def open_async_client(
    *,
    api: Url = None,
    key: Key = None,
    ca: Ca = None,
    data: Data = None,
    ready_file: ReadyFile = None,
) -> AsyncClient:
    """Return one whose calls are awaited; raise InvalidConfiguration."""
    found = find_api(api, key, _ready_file(data, ready_file))
    return AsyncClient(found.url, found.key, ca=ca)


def find_nats(url: str | None, data: Path | None, ready_file: Path | None) -> str:
    """Return the NATS server that is meant; raise InvalidConfiguration."""
    if url:
        return url
    path = _ready_file(data, ready_file) or folder.default() / ready.FILE
    found = ready.read(path)
    if found is None:
        raise InvalidConfiguration(
            str(path), "tells of no platform that serves; give --nats-url"
        )
    return found.nats


_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_OPTIONS = tuple(inspect.signature(open_client).parameters.values())


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its client, which comes first, and the options that say which."""
    return _with(command, open_client)


def with_operators_client(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the client of the platform's operator, as `with_client` does."""
    return _with(command, open_operators_client)


def _with(
    command: Callable[..., None], opening: Callable[..., Client]
) -> Callable[..., None]:
    @functools.wraps(command)
    def run(**given: Any) -> None:
        options = {each.name: given.pop(each.name) for each in _OPTIONS}
        with opening(**options) as client:
            command(client, **given)

    _, *own = inspect.signature(command).parameters.values()
    return _signed(run, (*own, *_OPTIONS))


def with_async_client(
    command: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Give a command that is awaited its `AsyncClient`, as `with_client` does.

    However it is told to end, it is cancelled, and so cleans up.
    """

    @functools.wraps(command)
    def run(**given: Any) -> None:
        options = {each.name: given.pop(each.name) for each in _OPTIONS}

        async def called() -> None:
            async with open_async_client(**options) as client:
                await command(client, **given)

        with _interrupted_by(*_SIGNALS):
            asyncio.run(called())

    _, *own = inspect.signature(command).parameters.values()
    return _signed(run, (*own, *_OPTIONS))


@contextmanager
def _interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Have signals do what Ctrl-C does, unless somebody has said otherwise."""
    main = threading.current_thread() is threading.main_thread()
    usual = [each for each in numbers if signal.getsignal(each) is signal.SIG_DFL]
    for each in usual if main else ():
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each in usual if main else ():
            signal.signal(each, signal.SIG_DFL)


def _signed(run: Any, parameters: tuple[inspect.Parameter, ...]) -> Callable[..., None]:
    """Have Typer see these parameters; it looks in two places."""
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    made: Callable[..., None] = run
    return made


def _ready_file(data: Path | None, ready_file: Path | None) -> Path | None:
    """Return the file that is meant, None for that of the default folder."""
    return ready_file or (data / ready.FILE if data else None)
