"""The program runs where the modules of POSIX alone, and `fork`, are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MISSING = {"fcntl", "pwd", "grp", "resource", "termios"}

ELSEWHERE = f"""
import multiprocessing, os, sys, warnings
import psutil  # has another file for each system, and that of Linux needs `resource`

MISSING = {MISSING!r}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
for name in ("fork", "forkpty", "O_NOFOLLOW", "O_NONBLOCK"):
    delattr(os, name)
multiprocessing.set_start_method("spawn")
warnings.filterwarnings("ignore", "only soft file lock")  # which filelock says where it finds no fcntl

from hydra.core.global_hydra import GlobalHydra
from seqexp.__main__ import main
from seqexp.compare.__main__ import main as compare

TINY = ["num_seeds=2", "data.length=120", "trainer.max_epochs=1", "cell.hidden_size=2"]
for arguments in (["hydra.run.dir=outputs/one"], ["--multirun", "cell=rnn,lstm", "sweep.name=many"]):
    sys.argv = ["seqexp", *arguments, *TINY]
    main()
    GlobalHydra.instance().clear()
print("---")
compare(["outputs/many"])
assert not MISSING & sys.modules.keys()
"""


def test_a_run_a_sweep_and_a_comparison_without_posix(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    trained, _, compared = done.stdout.partition("---\n")
    assert trained.count(" on sine · test MSE ") == 3
    assert compared in trained  # the sweep's own comparison
    assert "undecided between lstm and rnn on sine" in compared
    assert len(list(tmp_path.rglob("result.json"))) == 3
    assert not list(tmp_path.rglob(".lock.held"))  # what stood for locks is gone
