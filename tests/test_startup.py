"""Importing is quick and leaves no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import seqexp
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


PRESSED = """
import os, runpy, signal, sys

class Presses:
    def find_spec(self, name, path, target=None):
        if name == where:
            os.kill(os.getpid(), signal.SIGINT)

where = sys.argv.pop()
sys.meta_path.insert(0, Presses())
runpy.run_module("seqexp", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("where", ["seqexp.startup", "seqexp.config.mistakes", "hydra.core.hydra_config"])
def test_ctrl_c_amid_imports_ends_in_one_line(where: str) -> None:
    done = subprocess.run([sys.executable, "-c", PRESSED, where], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "seqexp: interrupted\n")


def test_ctrl_c_is_pythons_own_again_after_imports() -> None:
    def theirs(*_: object) -> None: ...

    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.default_int_handler, signal.SIG_IGN, theirs):
            signal.signal(signal.SIGINT, handler)
            with startup.interruptible():
                assert (signal.getsignal(signal.SIGINT) is handler) is (handler is not signal.default_int_handler)
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_everything_is_loaded_and_nothing_is_left_behind() -> None:
    run(CODE)


def test_the_package_says_where_its_functions_are() -> None:
    lines = [line.split("#")[0].strip() for line in (seqexp.__doc__ or "").splitlines() if line.startswith("    from")]
    assert len(lines) == 4
    for line in lines:
        exec(line)
    with pytest.raises(ImportError, match=r"from seqexp\.run import run, sweep, load"):
        exec("from seqexp import load")
    assert not hasattr(seqexp, "nosuch")


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
