"""CloudEvents attributes are headers."""

from homeport.events.cloudevents import HEADERS, Envelope, headers
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId


def test_an_event_has_the_attributes_of_cloudevents_1_0() -> None:
    envelope = Envelope(
        id="d.7",
        fact=FactName.DEVICE_REGISTERED,
        account=AccountId("a" * 32),
        device=DeviceId("d" * 32),
        time="2026-11-24T14:20:05.123456Z",
        body=b"{}",
    )
    assert _read(headers(envelope)) == {
        "Nats-Msg-Id": "d.7",
        "ce-specversion": "1.0",
        "ce-id": "d.7",
        "ce-type": "homeport.v1.device.registered",
        "ce-source": f"/accounts/{'a' * 32}",
        "ce-subject": "d" * 32,
        "ce-time": "2026-11-24T14:20:05.123456Z",
        "content-type": "application/json",
    }
    traced = envelope._replace(traceparent="00-1-2-01")
    assert set(_read(headers(traced))) == set(HEADERS)
    assert envelope.subject == f"homeport.v1.{'a' * 32}.device.registered"


def _read(lines: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines.splitlines())
