"""What the embedded NATS keeps, and takes over from an older one."""

from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.pki import nkeys
from homeport.runtime.embedded import nats


def test_the_issuer_s_seed_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / nats.SEED
    seed = nats._seed(path)
    assert nkeys.parse_seed(seed)
    assert nats._seed(path) == seed
    assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_seed_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / nats.SEED
    path.write_text("SA")
    with pytest.raises(InvalidConfiguration):
        nats._seed(path)


def test_streams_of_an_older_homeport_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "$G" / "streams").mkdir(parents=True)
    nats._move(tmp_path)
    assert (tmp_path / "HOMEPORT" / "streams").is_dir()
    (tmp_path / "$G").mkdir()
    nats._move(tmp_path)
    assert (tmp_path / "$G").is_dir()
