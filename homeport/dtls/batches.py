"""Questions to a store, asked in batches.

While one call is under way, what comes collects for the next: the busier the port, the
fuller its batches, and nothing ever waits for a timer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from homeport.coap import defects
from homeport.errors import Unavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")

Ask = Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]
Told = Callable[[Answer | Unavailable], None]


class Batches(Generic[Question, Answer]):
    """Asks one thing of a store: ``largest`` at once, ``most`` may wait.

    ``then`` is done whenever some of those who asked have heard their answers.
    """

    def __init__(
        self,
        ask: Ask[Question, Answer],
        *,
        then: Callable[[], None] | None = None,
        largest: int = 256,
        most: int = 4096,
    ) -> None:
        self._ask = ask
        self._then = then
        self._largest = largest
        self._most = most
        self._waiting: deque[tuple[Question, Told[Answer]]] = deque()
        self._idle: asyncio.Future[None] | None = None

    def put(self, question: Question, told: Told[Answer]) -> bool:
        """Ask; ``told`` hears the answer, or that there is none to be had.

        False where too many wait already; then it hears nothing.
        """
        if len(self._waiting) >= self._most:
            return False
        self._waiting.append((question, told))
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        return True

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                await self._turn()
            self._idle = loop.create_future()
            await self._idle

    async def _turn(self) -> None:
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(min(self._largest, len(waiting)))]
        answers = await self._answers([question for question, _ in batch])
        for (_, told), answer in zip(batch, answers, strict=True):
            try:
                told(answer)
            except Exception as error:  # noqa: BLE001 # it costs this one alone
                defects.record(error, where="dtls")
        if self._then is not None:
            try:
                self._then()
            except Exception as error:  # noqa: BLE001 # it costs nobody the next batch
                defects.record(error, where="dtls")

    async def _answers(
        self, questions: Sequence[Question]
    ) -> Sequence[Answer | Unavailable]:
        """Ask together; a question that makes the others fail is asked alone."""
        try:
            return await self._ask(questions)
        except Unavailable as error:
            return [error] * len(questions)
        except Exception as error:  # noqa: BLE001 # it costs one question alone
            if len(questions) == 1:
                defects.record(error, where="dtls")
                return [Unavailable("the answer", str(error))]
        alone = [await self._answers([question]) for question in questions]
        return [answer for answers in alone for answer in answers]
