"""A thread with an event loop for what outlives a test's own loop."""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

SECONDS = 120
"""For whatever is run: what hangs fails its caller, and keeps nobody from the end."""

Result = TypeVar("Result")


class Background:
    """Runs coroutines for callers that have no loop, or another one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end; return or raise what it does."""
        running = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return running.result(SECONDS)
        finally:
            running.cancel()

    @contextmanager
    def entered(self, context: AbstractAsyncContextManager[Result]) -> Iterator[Result]:
        """Enter and leave an asynchronous context over there."""
        result = self.run(_awaited(context.__aenter__()))
        try:
            yield result
        finally:
            self.run(_awaited(context.__aexit__(None, None, None)))


@contextmanager
def background() -> Iterator[Background]:
    """Keep a loop running in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="background", daemon=True)
    thread.start()
    try:
        yield Background(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


async def _awaited(awaitable: Awaitable[Result]) -> Result:
    return await awaitable
