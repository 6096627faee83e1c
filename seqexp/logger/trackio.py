"""Trackio as one of Lightning's loggers.

Trackio has one folder for a process, which it takes from the environment when it is imported; a sweep has many runs in
a process, each with a folder of its own. So what is logged is kept until the run ends, and a process of its own, this
file as a program, hands it to Trackio then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Nothing is to be asked of a server."""

SERVERS = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL", "TRACKIO_BUCKET_ID")
"""Variables by which Trackio would send what it logs."""


class TrackioLogger(Logger):
    """Writes a run's settings and scores into a Trackio project below the run's folder."""

    def __init__(self, project: str, save_dir: str, name: str) -> None:
        """Begins a run of which nothing is written yet.

        Args:
            project: what Trackio calls a collection of runs.
            save_dir: the folder of its database.
            name: of the run.
        """
        super().__init__()
        self.project = project
        self.folder = Path(save_dir)
        self._name = name
        self.settings: dict[str, Any] = {}
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        """What the run is called."""
        return self._name

    @property
    def version(self) -> str:
        """There is one of each run."""
        return "0"

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Keeps the settings."""
        self.settings |= vars(params) if isinstance(params, Namespace) else params

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keeps some scores."""
        self.rows.append((step, dict(metrics)))

    def finalize(self, status: str) -> None:
        """Hands everything to Trackio.

        Raises:
            RuntimeError: Trackio has failed; the message is its last line.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"project": self.project, "name": self._name, "config": self.settings, "rows": self.rows}
        environment = {name: value for name, value in os.environ.items() if name not in SERVERS}
        done = subprocess.run(
            [sys.executable, __file__],
            input=json.dumps(content, default=str),
            env={**environment, **OFFLINE, "TRACKIO_DIR": str(self.folder.absolute())},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"trackio: {(done.stderr.strip() or 'no word').splitlines()[-1]}")


def hand_over(content: dict[str, Any]) -> None:
    """Gives a run to Trackio, in the process that is for it."""
    # This file is called as Trackio is, and lies where Python looks first.
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != Path(__file__).resolve().parent]
    import trackio  # type: ignore[import-not-found, unused-ignore]

    run = trackio.init(
        project=content["project"],
        name=content["name"],
        config=content["config"],
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    for step, metrics in content["rows"]:
        run.log(metrics, step=step)
    run.finish()


if __name__ == "__main__":
    hand_over(json.load(sys.stdin))
