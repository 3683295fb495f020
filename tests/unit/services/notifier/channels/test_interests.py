"""What a key wants is read once, and again when it has changed."""

from services.notifier.channels.interests import Interests
from services.notifier.subscriptions.subscriptions import Interest


class World:
    """Counts how often it is asked, and says something else each time."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self, key_id: str) -> Interest:
        self.asked += 1
        return Interest(frozenset({(key_id, str(self.asked))}))


async def test_it_is_read_once() -> None:
    world = World()
    interests = Interests(world.read)
    first = await interests.of("one")
    assert await interests.of("one") is first
    await interests.of("two")
    assert world.asked == 2


async def test_what_has_changed_is_read_again() -> None:
    world = World()
    interests = Interests(world.read)
    first, other = await interests.of("one"), await interests.of("two")
    interests.forget("one")
    assert await interests.of("one") != first
    assert await interests.of("two") is other
    interests.forget_all()
    assert await interests.of("two") != other


async def test_what_changes_while_it_is_read_is_not_remembered() -> None:
    world = World()

    async def read(key_id: str) -> Interest:
        interests.forget(key_id)
        return await world.read(key_id)

    interests = Interests(read)
    await interests.of("one")
    await interests.of("one")
    assert world.asked == 2
