"""Writes lines in a thread of its own, so that nobody waits for whoever reads the log.

Guarantees: `put` returns at once, whatever the reader does; when the bounded queue is full the line is lost and
`put` says so; lines keep their order; `close` writes what is queued, but waits no longer than it is told.
"""

import io
import os
import queue
import threading
from contextlib import suppress
from typing import Self, TextIO

_END = None
_AT_ONCE = 1000
"""Most lines that one write takes. What has gathered goes together: each write passes Python's lock to and fro."""


class Writer:
    """A context manager; the stream stays open."""

    def __init__(self, stream: TextIO, most_lines: int = 10_000, close_within_s: float = 2.0) -> None:
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._close_within_s = close_within_s
        self._lines: queue.Queue[str | None] = queue.Queue(most_lines)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, line: str) -> bool:
        """Whether the line will be written."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        try:
            self._lines.put(_END, timeout=self._close_within_s)
        except queue.Full:  # the reader is stuck: what is queued cannot be helped
            return
        self._thread.join(self._close_within_s)

    def _run(self) -> None:
        ended = False
        while not ended:
            lines = self._gathered()
            ended = lines[-1] is _END
            try:
                self._write("".join(f"{line}\n" for line in lines if line is not _END))
            except (OSError, ValueError):
                # The reader is gone, the disk is full, or the stream was closed: there is nobody left to tell.
                continue

    def _gathered(self) -> list[str | None]:
        lines = [self._lines.get()]
        with suppress(queue.Empty):
            while lines[-1] is not _END and len(lines) < _AT_ONCE:
                lines.append(self._lines.get_nowait())
        return lines

    def _write(self, text: str) -> None:
        if self._descriptor is None:
            self._stream.write(text)
            return
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _descriptor(stream: TextIO) -> int | None:
    """Written to directly where there is one: a thread that hangs in it then holds no lock of Python's."""
    try:
        return stream.fileno()
    except (io.UnsupportedOperation, AttributeError):  # a stream in memory; a replaced stdout
        return None
