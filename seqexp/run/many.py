"""sweep(): many configurations from Python, compared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from seqexp.compare.comparison import Comparison, compare
from seqexp.config.kinds import check_texts
from seqexp.config.mistakes import ConfigError
from seqexp.config.names import quoted

PACKAGE = Path(__file__).parents[2]


def sweep(overrides: Sequence[str], folder: Path | str | None = None) -> Comparison:
    """Runs a sweep, as `python -m seqexp --multirun` would, and compares it.

    It runs in a process of its own, whose lines of finished runs and whose warnings are passed on. With a `sweep.name`,
    or a folder, the same call trains only what is missing.

    Args:
        overrides: as on the command line, such as `["cell=rnn,lstm", "data=sine,sum", "num_seeds=5"]`, or an experiment
            that names a sweep, such as `["experiment=rnn_vs_lstm"]`.
        folder: where the results go; a fresh folder under `outputs/` where None, or that of `sweep.name`.

    Returns:
        The comparison, whose files are in the sweep's folder, too; runs that failed are in its `failed`.

    Raises:
        ConfigError: a run of the sweep cannot be done; none was begun.
        RuntimeError: the process ended before the comparison; what had finished stays.
    """
    check_texts("sweep()", "cell=rnn,lstm", overrides)
    for each in overrides:
        if each.startswith("-"):
            raise ConfigError(f"sweep() takes settings only, and no {each}")
        if each.startswith("sweep.dry="):
            raise ConfigError(f"sweep() gives a comparison, and takes no {each}; see python -m seqexp --multirun")
    place = [] if folder is None else [f"hydra.sweep.dir={quoted(str(folder))}"]
    with tempfile.TemporaryDirectory() as own:
        told = Path(own) / "folder"
        command = [sys.executable, "-m", "seqexp.program.piped", str(told), "--multirun", *overrides, *place]
        status, errors = _passed_on(command)
        if status == 2:
            raise ConfigError(errors.strip().removeprefix("seqexp: "))
        if not told.exists():
            raise RuntimeError(f"the sweep ended with status {status}: {errors.strip()}")
        found = Path(told.read_text(encoding="utf-8"))
    return compare(found)


def _passed_on(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command whose output becomes this process's own; returns its status, and what it said of errors."""
    paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
    environment.pop("FORCE_COLOR", None)  # a Jupyter kernel sets it, and bars would be drawn into the pipe
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, encoding="utf-8") as process:
        out, err = cast("IO[str]", process.stdout), cast("IO[str]", process.stderr)
        said: list[str] = []
        thread = threading.Thread(target=said.extend, args=(err,))
        thread.start()
        try:
            for line in out:
                sys.stdout.write(line)
                sys.stdout.flush()
            status = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        finally:
            thread.join()
    errors = "".join(said)
    if errors and status != 2:
        sys.stderr.write(errors)
    return status, errors
