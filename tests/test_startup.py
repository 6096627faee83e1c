"""Importing is quick and leaves no trace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seqexp import startup

CODE = """
import gc, sys
from seqexp import startup
startup.load()
assert "seqexp.run" in sys.modules and "lightning.pytorch" in sys.modules
assert gc.isenabled() and gc.get_freeze_count() > 100_000
assert "scipy.signal" not in sys.modules, "nothing in a run needs it"
import scipy.signal
from scipy.signal import lfilter
assert type(scipy.signal).__name__ == "module" and scipy.signal.windows.hamming(3)[1] == 1
assert lfilter([1.0], [1.0], [2.0])[0] == 2.0
"""

WANTED = """
import sys
from seqexp.startup import SIGNAL, Later, _without_signal
with _without_signal():
    import scipy.signal
    assert isinstance(sys.modules[SIGNAL], Later) and hasattr(scipy.signal, "hamming")
    assert scipy.signal.lfilter([1.0], [1.0], [2.0])[0] == 2.0  # whoever wants it, gets it
    assert not isinstance(sys.modules[SIGNAL], Later)
assert SIGNAL in sys.modules
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_everything_is_loaded_and_nothing_is_left_behind() -> None:
    run(CODE)


def test_a_module_that_stands_in_makes_way() -> None:
    run(WANTED)


def test_what_lies_in_the_current_folder_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    for _ in range(2):
        startup.prepare("/here")
        assert sys.path == ["/here", "/elsewhere"]
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setattr(sys, "path", [""])  # as `python -c` has it: wherever one is
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    startup.prepare("/here")
    assert (sys.path, os.environ["OMP_WAIT_POLICY"]) == ([""], "ACTIVE")


LINES = """
import sys
from seqexp.__main__ import main
for line, without in (("compare --help", {"hydra"}), ("list cell/lstm", {"hydra"}), ("--version", {}), ("--help", {})):
    sys.argv = ["seqexp", *line.split()]
    try:
        main()
    except SystemExit as end:
        assert end.code in (0, None), end.code
    assert not {"torch", "lightning", "matplotlib", "tensorboard", "scipy.stats", *without} & set(sys.modules), line
"""


def test_help_list_and_version_need_none_of_the_heavy_libraries() -> None:
    run(LINES)
