from homeport.dtls import records
from homeport.dtls.flights import Flights
from homeport.dtls.records import ContentType

HEADER = records.HEADER_BYTES


def clear(length: int, number: int = 0) -> bytes:
    return records.build(ContentType.HANDSHAKE, 0, number, bytes(length))


def protected(number: int) -> bytes:
    return records.build(ContentType.HANDSHAKE, 1, number, b"x")


def under(raw: bytes, number: int) -> bytes:
    (record,) = records.parse(raw, 0)
    return records.build(record.kind, record.epoch, number, record.fragment)


def numbers(datagrams: list[bytes]) -> list[tuple[int, int]]:
    return [
        (record.epoch, record.sequence)
        for datagram in datagrams
        for record in records.parse(datagram, 0)
    ]


def test_a_flight_has_the_numbers_of_openssl_at_first() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(10, 5) + clear(20, 6), under, now=0.0)
    assert numbers(flights.datagrams()) == [(0, 5), (0, 6)]


def test_each_epoch_has_its_own_numbers() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1, 5) + protected(0), under, now=0.0)
    flights.tick(under, now=1.0)
    assert numbers(flights.datagrams()) == [(0, 5), (1, 0), (0, 6), (1, 1)]
    assert flights.protected == 2


def test_what_follows_a_repetition_has_higher_numbers() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1, 5) + clear(1, 6), under, now=0.0)
    flights.tick(under, now=1.0)
    last = flights.last(clear(1, 7) + protected(0), under)
    assert numbers(flights.datagrams()) == [(0, 5), (0, 6), (0, 7), (0, 8)]
    assert numbers(list(last)) == [(0, 9), (1, 0)]


def test_datagrams_are_as_full_as_they_can_be() -> None:
    flights = Flights(mtu=300)
    flights.send(clear(100) * 2 + clear(200) + clear(10), under, now=0.0)
    assert [len(datagram) for datagram in flights.datagrams()] == [
        2 * (HEADER + 100),
        2 * HEADER + 210,
    ]


def test_a_record_above_the_mtu_goes_alone() -> None:
    flights = Flights(mtu=300)
    flights.send(clear(10) + clear(400) + clear(10), under, now=0.0)
    assert len(flights.datagrams()) == 3


def test_more_records_than_a_datagram_has_are_all_sent() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(100) * 100, under, now=0.0)
    assert len(numbers(flights.datagrams())) == 100


def test_a_flight_is_repeated_later_and_later_up_to_a_minute() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1), under, now=0.0)
    waits, now = [], 0.0
    for _ in range(8):
        assert flights.deadline is not None
        waits.append(flights.deadline - now)
        now = flights.deadline
        flights.tick(under, now=now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_nothing_is_repeated_before_its_time() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1), under, now=0.0)
    flights.datagrams()
    flights.tick(under, now=0.9)
    assert flights.datagrams() == []


def test_the_next_flight_takes_the_place_of_the_one_before() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1), under, now=0.0)
    flights.send(clear(2), under, now=5.0)
    flights.datagrams()
    assert flights.deadline == 6.0
    flights.tick(under, now=6.0)
    assert [len(datagram) for datagram in flights.datagrams()] == [HEADER + 2]


def test_a_last_flight_is_the_callers() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1), under, now=0.0)
    flights.datagrams()
    assert numbers(list(flights.last(clear(2, 1), under))) == [(0, 1)]
    assert flights.datagrams() == []
    assert flights.deadline is None


def test_an_alert_is_sent_once() -> None:
    flights = Flights(mtu=1200)
    flights.end(clear(2), under)
    assert len(flights.datagrams()) == 1
    assert flights.deadline is None


def test_an_alert_of_ours_has_a_number_of_its_own() -> None:
    flights = Flights(mtu=1200)
    flights.send(clear(1, 5) + clear(1, 6), under, now=0.0)
    flights.tick(under, now=1.0)
    flights.end(flights.alert(b"\2\x2e"), under)
    sent = numbers(flights.datagrams())
    assert sent == [(0, 5), (0, 6), (0, 7), (0, 8), (0, 9)]


def test_no_last_flight_is_no_datagram() -> None:
    assert Flights(mtu=1200).last(b"", under) == ()
