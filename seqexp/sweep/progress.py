"""One line for a whole sweep whose runs go on elsewhere: done, running, failed, time left. It only reads folders."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from seqexp.record.claim import CLAIM
from seqexp.record.record import Record, RecordError

PAUSE_SECONDS = 0.5


class SweepLine:
    """Watches a sweep's folder and keeps one line up to date, as long as a context lasts.

    Args:
        folders: the runs that have to be done, where each will be.
        console: where the line is drawn; on what is no terminal, or one that takes no line back, nothing is.
    """

    def __init__(self, folders: Sequence[Path], console: Console) -> None:
        self.folders = folders
        self.console = console
        self.start = time.time()
        self._ended: dict[Path, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="seqexp-progress", daemon=True)

    def begin(self) -> None:
        """Shows the line."""
        if self.folders and self.console.is_terminal and not self.console.is_dumb_terminal:
            self._thread.start()
            atexit.register(self.end)  # Ctrl-C, too, shall leave a terminal with a cursor

    def end(self) -> None:
        """Takes the line away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def text(self) -> str:
        """What the line says now."""
        for folder in self.folders:
            if folder not in self._ended and (status := _status(folder, self.start)) is not None:
                self._ended[folder] = status
        counts = list(self._ended.values())
        running = sum((folder / CLAIM).exists() for folder in self.folders if folder not in self._ended)
        waiting = len(self.folders) - len(counts) - running
        parts = [f"{counts.count('done')} done", f"{running} running", f"{waiting} waiting"]
        if "failed" in counts:
            parts.append(f"{counts.count('failed')} failed")
        if counts and waiting + running:
            seconds = (time.time() - self.start) / len(counts) * (waiting + running)
            parts.append(f"about {seconds:.0f} s left")
        return " · ".join(parts)

    def _watch(self) -> None:
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self._stop.wait(PAUSE_SECONDS):
                live.update(Text(self.text()), refresh=True)


def _status(folder: Path, start: float) -> str | None:
    """How a run has ended; None where it has not, or where the record is that of an earlier attempt."""
    try:
        record = Record.read(folder)
        fresh = (folder / "result.json").stat().st_mtime >= start
    except (RecordError, OSError):
        return None
    return record.status if record.status == "done" or fresh else None
