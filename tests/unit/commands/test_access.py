"""Which API a command uses, and what its options are."""

import asyncio
import inspect
import signal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from homeport.client import AsyncClient, Client
from homeport.commands.access import (
    find_nats,
    open_client,
    with_async_client,
    with_client,
    with_operators_client,
)
from homeport.errors import HomeportError, InvalidConfiguration
from homeport.runtime.platform import ready
from homeport.runtime.platform.ready import Ready

SERVING = Ready(
    account_id="a" * 32,
    api_key="ak_1serving",
    api="http://127.0.0.1:1",
    bootstrap={},
    lwm2m={},
    nats="nats://127.0.0.1:1",
    redis="",
    postgres="",
    processes={},
    platform_api_key="ak_1operating",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a platform that serves."""
    ready.write(tmp_path / ready.FILE, SERVING)
    return tmp_path


def test_a_folder_leads_to_its_platform(data: Path) -> None:
    with open_client(data=data) as client:
        assert isinstance(client, Client)
    assert find_nats(None, data, None) == SERVING.nats


def test_a_ready_file_leads_there_too(data: Path) -> None:
    open_client(ready_file=data / ready.FILE).close()
    assert find_nats(None, Path("/nowhere"), data / ready.FILE) == SERVING.nats


def test_what_is_given_comes_first(data: Path) -> None:
    assert find_nats("nats://home.example", data, None) == "nats://home.example"
    with pytest.raises(InvalidConfiguration, match="the API's URL"):
        open_client(api="ftp://home.example", key="ak_1", data=data)


def test_without_a_platform_they_have_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="give --api and --key"):
        open_client(data=tmp_path)
    with pytest.raises(InvalidConfiguration, match="give --nats-url"):
        find_nats(None, tmp_path, None)


def test_a_platforms_key_is_not_shown_to_others(data: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="--key of that --api is needed"):
        open_client(api="http://home.example", data=data)
    open_client(api=SERVING.api, data=data).close()


def test_the_operator_is_led_there_too(data: Path) -> None:
    cli = typer.Typer()

    @cli.command()
    @with_operators_client
    def greet(client: Client) -> None:
        """Say hello."""
        typer.echo(type(client).__name__)

    done = CliRunner().invoke(cli, ["--data", str(data)])
    assert done.output == "Client\n"


def test_a_ca_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="has no CA"):
        open_client(api="https://home.example", key="k", ca=tmp_path / "none.pem")


def test_a_command_has_its_own_options_and_these(data: Path) -> None:
    cli = typer.Typer()

    @cli.command()
    @with_client
    def greet(client: Client, name: str, *, loudly: bool = False) -> None:
        """Say hello."""
        typer.echo(f"{type(client).__name__} {name} {loudly}")

    assert list(inspect.signature(greet).parameters) == [
        *("name", "loudly"),
        *("api", "key", "ca", "data", "ready_file"),
    ]
    done = CliRunner().invoke(cli, ["you", "--loudly", "--data", str(data)])
    assert done.output == "Client you True\n"
    failed = CliRunner().invoke(cli, ["you", "--data", "/nowhere"]).exception
    assert isinstance(failed, HomeportError)


def test_the_environment_says_which(data: Path) -> None:
    cli = typer.Typer()

    @cli.command()
    @with_client
    def nothing(client: Client) -> None:
        """Do nothing."""

    environment = {"HOMEPORT_URL": "ftp://home.example", "HOMEPORT_API_KEY": "k"}
    failed = CliRunner().invoke(cli, [], env=environment).exception
    assert isinstance(failed, InvalidConfiguration)
    assert "the API's URL" in str(failed)


def test_a_command_that_is_awaited_has_a_client_of_its_kind(data: Path) -> None:
    cli = typer.Typer()

    @cli.command()
    @with_async_client
    async def greet(client: AsyncClient, name: str) -> None:
        """Say hello."""
        typer.echo(f"{type(client).__name__} {name}")

    done = CliRunner().invoke(cli, ["you", "--data", str(data)])
    assert done.output == "AsyncClient you\n"
    failed = CliRunner().invoke(cli, ["you", "--data", "/nowhere"]).exception
    assert isinstance(failed, HomeportError)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_told_to_end_it_cleans_up(
    data: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    @with_async_client
    async def wait(client: AsyncClient) -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            typer.echo("cleaned up")

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        wait(api=None, key=None, ca=None, data=data, ready_file=None)
    assert capsys.readouterr().out == "cleaned up\n"
    assert signal.getsignal(number) is before
