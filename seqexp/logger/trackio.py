"""Trackio: one project, in which each run of a sweep is a run.

Trackio has one folder for a process, which it takes from the environment when it is imported; a process may do runs
that belong to several. So what is logged is kept until the run ends, and a process of its own, `handover.py`, hands it
to Trackio then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqexp.logger.shared import Shared

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Nothing is to be asked of a server."""

SERVERS = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL", "TRACKIO_BUCKET_ID")
"""Variables by which Trackio would send what it logs."""


class TrackioLogger(Shared):
    """Writes a run's settings and scores into a Trackio project."""

    def __init__(self, project: str, save_dir: str, name: str, group: str | None) -> None:
        """Begins a run of which nothing is written yet.

        Args:
            project: what Trackio calls a collection of runs.
            save_dir: the folder of its database.
            name: of the run.
            group: the sweep's name; None for a run of no sweep.
        """
        super().__init__(name, prefix="")
        self.project = project
        self.folder = Path(save_dir)
        self.group = group
        self.settings: dict[str, Any] = {}
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Keeps the settings."""
        self.settings |= settings

    def log_numbers(self, numbers: Mapping[str, float], step: int | None) -> None:
        """Keeps some numbers."""
        self.rows.append((step, dict(numbers)))

    def describe(self, text: str) -> None:
        """Keeps the line among the settings, as Trackio knows no notes."""
        self.settings["result"] = text

    def finalize(self, status: str) -> None:
        """Hands everything to Trackio.

        Raises:
            RuntimeError: Trackio has failed; the message is its last line.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        run = {"project": self.project, "name": self.name, "group": self.group}
        content = {**run, "config": {**self.settings, "status": status}, "rows": self.rows}
        environment = {name: value for name, value in os.environ.items() if name not in SERVERS}
        done = subprocess.run(
            [sys.executable, "-P", str(Path(__file__).with_name("handover.py"))],
            input=json.dumps(content, default=str),
            env={**environment, **OFFLINE, "TRACKIO_DIR": str(self.folder.absolute())},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"trackio: {(done.stderr.strip() or 'no word').splitlines()[-1]}")
