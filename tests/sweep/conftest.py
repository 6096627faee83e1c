"""What the tests of sweeps share."""

from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where finished sweeps are kept for the next test."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def finished(sweep: Callable[..., Any], shelf: Path) -> Callable[..., None]:
    """Leaves what `sweep` with these arguments leaves: trained once, and copied for each test that begins with it."""

    def finished(*overrides: str, name: str = "mine") -> None:
        kept, place = shelf / str(hash((name, *overrides))), Path("outputs") / name
        if not kept.exists():
            assert sweep(*overrides, name=name).status == 0
            shutil.copytree(place, kept)
        else:
            shutil.copytree(kept, place)

    return finished
