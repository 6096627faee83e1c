"""Weights & Biases, offline: a folder for each run, which `wandb sync` sends."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqexp.logger.shared import Shared


class WandbLogger(Shared):
    """Writes a run's settings and scores into a folder that `wandb sync` understands."""

    def __init__(
        self,
        project: str,
        entity: str | None,
        tags: list[str],
        prefix: str,
        save_dir: str,
        name: str,
        group: str | None,
    ) -> None:
        """Begins a run; the folder of a former one of the same name is removed.

        Args:
            project: into which it is sent.
            entity: the user or team whose project that is; None for who is logged in.
            tags: of the run.
            prefix: before the names of metrics.
            save_dir: the store; W&B calls the folder that it writes to `wandb`, and so the last part is taken off.
            name: of the run.
            group: the sweep's name; None for a run of no sweep.
        """
        super().__init__(name, prefix)
        import wandb  # type: ignore[import-not-found, unused-ignore]

        place = Path(save_dir).absolute().parent
        place.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        for former in (place / "wandb").glob(f"offline-run-*-{digest}??????"):
            shutil.rmtree(former)
        self.run = wandb.init(
            project=project,
            entity=entity,
            tags=tags,
            dir=str(place),
            id=digest + secrets.token_hex(3),  # by which the folder of this name is found, and which no other run has
            name=name,
            group=group,
            mode="offline",
            reinit="create_new",  # beside a run of the user's own in this process
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.run.define_metric("epoch", hidden=True)
        self.run.define_metric("*", step_metric="epoch")

    @property
    def version(self) -> str:
        """W&B's number of the run."""
        return str(self.run.id)

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Takes settings, as the run's config."""
        self.run.config.update(dict(settings))

    def log_numbers(self, numbers: Mapping[str, float], step: int | None) -> None:
        """Takes numbers; the last of each is in the run's summary."""
        self.run.log({**numbers, **({} if step is None else {"epoch": step})})

    def describe(self, text: str) -> None:
        """Takes the line that becomes the run's notes."""
        self.run.notes = text

    def finalize(self, status: str) -> None:
        """Ends the run."""
        self.run.finish(exit_code=0 if status == "success" else 1)
