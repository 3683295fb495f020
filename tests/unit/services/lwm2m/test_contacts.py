"""Where devices are reached."""

from homeport import names
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, DeviceId, EndpointName
from services.lwm2m import contacts
from services.lwm2m.contacts import Contacts

KETTLE, LAMP = DeviceId("a" * 32), DeviceId("b" * 32)
ACCOUNT = AccountId("c" * 32)


def test_a_device_is_reached_where_it_was_heard() -> None:
    known: Contacts[str] = Contacts()
    assert not known.heard(KETTLE, "here", 1.0)
    known.put(KETTLE, "here", 1.0, awake=93.0)
    assert known.heard(KETTLE, "here", 2.0)
    contact = known.get(KETTLE)
    assert contact is not None
    assert (contact.peer, contact.heard, contact.awake) == ("here", 2.0, 93.0)
    assert known.device_at("here") == KETTLE


def test_it_is_reached_at_one_place_only() -> None:
    known: Contacts[str] = Contacts()
    known.put(KETTLE, "here", 1.0, awake=93.0)
    assert not known.heard(KETTLE, "there", 2.0)
    known.put(KETTLE, "there", 2.0, awake=93.0)
    assert (known.device_at("here"), known.device_at("there")) == (None, KETTLE)
    assert len(known) == 1


def test_a_place_is_whoevers_was_heard_there_last() -> None:
    known: Contacts[str] = Contacts()
    known.put(KETTLE, "here", 1.0, awake=93.0)
    known.put(LAMP, "here", 2.0, awake=93.0)
    assert known.device_at("here") == LAMP
    known.drop(KETTLE)
    assert known.device_at("here") == LAMP


def test_who_does_not_answer_sleeps_until_it_is_heard() -> None:
    known: Contacts[str] = Contacts()
    known.put(KETTLE, "here", 1.0, awake=93.0)
    contact = known.get(KETTLE)
    assert contact is not None
    assert not contact.sleeps
    contact.rest()
    assert contact.sleeps
    known.heard(KETTLE, "here", 2.0)
    assert not contact.sleeps


def test_who_was_silent_for_the_longest_time_is_forgotten_first() -> None:
    known: Contacts[str] = Contacts(most=2)
    known.put(KETTLE, "kettle", 1.0, awake=93.0)
    known.put(LAMP, "lamp", 2.0, awake=93.0)
    known.heard(KETTLE, "kettle", 3.0)
    known.put(DeviceId("d" * 32), "door", 4.0, awake=93.0)
    assert known.get(LAMP) is None
    assert known.device_at("lamp") is None
    assert known.get(KETTLE) is not None


def test_a_credential_tells_its_device_where_it_can() -> None:
    name = EndpointName("kettle")
    issued = Identity("issued:1", Means.ISSUED, device=LAMP)
    key = Identity("psk:1", Means.SHARED_KEY, account=ACCOUNT, endpoint_name=name)
    shared = Identity("pin:1", Means.CERTIFICATE, accounts=(ACCOUNT,))
    assert contacts.device_of(issued) == LAMP
    assert contacts.device_of(key) == names.device_id(ACCOUNT, name)
    assert contacts.device_of(shared) is None
    assert contacts.device_of(NOBODY) is None
