"""The stories of a call, with the daemon as a process, real sockets, and a real Valkey."""

from pathlib import Path

from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.stories.stage import stage, until

A, B, C = "SIPSIP1", "SIPSIP2", "SIPSIP3"


async def test_hold_and_consult(tmp_path: Path) -> None:
    """The agent holds the caller and asks a colleague: the consult call is muted while it still dials."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.sim.hold(A, "caller")
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        await on.sim.answer(A, consult)
        await on.sim.hangup(A, consult)
        await on.sim.unhold(A, "caller")
        await on.form_closes("pay")
        await on.muted()
        verdict = on.verdict()
        assert verdict.calls_covered == 2
        assert verdict.requests.total - verdict.requests.unknown == 3  # mute, mute, unmute: none superfluous
        assert verdict.requests.superfluous == 0


async def test_a_ring_group(tmp_path: Path) -> None:
    """A queue rings two agents; one of them has the form open, the other one answers: nothing is muted."""
    async with stage(tmp_path) as on:
        await on.form_opens("pay", extension=A)
        await on.sim.ring("caller", [A, B])
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.sim.answer(B, "caller")
        await until(lambda: on.daemon_knows(A))
        await on.sim.ring("next", [A, B])
        await on.sim.answer(A, "next")
        await on.muted("next")
        await on.form_closes("pay")
        await on.muted()
        assert on.verdict().calls_covered == 1


async def test_a_transfer_in_a_section(tmp_path: Path) -> None:
    """Once covered, covered: the caller is transferred and stays muted until the form closes."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.sim.transfer("caller", A, B)
        await until(lambda: on.daemon_knows(B, "caller"))
        await on.sim.talk("own", B)
        await until(lambda: on.daemon_knows(B, "caller", "own"))
        await on.muted("caller")
        await on.form_closes("pay")
        await on.muted()
        assert on.verdict().calls_covered == 1


async def test_an_attended_transfer_goes_on_under_another_id(tmp_path: Path) -> None:
    """The agent asks a colleague and puts the caller through: both calls end, and a new one, which names them, is up
    at the colleague's. The card is still being said."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.sim.hold(A, "caller")
        consult = await on.sim.dial(A)
        await on.sim.ring(consult, [B])
        await on.sim.answer(B, consult)
        await on.muted("caller", consult)
        joined = await on.sim.join_up("caller", consult, A, B)
        await on.muted(joined)
        await on.sim.talk("own", B)
        await until(lambda: on.daemon_knows(B, joined, "own"))
        await on.muted(joined)
        await on.form_closes("pay")
        await on.muted()
        assert on.verdict().calls_covered == 3


async def test_a_blind_transfer_through_a_queue(tmp_path: Path) -> None:
    """On no extension for a while, then ringing elsewhere: still covered, still muted."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.sim.join_queue("caller")
        await on.sim.hangup(A, "caller")
        await until(lambda: on.daemon_knows(A))
        await on.sim.ring("caller", [B, C])
        await on.sim.answer(C, "caller")
        await on.sim.leave_queue("caller", agent=C)
        await until(lambda: on.daemon_knows(C, "caller"))
        await on.muted("caller")
        await on.form_closes("pay")
        await on.muted()
        on.verdict()


async def test_a_conference(tmp_path: Path) -> None:
    """Three calls on one extension, all covered, all released."""
    async with stage(tmp_path) as on:
        await on.sim.talk("one", A)
        await on.form_opens("pay", extension=A)
        await on.sim.hold(A, "one")
        two = await on.sim.dial(A)
        await on.sim.answer(A, two)
        three = await on.sim.dial(A)
        await on.sim.answer(A, three)
        await on.sim.unhold(A, "one")
        await on.muted("one", two, three)
        await on.form_closes("pay")
        await on.muted()
        assert on.verdict().calls_covered == 3


async def test_two_overlapping_sections(tmp_path: Path) -> None:
    """The end of one opens nothing that the other still covers."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("first", extension=A)
        await on.muted("caller")
        await on.form_opens("second", ivrid="caller")
        await on.form_closes("first")
        await until(lambda: bool(on.daemon.lines("section.ended")))
        await on.muted("caller")
        await on.form_closes("second")
        await on.muted()
        verdict = on.verdict()
        assert verdict.requests.total == 2


async def test_a_section_that_nobody_ends_expires(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A, max_seconds=1.5)
        await on.muted("caller")
        await on.muted()
        await until(lambda: bool(on.daemon.lines("section.ended")))
        (ended,) = on.daemon.lines("section.ended")
        assert ended["cause"] == "expired"
        on.verdict()


async def test_hot_desking(tmp_path: Path) -> None:
    """A section on a user follows the user from desk to desk."""
    async with stage(tmp_path) as on:
        user = on.sim.board.lines[A].online_user_id
        assert user is not None
        await on.sim.talk("here", A)
        await on.sim.talk("there", C)
        await on.form_opens("pay", user_id=user)
        await on.muted("here")
        await on.sim.sign_in(user, C)
        await on.muted("here", "there")
        await on.form_closes("pay")
        await on.muted()
        on.verdict()


async def test_click2call(tmp_path: Path) -> None:
    """Two related calls; both are muted from the first ringing."""
    async with stage(tmp_path) as on:
        await on.form_opens("pay", extension=A)
        agent, customer = await on.sim.click2call(A)
        await on.muted(agent, customer)
        await on.form_closes("pay")
        await on.muted()
        on.verdict()


async def test_a_mute_of_somebody_else(tmp_path: Path) -> None:
    """A recording that was muted by hand before the section stays muted after it."""
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.sim.foreign_mute("caller")
        await on.sim.hold(A, "caller")  # the feed shows the mute with the next event
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.sim.dial(A, "other")
        await until(lambda: on.daemon_knows(A, "caller", "other"))
        await on.form_opens("pay", extension=A)
        await on.muted("caller", "other")
        await on.form_closes("pay")
        await on.muted("caller")
        verdict = on.verdict()
        assert verdict.requests.trespasses == 0
        assert verdict.requests.total == 2
        assert len(on.daemon.lines("mute.foreign")) == 1


async def test_messages_doubled_and_out_of_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.publish({"type": "sensitive_section.ended", "section_id": "early"})
        await on.publish({"type": "sensitive_section.started", "section_id": "early", "extension": A})
        started = {"type": "sensitive_section.started", "section_id": "pay", "extension": A, "id": "m1"}
        on.sim.truth.section_started("pay", extension=A)
        await on.publish(started)
        await on.publish(started)
        await on.muted("caller")
        await on.form_closes("pay")
        await on.publish(started)
        await on.muted()
        await until(lambda: len(on.daemon.lines("section.ignored")) == 3)
        on.verdict()


async def test_a_wrong_message_stops_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.crm.publish("crm.sensitive", b"\xff no json, card 4111111111111111")
        await on.publish({"type": "sensitive_section.started", "section_id": "pay"})
        await on.publish({"type": "sensitive_section.started", "section_id": "p", "extension": A, "account": "nope"})
        await until(lambda: len(on.daemon.lines("crm.message.rejected")) == 3)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.form_closes("pay")
        await on.muted()
        on.verdict()
        assert "4111111111111111" not in on.daemon.text()


async def test_a_slow_feed_and_a_slow_api(tmp_path: Path) -> None:
    """The feed lags and the API takes its time: exposures are no longer than both together."""
    settings = VoicenterSettings(api_latency_s=(0.2, 0.4), feed_lag_s=0.6)
    async with stage(tmp_path, Simulation(agents=4, settings=settings)) as on:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("pay", extension=A)
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        await on.form_closes("pay")
        await on.muted()
        on.verdict()


async def test_others_read_the_live_calls_in_redis(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.ring("one", [A, B])
        await until(lambda: on.daemon_knows(A, "one"))
        await until(lambda: on.daemon_knows(B, "one"))
        await on.sim.answer(B, "one")
        await until(lambda: on.daemon_knows(A))
        await on.sim.end("one")
        await until(lambda: on.daemon_knows(B))


async def test_one_request_at_a_time_is_enough(tmp_path: Path) -> None:
    """The least that `api.max_concurrency` allows: feed, login and polls have connections of their own."""
    async with stage(tmp_path, ORCHESTRATOR_API__MAX_CONCURRENCY="1") as on:
        await on.sim.talk("caller", A)
        await on.sim.talk("other", B)
        await on.form_opens("pay", extension=A)
        await on.form_opens("also", extension=B)
        await on.muted("caller", "other")
        await on.form_closes("pay")
        await on.form_closes("also")
        await on.muted()
        on.verdict()
