"""A thread with an event loop for what outlives a test's own loop."""

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """Runs coroutines for callers that have no loop, or another one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end; return or raise what it does."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

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
    thread = threading.Thread(target=loop.run_forever, name="background")
    thread.start()
    try:
        yield Background(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _awaited(awaitable: Awaitable[Result]) -> Result:
    return await awaitable
