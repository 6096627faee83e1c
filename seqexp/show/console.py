"""Standard output and standard error that never stop work: what they cannot take is respelt or dropped."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import sys
from typing import Any, ClassVar, TextIO

from seqexp import terminal
from seqexp.record.files import printable
from seqexp.terminal import ERRORS

ERASE = "\r\x1b[K"
"""Takes back the line in which a terminal's cursor stands."""

STARTING = "seqexp is starting …"


class _Heedless(io.FileIO):
    """A file descriptor that takes everything: what a closed pipe or a full device refuses is dropped.

    Attributes:
        sign: the descriptor of the terminal on which `STARTING` stands, if it does.
    """

    sign: ClassVar[int | None] = None

    def write(self, data: Any) -> int:
        """Writes all that can be written; waits where the other side is slow."""
        end_start()
        left = whole = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            while left:
                if (count := super().write(left)) is None:
                    select.select((), (self,), ())
                else:
                    left = left[count:]
        return whole.nbytes


def prepare_output() -> None:
    """Makes this process's standard streams such that nothing written to them raises; a second call changes nothing.

    A stream that somebody else has put in their place, such as a notebook's or a test's, keeps its own ways with errors
    of writing.
    """
    for number in range(3):  # or the next file that is opened would take the place of a closed stream
        with contextlib.suppress(OSError):
            os.fstat(number)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = _prepared(sys.stdout, sys.__stdout__)
    sys.stderr = _prepared(sys.stderr, sys.__stderr__)


def _prepared(stream: TextIO | None, own: TextIO | None) -> TextIO:
    if stream is None or stream.closed:
        return open(os.devnull, "w", encoding="utf-8", errors=ERRORS)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if stream is not own or (os.name == "nt" and stream.isatty()):  # whose console takes no bytes
        stream.reconfigure(errors=ERRORS)
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    raw = _Heedless(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=ERRORS,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def say(stream: TextIO, text: str) -> None:
    """Writes one line; on a terminal, over the progress line of the process that started this one.

    A terminal breaks a long line at its edge, wherever that is; it gets lines that end between words.
    """
    line = printable(re.sub(r"\s*\n\s*", " ", text.strip()))
    stream.write(ERASE if terminal.is_smart(stream) else "")  # Rich draws a line on such only
    stream.write(terminal.broken(line, stream))
    stream.flush()


def show_start() -> None:
    """On a terminal, says at once that the program is starting. Whatever is written next takes the place of it."""
    stream = sys.stderr
    if not stream.isatty():
        return
    binary = getattr(stream, "buffer", None)
    erasable = terminal.is_smart(stream) and isinstance(getattr(binary, "raw", binary), _Heedless)
    stream.write(STARTING if erasable else f"{STARTING}\n")
    stream.flush()
    _Heedless.sign = stream.fileno() if erasable else None


def end_start() -> None:
    """Takes that line away, where it still stands: work begins."""
    number, _Heedless.sign = _Heedless.sign, None
    if number is not None:
        with contextlib.suppress(OSError):
            os.write(number, ERASE.encode())
