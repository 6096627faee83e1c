"""MLflow's file store: one experiment, in which each run of a sweep is a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqexp.logger.shared import Shared

BATCH = 100
"""How many parameters MLflow takes at once."""

LONGEST = 500
"""How many letters of a parameter's value every version of MLflow takes."""


class MLFlowLogger(Shared):
    """Writes a run's settings and scores into a store of MLflow's, which is a folder."""

    def __init__(
        self,
        experiment_name: str,
        prefix: str,
        tags: dict[str, Any] | None,
        save_dir: str,
        name: str,
        group: str | None,
    ) -> None:
        """Begins a run; a former one of the same name is deleted, as MLflow does it, which is to hide it.

        Args:
            experiment_name: what MLflow calls a collection of runs.
            prefix: before the names of metrics.
            tags: of the run, beside those that MLflow itself gives a meaning.
            save_dir: the store.
            name: of the run.
            group: the sweep's name, which becomes the tag `sweep`; None for a run of no sweep.
        """
        super().__init__(name, prefix)
        from mlflow import MlflowClient  # type: ignore[import-not-found, unused-ignore]

        store = Path(save_dir).absolute()
        store.mkdir(parents=True, exist_ok=True)  # where there is a folder, MLflow makes no experiment called Default
        self.client = MlflowClient(store.as_uri())
        with FileLock(store / ".lock"):  # workers that begin at once would make an experiment each
            experiment = self.client.get_experiment_by_name(experiment_name)
            number = experiment.experiment_id if experiment else self.client.create_experiment(experiment_name)
        for former in _named(store / number, name):
            self.client.delete_run(former)
        source = {"mlflow.source.name": "seqexp", "mlflow.source.type": "LOCAL"}
        given = {**source, **({} if group is None else {"sweep": group}), **(tags or {})}
        self.run = self.client.create_run(number, run_name=name, tags=given).info.run_id

    @property
    def version(self) -> str:
        """MLflow's number of the run."""
        return str(self.run)

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Takes settings, as parameters."""
        from mlflow.entities import Param  # type: ignore[import-not-found, unused-ignore]

        parameters = iter([Param(key, str(value)[:LONGEST]) for key, value in settings.items()])
        while batch := list(islice(parameters, BATCH)):
            self.client.log_batch(self.run, params=batch)

    def log_numbers(self, numbers: Mapping[str, float], step: int | None) -> None:
        """Takes numbers, as metrics."""
        from mlflow.entities import Metric  # type: ignore[import-not-found, unused-ignore]

        now = int(time.time() * 1000)
        self.client.log_batch(self.run, [Metric(name, value, now, step or 0) for name, value in numbers.items()])

    def describe(self, text: str) -> None:
        """Takes the line that stands above a run's page."""
        self.client.set_tag(self.run, "mlflow.note.content", text)

    def finalize(self, status: str) -> None:
        """Ends the run."""
        self.client.set_terminated(self.run, "FINISHED" if status == "success" else "FAILED")


def _named(experiment: Path, name: str) -> Iterator[str]:
    """Yields the runs of a name; read from files, as a search of MLflow's may meet a run that is being written."""
    for path in experiment.glob("*/tags/mlflow.runName"):
        if path.read_text(encoding="utf-8") == name:
            yield path.parent.parent.name
