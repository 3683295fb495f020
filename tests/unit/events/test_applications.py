"""What applications may do that read from NATS themselves, spelled out."""

from homeport.events import applications
from homeport.names import AccountId

ACCOUNT = AccountId("a" * 32)
USER, SECRET = "b" * 32, "c" * 32


def test_who_listens_says_nothing() -> None:
    may = applications.listening(ACCOUNT)
    assert may["pub"] == {"deny": [">"]}
    assert may["sub"] == {"allow": [f"homeport.v1.{ACCOUNT}.>"]}


def test_who_consumes_asks_for_its_own_and_hears_its_answers() -> None:
    may = applications.consuming(USER, SECRET)
    assert may["pub"] == {
        "allow": [
            f"homeport.js.CONSUMER.INFO.DEVICES.application-{USER}",
            f"homeport.js.CONSUMER.MSG.NEXT.DEVICES.application-{USER}",
            f"$JS.ACK.DEVICES.application-{USER}.>",
        ]
    }
    assert may["sub"] == {"allow": [f"_INBOX_{SECRET}.>"]}


def test_applications_have_no_account_with_the_services() -> None:
    told = applications.configuration("AISSUER", user="homeport", password="secret")
    assert 'authorization: {\n  "auth_callout": {\n    "issuer": "AISSUER"' in told
    assert applications.kick("N1") == "homeport.nats.N1.kick"
    names = (applications.SERVICES, applications.LISTENING, applications.CONSUMING)
    assert len(set(names)) == 3
