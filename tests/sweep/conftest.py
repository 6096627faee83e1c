"""What the tests of sweeps share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.record import lock as locking


@pytest.fixture
def sweep(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `seqexp --multirun sweep.name=NAME ...` in this process, and gives up its lock as a program's end does."""
    right, held = locking.lock, []

    def lock(folder: Path) -> locking.Held | None:
        found = right(folder)
        if found is not None and folder.parent.name == "outputs":
            held.append(found)
        return found

    monkeypatch.setattr(locking, "lock", lock)

    def sweep(*overrides: str, name: str = "mine") -> Any:
        try:
            return command("--multirun", f"sweep.name={name}", *overrides)
        finally:
            while held:
                held.pop().release()

    return sweep
