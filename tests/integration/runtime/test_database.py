"""A schema is brought up to date once, whoever starts first."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.runtime import database
from tests.support.line import line

pytestmark = pytest.mark.integration

STEP = '''"""Make a table."""
from alembic import op

revision = "{revision}"
down_revision = {before}


def upgrade() -> None:
    op.execute("CREATE TABLE harbor.{table} (id int)")
'''

_BACKEND = text("SELECT pg_backend_pid()")
_END = "SELECT pg_terminate_backend($1, 5000)"


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    return step(tmp_path, "0001", "None", "ships")


def step(folder: Path, revision: str, before: str, table: str) -> Path:
    content = STEP.format(revision=revision, before=before, table=table)
    (folder / f"v{revision}.py").write_text(content)
    return folder


async def tables(url: str, steps: Path) -> set[str]:
    async with (
        database.connections(url, schema="harbor", migrations=str(steps)) as engine,
        engine.connect() as connection,
    ):
        await database.check(engine)
        rows = await connection.execute(
            text(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = 'harbor'"
            )
        )
        return {row.table_name for row in rows}


async def entered(url: str, steps: Path, *, migrate: bool = False) -> None:
    async with database.connections(
        url, schema="harbor", migrations=str(steps), migrate=migrate
    ):
        pass


async def test_a_schema_is_made_with_its_tables(postgres_url: str, steps: Path) -> None:
    assert await tables(postgres_url, steps) == {"ships", "alembic_version"}


async def test_replicas_that_start_together_migrate_once(
    postgres_url: str, steps: Path
) -> None:
    found = await asyncio.gather(*(tables(postgres_url, steps) for _ in range(4)))
    assert found == [{"ships", "alembic_version"}] * 4


async def test_a_later_version_takes_the_steps_that_are_new(
    postgres_url: str, steps: Path
) -> None:
    await tables(postgres_url, steps)
    step(steps, "0002", '"0001"', "sailors")
    assert await tables(postgres_url, steps) == {"ships", "sailors", "alembic_version"}


async def test_a_server_that_is_away_is_said(postgres_url: str, steps: Path) -> None:
    async with line(postgres_url) as (way, url):
        way.cut()
        with pytest.raises(Unavailable, match="PostgreSQL"):
            await tables(url, steps)


async def test_a_server_that_goes_away_later_is_said(
    postgres_url: str, steps: Path
) -> None:
    async with (
        line(postgres_url) as (way, url),
        database.connections(url, schema="harbor", migrations=str(steps)) as engine,
    ):
        await database.check(engine)
        way.cut()
        with pytest.raises(Unavailable, match="PostgreSQL"):
            await database.check(engine)
        way.mend()
        await database.check(engine)


async def test_connections_that_the_server_has_ended_are_replaced(
    postgres_url: str, steps: Path
) -> None:
    async with database.connections(
        postgres_url, schema="harbor", migrations=str(steps)
    ) as engine:
        async with engine.connect() as one, engine.connect() as other:
            ended = [await each.scalar(_BACKEND) for each in (one, other)]
        async with database.direct(postgres_url) as pool:
            for backend in ended:
                assert await pool.fetchval(_END, backend)
        async with engine.connect() as one, engine.connect() as other:
            begun = [await each.scalar(_BACKEND) for each in (one, other)]
    assert not {*ended} & {*begun}


async def test_an_older_schema_waits_for_whoever_may_migrate(
    postgres_url: str, steps: Path
) -> None:
    await tables(postgres_url, steps)
    step(steps, "0002", '"0001"', "sailors")
    with pytest.raises(Unavailable, match=r"harbor is at 0001 and 0002 is needed: run"):
        await entered(postgres_url, steps)
    assert await tables(postgres_url, steps) == {"ships", "sailors", "alembic_version"}
    await entered(postgres_url, steps)


async def test_a_schema_that_is_not_there_waits_too(
    postgres_url: str, steps: Path
) -> None:
    with pytest.raises(Unavailable, match="harbor is at nothing"):
        await entered(postgres_url, steps)


@pytest.mark.parametrize("migrate", [True, False])
async def test_a_newer_schema_is_refused(
    postgres_url: str, steps: Path, *, migrate: bool
) -> None:
    newer = step(steps, "0002", '"0001"', "sailors")
    await tables(postgres_url, newer)
    (newer / "v0002.py").unlink()
    with pytest.raises(InvalidConfiguration, match="is of a newer Homeport: it is at"):
        await entered(postgres_url, steps, migrate=migrate)


async def test_a_url_that_cannot_be_one_is_refused_and_not_told(steps: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_POSTGRES_URL") as told:
        await entered("postgresql//5ecret", steps)
    assert "5ecret" not in str(told.value)


async def test_single_statements_go_straight_to_the_server(postgres_url: str) -> None:
    async with database.direct(postgres_url) as pool:
        assert await pool.fetchval("SELECT 7") == 7
    with pytest.raises(Unavailable, match="PostgreSQL"):
        async with database.direct("postgresql://homeport@127.0.0.1:1/homeport"):
            pass


async def test_json_is_read_as_the_engine_reads_it(postgres_url: str) -> None:
    async with database.direct(postgres_url) as pool:
        assert await pool.fetchval("SELECT '{\"a\": [1]}'::jsonb") == {"a": [1]}
        assert await pool.fetchval("SELECT $1::jsonb", {"b": None}) == {"b": None}
