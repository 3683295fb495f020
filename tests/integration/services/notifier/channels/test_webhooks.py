"""Calling webhooks: over TLS, signed, and never into the operator's own networks."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.pki import authorities, pem
from homeport.pki.authorities import Authority
from homeport.runtime import traces
from services.notifier.channels import signatures
from services.notifier.channels.channels import Callback
from services.notifier.channels.webhooks import webhooks
from services.notifier.config import NotifierSettings
from tests.support.keyring import SECRET_KEY
from tests.support.notifier import LOOPBACK
from tests.support.webhook import Webhook, webhook

pytestmark = pytest.mark.integration

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def receiver() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


@pytest.fixture(scope="module")
def root() -> Authority:
    return authorities.create_root("Applications")


def settings(**changed: object) -> NotifierSettings:
    base = NotifierSettings(
        secret_key=SecretStr(SECRET_KEY),
        webhook_networks=LOOPBACK,
        webhook_timeout_seconds=5,
    )
    return base.model_copy(update=changed)


def context(root: Authority, folder: Path, *hosts: str) -> ssl.SSLContext:
    """Make what a webhook shows that is known by these hosts."""
    made = authorities.create_server(root, hosts)
    path = folder / "server.pem"
    path.write_text(
        pem.build(pem.CERTIFICATE, made.certificate)
        + pem.build(pem.PRIVATE_KEY, made.key)
    )
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(path)
    return served


@pytest.fixture
def ca_file(root: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(pem.build(pem.CERTIFICATE, root.certificate.der))
    return path


async def test_a_webhook_is_called_over_tls_when_its_ca_is_known(
    root: Authority, ca_file: Path, tmp_path: Path
) -> None:
    async with (
        webhook(tls=context(root, tmp_path, "127.0.0.1")) as receiver,
        webhooks(settings(webhook_ca_file=ca_file)) as caller,
    ):
        await caller.put(Callback(receiver.url), b"{}", "msg_1")
        assert len(receiver.calls) == 1


async def test_a_ca_that_is_not_known_ends_the_call(
    root: Authority, tmp_path: Path
) -> None:
    async with (
        webhook(tls=context(root, tmp_path, "127.0.0.1")) as receiver,
        webhooks(settings()) as caller,
    ):
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await caller.put(Callback(receiver.url), b"{}", "msg_1")
        assert not receiver.calls


async def test_a_certificate_for_another_host_ends_the_call(
    root: Authority, ca_file: Path, tmp_path: Path
) -> None:
    async with (
        webhook(tls=context(root, tmp_path, "example.com")) as receiver,
        webhooks(settings(webhook_ca_file=ca_file)) as caller,
    ):
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await caller.put(Callback(receiver.url), b"{}", "msg_1")
        assert not receiver.calls


@pytest.mark.parametrize("content", ["", "no certificate"])
async def test_a_file_without_cas_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content)
    with pytest.raises(
        InvalidConfiguration, match=r"^HOMEPORT_WEBHOOK_CA_FILE .*ca\.pem"
    ):
        async with webhooks(settings(webhook_ca_file=path)):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
async def test_loopback_is_not_called_unless_it_is_allowed(
    receiver: Webhook, host: str
) -> None:
    url = receiver.url.replace("127.0.0.1", host)
    async with webhooks(settings(webhook_networks="")) as caller:
        with pytest.raises(Unavailable, match="no address that is allowed"):
            await caller.put(Callback(url), b"{}", "msg_1")
    assert not receiver.calls
    async with webhooks(settings()) as caller:
        await caller.put(Callback(url), b"{}", "msg_1")
    assert len(receiver.calls) == 1


async def test_a_call_is_signed_with_the_secret_that_both_know(
    receiver: Webhook,
) -> None:
    async with webhooks(settings()) as caller:
        await caller.put(Callback(receiver.url, {}, SECRET), b'{"a":1}', "msg_1")
    headers = receiver.calls[0].headers
    assert headers["webhook-id"] == "msg_1"
    assert (
        headers["webhook-signature"]
        == (
            signatures.sign(
                SECRET,
                b'{"a":1}',
                message_id="msg_1",
                seconds=int(headers["webhook-timestamp"]),
            )["webhook-signature"]
        )
    )


async def test_without_a_secret_nothing_is_signed(receiver: Webhook) -> None:
    async with webhooks(settings()) as caller:
        await caller.put(Callback(receiver.url), b"{}", "msg_1")
    assert not any(name.startswith("webhook-") for name in receiver.calls[0].headers)


async def test_a_password_in_the_url_is_presented(receiver: Webhook) -> None:
    url = receiver.url.replace("http://", "http://user:p%40ss@")
    async with webhooks(settings()) as caller:
        await caller.put(Callback(url), b"{}", "msg_1")
        own = {"Authorization": "Bearer x"}
        await caller.put(Callback(url, own), b"{}", "msg_1")
    presented = [call.headers["authorization"] for call in receiver.calls]
    assert presented == ["Basic dXNlcjpwQHNz", "Bearer x"]


async def test_a_call_carries_the_trace_that_it_belongs_to(receiver: Webhook) -> None:
    sdk = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter",
        reason="the extra 'traces' is not installed",
    )
    belonging = [f"00-{'a' * 32}-{'b' * 16}-01"]
    with traces.using(sdk.InMemorySpanExporter(), ratio=1, service="notifier"):
        async with webhooks(settings()) as caller:
            with traces.handling("deliver", belonging):
                await caller.put(Callback(receiver.url), b"{}", "msg_1")
            await caller.put(Callback(receiver.url), b"{}", "msg_2")
    traced, other = (call.headers for call in receiver.calls)
    assert traced["traceparent"].startswith(f"00-{'a' * 32}-")
    assert "traceparent" not in other
