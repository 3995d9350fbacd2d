import json

from orchestrator.simulator import bulk


def test_a_big_account_talks_as_much_as_asked() -> None:
    lines = bulk.big_account(20_000, 1_000_000.0, talking=50)
    assert len({line.sip for line in lines}) == 20_000
    assert sum(len(line.legs) for line in lines) == 50
    assert all(line.online_user_id == line.user_id for line in lines)


def test_a_snapshot_is_ready_for_the_wire() -> None:
    name, payload = json.loads(bulk.snapshot_packet(bulk.big_account(3, 0.0, talking=1), 0.0)[2:])
    assert name == "AllExtensionsStatus"
    assert [leg["ivrid"] for leg in payload["extensions"][0]["calls"]] == ["call-1"]


def test_a_stream_is_as_long_as_asked_and_the_same_each_time() -> None:
    packets = bulk.some_event_packets(2_000, agents=50, seed=3, now=1_000_000.0)
    assert len(packets) == 2_000
    assert packets == bulk.some_event_packets(2_000, agents=50, seed=3, now=1_000_000.0)
    names = {json.loads(packet[2:])[0] for packet in packets}
    assert names == {"ExtensionEvent"}
