"""Log lines: their shape, what may stand in them, and that nobody waits for them."""

import asyncio
import io
import json
import logging
import os
import sys
import threading
import time
import warnings

import pytest
import socketio  # type: ignore[import-untyped]

from orchestrator.core.notices import CallGone
from orchestrator.telemetry import Broadcast, events, open_log
from orchestrator.telemetry.allowlist import UncataloguedField, presentable
from orchestrator.telemetry.events import CATALOGUE, Event, Level
from tests.telemetry.conftest import Written, observer_of
from tests.telemetry.notices import EVERY, SECRET


class TestShape:
    def test_time_level_and_event_come_first_then_the_account(self, written: Written) -> None:
        with written.log() as log:
            observer_of(log).notice(CallGone("i"))
        assert list(written.lines[0].items()) == [
            ("timestamp", "2026-11-23T10:00:00.123Z"),
            ("level", "info"),
            ("event", "call.gone"),
            ("account", "main"),
            ("ivrid", "i"),
        ]

    def test_what_concerns_the_process_has_no_account(self, written: Written) -> None:
        with written.log() as log:
            observer_of(log, None).notice(CallGone("i"))
        assert "account" not in written.lines[0]

    def test_a_field_without_a_value_is_left_out(self, written: Written) -> None:
        with written.log() as log:
            log.write(events.CALL_COVERED, ivrid="i", extension=None)
        assert "extension" not in written.lines[0]

    def test_what_is_below_the_level_is_not_written(self, written: Written) -> None:
        with written.log(level="warning") as log:
            log.write(events.CALL_GONE, ivrid="i")
            log.write(events.CALL_GONE, level=Level.ERROR, ivrid="j")
        assert [line["ivrid"] for line in written.lines] == ["j"]

    def test_the_level_may_change_while_it_is_open_for_all_that_write_to_it(self, written: Written) -> None:
        with written.log(level="warning") as log:
            bound = log.bind("main")
            for level in ("info", "error"):
                bound.write(events.CALL_GONE, ivrid=f"before {level}")
                log.set_level(level)
                bound.write(events.CALL_GONE, ivrid=f"after {level}")
        assert [line["ivrid"] for line in written.lines] == ["after info", "before error"]

    def test_auto_is_json_where_there_is_no_terminal(self, written: Written) -> None:
        with written.log("auto") as log:
            log.write(events.CALL_GONE, ivrid="i")
        assert written.lines[0]["event"] == "call.gone"

    def test_auto_is_columns_on_a_terminal(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal = Terminal()
        with open_log(terminal, "auto", "info") as log:
            log.write(events.CALL_GONE, ivrid="i")
        assert "call.gone" in terminal.getvalue()
        assert not terminal.getvalue().startswith("{")

    def test_several_observers_hear_the_same(self, written: Written) -> None:
        with written.log() as log:
            Broadcast(observer_of(log, "a"), observer_of(log, "b")).notice(CallGone("i"))
        assert [line["account"] for line in written.lines] == ["a", "b"]


class TestPrivacy:
    def test_notices_with_hostile_content_put_out_catalogued_fields_only(self, written: Written) -> None:
        with written.log() as log:
            observer = observer_of(log)
            for notice in EVERY:
                observer.notice(notice)
        assert len(written.lines) == len(EVERY)
        for line in written.lines:
            allowed = {"timestamp", "level", "event", "account", *CATALOGUE[str(line["event"])].fields}
            assert line.keys() <= allowed

    def test_a_sections_reason_and_its_messages_ids_do_not_come_out(self, written: Written) -> None:
        with written.log() as log:
            for notice in EVERY:
                observer_of(log).notice(notice)
        assert SECRET not in written.text

    @pytest.mark.parametrize("log_format", ["json", "console"])
    def test_text_can_neither_forge_a_line_nor_steer_a_terminal(self, written: Written, log_format: str) -> None:
        with written.log("json" if log_format == "json" else "console") as log:
            for notice in EVERY:
                observer_of(log).notice(notice)
        assert len(written.text.splitlines()) == len(EVERY)
        assert all(line.isprintable() for line in written.text.splitlines())

    def test_an_uncatalogued_field_is_left_out_and_counted(self, written: Written) -> None:
        with written.log(strict=False) as log:
            log.write(events.CALL_GONE, ivrid="i", caller="Jane", phone="055")
        assert written.lines[0]["dropped"] == 2
        assert written.lines[0].keys() == {"timestamp", "level", "event", "ivrid", "dropped"}

    def test_in_tests_it_raises(self, written: Written) -> None:
        with written.log() as log, pytest.raises(UncataloguedField, match="caller") as caught:
            log.write(events.CALL_GONE, ivrid="i", caller="Jane")
        assert "Jane" not in str(caught.value)

    def test_an_uncatalogued_event_has_no_fields(self, written: Written) -> None:
        unknown = Event("some.thing", Level.INFO, ("ivrid",), "")
        with written.log(strict=False) as log:
            log.write(unknown, ivrid="i")
        assert "ivrid" not in written.lines[0]

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (True, True),
            (float("nan"), None),
            (float("inf"), None),
            ("a" * 300, "a" * 199 + "…"),
            ("\x00\n", "\\u0000\\u000a"),
            (frozenset({"b", "a"}), ["a", "b"]),
            (tuple("x" * 60), ["x"] * 50 + ["… 10 more"]),
            ({"name": "Jane"}, "<dict>"),
            (b"Jane", "<bytes>"),
            (("a", {"name": "Jane"}), ["a", "<dict>"]),
        ],
    )
    def test_values_come_out_plain_and_bounded(self, value: object, shown: object) -> None:
        assert presentable(value) == shown


class TestLibraries:
    def test_a_librarys_text_is_withheld_and_its_place_told(self, written: Written) -> None:
        with written.log() as log:
            assert log
            logging.getLogger("engineio.client").error("token=%s", SECRET)
            logging.getLogger("aiohttp.access").info(SECRET)
        (line,) = written.lines
        assert (line["event"], line["level"]) == ("library.log", "error")
        assert (line["logger"], line["library_level"]) == ("engineio.client", "error")
        assert str(line["where"]).startswith("['telemetry/test_logs.py:")
        assert SECRET not in written.text

    def test_a_librarys_exception_gives_its_type_and_places(self, written: Written) -> None:
        with written.log() as log:
            assert log
            try:
                int(SECRET)
            except ValueError:
                logging.getLogger("aiohttp.server").exception("Error handling request")
        (line,) = written.lines
        assert line["error"] == ["ValueError"]
        assert SECRET not in written.text

    def test_the_same_place_again_and_again_is_told_once(self, written: Written) -> None:
        with written.log() as log:
            assert log
            for number in range(1000):
                logging.getLogger("asyncio").warning("socket.send() raised %s", number)
        assert len(written.lines) == 1

    def test_a_python_warning_gives_its_category_and_place(self, written: Written) -> None:
        with written.log() as log, warnings.catch_warnings():
            assert log
            warnings.simplefilter("always")
            warnings.showwarning(SECRET, ResourceWarning, "/a/b/c.py", 3)
        (line,) = written.lines
        assert (line["error"], line["where"]) == (["ResourceWarning"], ["b/c.py:3"])
        assert SECRET not in written.text

    def test_socketio_gets_no_handler_of_its_own_to_stderr(self, written: Written) -> None:
        logger = logging.getLogger("socketio.client")
        before = list(logger.handlers)
        with written.log() as log:
            assert log
            socketio.AsyncClient(handle_sigint=False)
            assert logger.handlers == before

    def test_what_was_set_on_the_process_is_set_back(self, written: Written) -> None:
        def settings() -> list[object]:
            root = logging.getLogger()
            hooks = [threading.excepthook, sys.unraisablehook, warnings.showwarning]
            return [root.level, list(root.handlers), logging.getLogger("socketio.client").level, *hooks]

        before = settings()
        with written.log():
            assert settings() != before
        assert settings() == before


class TestFaults:
    def test_a_crash_tells_types_and_places_but_no_texts(self, written: Written) -> None:
        with written.log() as log:
            try:
                fall(SECRET)
            except ExceptionGroup as error:
                log.crash(error)
        (line,) = written.lines
        assert line["event"] == "daemon.crashed"
        assert line["error"] == ["ExceptionGroup", "RuntimeError", "KeyError", "json.decoder.JSONDecodeError"]
        assert any("test_logs.py" in place and place.endswith(" fall") for place in list_of(line["where"]))
        assert SECRET not in written.text

    async def test_what_nobody_awaited_in_the_loop_is_told(self, written: Written) -> None:
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        told = asyncio.Event()

        def explode() -> None:
            loop.call_soon(told.set)
            raise ValueError(SECRET)

        with written.log() as log:
            loop.set_exception_handler(log.loop_failed)
            loop.call_soon(explode)
            await asyncio.wait_for(told.wait(), 5)
            loop.set_exception_handler(before)
        (line,) = written.lines
        assert (line["event"], line["error"]) == ("task.failed", ["ValueError"])
        assert SECRET not in written.text

    def test_a_loop_that_tells_no_exception_is_told_all_the_same(self, written: Written) -> None:
        loop = asyncio.new_event_loop()
        with written.log() as log:
            log.loop_failed(loop, {"message": SECRET})
        loop.close()
        assert written.lines[0]["event"] == "task.failed"

    def test_a_thread_that_falls_is_told(self, written: Written) -> None:
        with written.log() as log:
            assert log
            thread = threading.Thread(target=fall, args=(SECRET,))
            thread.start()
            thread.join()
        assert written.lines[0]["event"] == "task.failed"
        assert SECRET not in written.text


class TestReader:
    """Whoever reads the log may stand still, be gone, or be slow."""

    def test_one_that_stands_still_keeps_nobody_waiting(self) -> None:
        reading, writing = os.pipe()
        began = time.monotonic()
        with os.fdopen(writing, "w") as stream, open_log(stream, "json", "info") as log:
            for number in range(20_000):
                log.write(events.CALL_GONE, ivrid=str(number))
            took_s = time.monotonic() - began
            read = threading.Thread(target=drain, args=(reading,))
            read.start()  # closing waits for the rest: let it pass
        read.join()
        os.close(reading)
        assert took_s < 10  # it would never have ended

    def test_one_that_is_gone_is_no_fault(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as stream, open_log(stream, "json", "info") as log:
            log.write(events.CALL_GONE, ivrid="i")

    def test_lines_that_were_lost_are_counted_when_there_is_room_again(self) -> None:
        stream = Gate()
        with open_log(stream, "json", "info") as log:
            for number in range(12_000):
                log.write(events.CALL_GONE, ivrid=str(number))
            stream.opened.set()
            stream.wait_for_lines(10_000)
            log.write(events.CALL_GONE, ivrid="after")
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        kept = sum(line["event"] == "call.gone" for line in lines) - 1
        assert lines[-1]["event"] == "log.lost"
        assert kept + lines[-1]["lost"] == 12_000
        assert [line["ivrid"] for line in lines[:-2]] == [str(number) for number in range(kept)]


class Gate(io.StringIO):
    """A stream that takes nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self._changed = threading.Condition()
        self._count = 0

    def write(self, text: str) -> int:
        self.opened.wait(30)
        with self._changed:
            self._count += text.count("\n")
            self._changed.notify_all()
        return super().write(text)

    def wait_for_lines(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._count >= count, 30)


def drain(descriptor: int) -> None:
    while os.read(descriptor, 1 << 20):
        pass


def fall(secret: str) -> None:
    """A group, in it an error, whose cause is one that a third caused."""
    try:
        look_up(secret)
    except KeyError as missing:
        inner = RuntimeError(secret)
        inner.__cause__ = missing
        raise ExceptionGroup(secret, [inner]) from None


def look_up(secret: str) -> None:
    try:
        json.loads(secret)
    except ValueError as bad:
        raise KeyError(secret) from bad


def list_of(value: object) -> list[str]:
    assert isinstance(value, list)
    return value
