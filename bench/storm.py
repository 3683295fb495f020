"""A storm: thousands of devices bootstrap and register at once, over DTLS.

Each needs two handshakes, one with either server. A third would be that of a device
that had to begin again because of us.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import orjson

from bench.processes import platform

DEVICES = 4_000
SECONDS = 60
HANDSHAKES = 2


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        ready, journal = Path(folder) / "ready.json", Path(folder) / "journal"
        async with platform() as told:
            ready.write_bytes(orjson.dumps({**told, **_secured(told)}))
            started = time.monotonic()
            fleet = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "homeport", "simulate"),
                *("--ready-file", str(ready), "--journal", str(journal)),
                *("--devices", str(DEVICES), "--rate", "100000", "--mix", "update=1"),
                *("--lifetime", "3600", "--turn", "3000", "--seconds", str(SECONDS)),
                stdout=asyncio.subprocess.DEVNULL,
            )
            await fleet.wait()
            spent = time.monotonic() - started
        outcomes = _outcomes(journal)
    print(f"{DEVICES:,} devices at once, within {spent:.0f} s:")
    for (operation, code), count in sorted(outcomes.items()):
        print(f"  {count:>6,} x {operation} {code}")
    return (
        outcomes["handshake", "full"] == HANDSHAKES * DEVICES
        and outcomes["register", "2.01"] == DEVICES
        and sum(outcomes.values()) == (HANDSHAKES + 2) * DEVICES
    )


def _secured(told: Mapping[str, object]) -> dict[str, object]:
    """Return what a ready file says of the secured ports alone."""
    return {
        name: {scheme: url for scheme, url in urls.items() if "coaps" in scheme}
        for name in ("bootstrap", "lwm2m")
        if isinstance(urls := told[name], dict)
    }


def _outcomes(journal: Path) -> Counter[tuple[str, str]]:
    lines = map(orjson.loads, journal.read_bytes().splitlines())
    return Counter((line["operation"], line["code"]) for line in lines)
