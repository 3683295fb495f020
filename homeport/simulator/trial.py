"""``homeport try``: one device comes home, and the directory says that it has.

It goes the way of any device: by the addresses that the platform hands out, with a
developer certificate. What was made for it is deleted in the end, come what may.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvloop

from homeport.ca import Api
from homeport.errors import Unavailable
from homeport.simulator import developer
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Habit, Target
from homeport.simulator.report import Report

LIFETIME_SECONDS = 60
LOOK_SECONDS = 0.1
REGISTERED = "registered"

_CERTIFICATES = "/v3/trusted-certificates"
_DEVICES = "/v3/devices"


def attempt(api: Api, *, seconds: float) -> Iterator[str]:
    """Yield a sentence for each step that was taken.

    Raises Unavailable saying what has not come about within so many seconds, and what
    the API has to complain about.
    """
    end = time.monotonic() + seconds
    name = f"homeport-try-{secrets.token_hex(4)}"
    with _developer(api, name) as certificate:
        servers = api.call("GET", "/v3/server-credentials")
        first, second = servers["bootstrap"]["url"], servers["lwm2m"]["url"]
        yield f"a device asks for its home at {first}"
        options = FleetOptions(
            1,
            Target(bootstrap=first),
            prefix=name,
            lifetime=LIFETIME_SECONDS,
            duration=seconds,
            mix={Habit.UPDATE: 1},
            factory=SharedCertificate(certificate),
            anchor=developer.fetch_anchor(api),
        )
        name, report = _run(options)
        try:
            _require_home(report, first, seconds=seconds)
            yield f"it is called {name} now and has registered at {second}"
            _await_state(api, name, until=end)
            yield "the directory knows it as registered"
        finally:
            for each in _devices(api, name):
                api.call("DELETE", f"{_DEVICES}/{each['id']}")


def _run(options: FleetOptions) -> tuple[str, Report]:
    """Let a device live until it is home; return what it calls itself then."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_come_home(options))


async def _come_home(options: FleetOptions) -> tuple[str, Report]:
    with Fleet(options) as fleet:
        living = asyncio.create_task(fleet.run())
        while not living.done() and not fleet.report.all_home:
            await asyncio.wait([living], timeout=LOOK_SECONDS)
        fleet.stop()
        await living
        (name,) = fleet.endpoint_names
        return name, fleet.report


def _require_home(report: Report, url: str, *, seconds: float) -> None:
    if report.all_home:
        return
    counted = [
        f"{operation} {outcome} ({count})"
        for operation, outcomes in report.outcomes.items()
        for outcome, count in outcomes.items()
    ]
    met = ", ".join(counted) or "nothing was answered"
    raise Unavailable(url, f"after {seconds:g} s the device is not registered: {met}")


def _await_state(api: Api, name: str, *, until: float) -> None:
    while REGISTERED not in (states := [each["state"] for each in _devices(api, name)]):
        if time.monotonic() > until:
            found = ", ".join(states) or "not there"
            raise Unavailable("the directory", f"the device {name} is {found}")
        time.sleep(LOOK_SECONDS)


def _devices(api: Api, name: str) -> list[Mapping[str, Any]]:
    """List what the directory has of the device, if it has anything."""
    found: list[Mapping[str, Any]] = api.call(
        "GET", f"{_DEVICES}?endpoint_name__eq={name}"
    )["data"]
    return found


@contextmanager
def _developer(api: Api, name: str) -> Iterator[Any]:
    """Entered: there is a certificate that devices may come with. Left: none any more.

    Yields it with its key.
    """
    certificate = developer.make(api, name)
    try:
        yield certificate
    finally:
        for each in api.call("GET", f"{_CERTIFICATES}?name__eq={name}")["data"]:
            api.call("DELETE", f"{_CERTIFICATES}/{each['id']}")
