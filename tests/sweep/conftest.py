"""What the tests of sweeps share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.record import lock as locking


@pytest.fixture
def sweep(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `seqexp --multirun sweep.name=NAME ...` in this process, and gives up its lock as a program's end does."""
    right, held = locking.lock, []

    def lock(folder: Path) -> int | None:
        file = right(folder)
        if file is not None and folder.parent.name == "outputs":
            held.append(file)
        return file

    monkeypatch.setattr(locking, "lock", lock)

    def sweep(*overrides: str, name: str = "mine") -> Any:
        try:
            return command("--multirun", f"sweep.name={name}", *overrides)
        finally:
            while held:
                os.close(held.pop())

    return sweep
