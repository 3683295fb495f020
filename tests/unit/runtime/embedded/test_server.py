"""Where a server belongs."""

import os
import stat
from pathlib import Path

from homeport.runtime.embedded.places import Place
from homeport.runtime.embedded.server import LOG_FILE_BYTES, Site


def write(site: Site, text: bytes) -> None:
    log = site.open_log()
    os.write(log, text)
    os.close(log)


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    site = Site("nats", tmp_path, Place(20_000, "secret"))
    write(site, b"one\n")
    write(site, b"two\n")
    assert site.log == tmp_path / "logs" / "nats.log"
    assert site.log.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(site.log.stat().st_mode) == 0o600


def test_a_log_that_has_grown_is_begun_anew(tmp_path: Path) -> None:
    site = Site("nats", tmp_path, Place(20_000, "secret"))
    write(site, b"old")
    os.truncate(site.log, LOG_FILE_BYTES + 1)
    write(site, b"new\n")
    assert site.log.read_bytes() == b"new\n"
    assert site.log.with_suffix(".log.1").read_bytes().startswith(b"old")
