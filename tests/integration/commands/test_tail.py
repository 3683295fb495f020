"""`homeport events tail` shows what is told on NATS, as it is told."""

import json

import pytest

from homeport.commands.tail import Wanted, follow
from homeport.errors import Unavailable
from homeport.events import publisher
from homeport.events.facts import FactName
from homeport.runtime import bus
from homeport.runtime.tasks import end, vital
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT
from tests.support.notifier import event
from tests.support.polling import until

pytestmark = pytest.mark.integration

ENVELOPES = [
    event(FactName.DEVICE_DEREGISTERED, 1, account=OTHER_ACCOUNT),
    event(FactName.DEVICE_DEREGISTERED, 1, device="attic"),
    event(FactName.REGISTRATION_EXPIRED, 2, device="kitchen"),
    event(FactName.DEVICE_DEREGISTERED, 3, device="kitchen"),
]
WANTED = Wanted(
    ACCOUNT,
    frozenset({FactName.DEVICE_DEREGISTERED}),
    frozenset({"kitchen"}),
)


async def test_what_is_wanted_is_shown_until_there_is_enough(
    nats_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with bus.connection(nats_url) as client:
        following = vital(follow(nats_url, WANTED, count=1, as_json=True))

        async def shown() -> bool:
            await publisher.publish(client, ENVELOPES)
            return following.done()

        await until(shown)
        await end(following)
    (line,) = capsys.readouterr().out.splitlines()
    fact = json.loads(line)
    assert (fact["fact"], fact["endpoint_name"]) == ("device.deregistered", "kitchen")


async def test_a_bus_that_is_away_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match="NATS is unavailable"):
        await follow("nats://127.0.0.1:1", WANTED, count=1, as_json=False)
