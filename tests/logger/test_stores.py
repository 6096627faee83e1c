"""MLflow, W&B and Trackio as they are: what a sweep leaves in their stores, read back by their own means.

They are extras: what is not installed is skipped. `make loggers` installs them and runs this.
"""

from __future__ import annotations

import csv
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seqexp.record.record import Record

PACKAGES = ("mlflow", "wandb", "trackio")
REPOSITORY = Path(__file__).parents[2]
SETTINGS = ("num_seeds=2", "data.length=80", "data.window=8", "trainer.max_epochs=2", "cell.hidden_size=3")
STEPS = [0, 1, 2]

pytestmark = pytest.mark.skipif(
    not any(map(find_spec, PACKAGES)), reason=f"none of {', '.join(PACKAGES)} is installed; make loggers has them"
)

READ_TRACKIO = """
import json, trackio
from trackio.sqlite_storage import SQLiteStorage
runs = trackio.Api().runs("seqexp")
print(json.dumps([[run.name, run.config, SQLiteStorage.get_logs("seqexp", run.name)] for run in runs]))
"""


class Swept(NamedTuple):
    """A sweep of two runs, one of them done in two attempts, and what it wrote on the console."""

    folder: Path
    runs: dict[str, Record]
    out: str
    err: str


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed; make loggers has it")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    home = tmp_path_factory.mktemp("loggers")
    there = [package for package in PACKAGES if find_spec(package)]
    program = [sys.executable, "-m", "seqexp", "--multirun", "cell=rnn,lstm", *SETTINGS, "sweep.name=demo"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    environment["WANDB_MODE"], environment["TRACKIO_SPACE_ID"] = "online", "somebody/everybody"
    logger = f"logger=[{','.join(['csv', *there])}]"

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run([*program, logger], cwd=home, env=environment, capture_output=True, text=True)

    first = start()
    assert first.returncode == 0, first.stderr
    folder = home / "outputs" / "demo"
    lost = next(path for path in folder.glob("*/result.json") if Record.read(path.parent).cell == "lstm")
    lost.unlink()  # as if the power had failed before the end
    second = start()
    assert second.returncode == 0, second.stderr
    runs = {path.parent.name: Record.read(path.parent) for path in folder.glob("*/result.json")}
    return Swept(folder, runs, first.stdout + second.stdout, first.stderr + second.stderr)


def mean(row: list[float] | None) -> float:
    assert row
    return sum(row) / len(row)


def check_numbers(record: Record, rows: dict[str, list[tuple[int, float]]]) -> None:
    """The curves and the final numbers of a run, by name: (step, value)."""
    for part in ("train", "val"):
        assert [step for step, _ in rows[f"{part}/mse"]] == STEPS[:-1]
    final = {"test/mse": record.score("test"), "kept/val_mse": record.score("val")}
    final |= {f"test_baseline/{name}": row for name, row in record.baselines.items() if row is not None}
    assert {"test_baseline/constant", "test_baseline/noise"} < set(final)
    for name, row in final.items():
        assert rows[name] == [(STEPS[-1], pytest.approx(mean(row)))], name
    low, high = sorted(record.score("test") or [])
    assert rows["test/mse_half_width"] == [(STEPS[-1], pytest.approx(12.7062 * (high - low) / 2, rel=1e-5))]
    assert rows["work/diverged_seeds"] == [(STEPS[-1], 0)]


def check_settings(record: Record, settings: dict[str, Any]) -> None:
    """Settings that can change a result, and none that is null."""
    assert settings["cell"] == record.cell
    assert settings["data"] == "sine"
    assert {str(settings["cell.hidden_size"]), str(settings["data.window"])} == {"3", "8"}
    assert int(settings["num_parameters"]) == record.num_parameters
    assert not {"trainer.max_time", "data_seed"} & set(settings)
    assert not [key for key in settings if key.startswith(("logger", "compare", "sweep", "checkpoint"))]


def test_the_console_is_as_without_them(sweep: Swept) -> None:
    assert sweep.err == ""
    assert not [word for word in ("wandb", "mlflow", "trackio", "WARN") if word in sweep.out.replace("logger", "")]


def test_csv_lies_in_each_run(sweep: Swept) -> None:
    for name, record in sweep.runs.items():
        rows: dict[str, list[tuple[int, float]]] = {}
        with (sweep.folder / name / "loggers" / "csv" / "metrics.csv").open() as file:
            for row in csv.DictReader(file):
                for key, value in row.items():
                    if key != "step" and value:
                        rows.setdefault(key, []).append((int(row["step"]), float(value)))
        check_numbers(record, rows)


@needs("mlflow")
def test_mlflow_has_one_experiment_with_both_runs(sweep: Swept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    client = MlflowClient((sweep.folder / "loggers" / "mlflow").as_uri())
    (experiment,) = client.search_experiments()
    assert experiment.name == "seqexp"
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(found) == set(sweep.runs)  # the attempt that was lost is hidden
    for name, record in sweep.runs.items():
        run = found[name]
        assert run.info.status == "FINISHED"
        assert run.data.tags["sweep"] == "demo"
        assert run.data.tags["mlflow.note.content"].startswith(f"{record.cell} on sine · test MSE ")
        check_settings(record, run.data.params)
        history = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
        check_numbers(record, {key: [(each.step, each.value) for each in rows] for key, rows in history.items()})


def records(path: Path) -> Iterator[Any]:
    """W&B's records: the log format of LevelDB, behind a header of seven bytes."""
    from wandb.proto import wandb_internal_pb2

    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        _, length, kind = struct.unpack_from("<IHB", data, place)
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


@needs("wandb")
def test_wandb_has_a_folder_for_each_run(sweep: Swept) -> None:
    found = {}
    for path in (sweep.folder / "loggers" / "wandb").glob("offline-run-*/*.wandb"):
        settings, rows, run, notes = {}, {}, None, ""
        for each in records(path):
            kind = each.WhichOneof("record_type")
            if kind == "run":
                run, notes = run or each.run, each.run.notes or notes
            elif kind == "config":
                settings |= {item.key or ".".join(item.nested_key): json.loads(item.value_json)
                             for item in each.config.update}  # fmt: skip
            elif kind == "history":
                row = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in each.history.item}
                for key in set(row) - {"epoch"}:
                    rows.setdefault(key, []).append((row["epoch"], row[key]))
            elif kind == "exit":
                assert each.exit.exit_code == 0
        assert run is not None
        assert (run.project, run.run_group, run.display_name in found) == ("seqexp", "demo", False)
        found[run.display_name] = (settings, rows, notes)
    assert set(found) == set(sweep.runs)
    for name, record in sweep.runs.items():
        settings, rows, notes = found[name]
        check_settings(record, settings)
        check_numbers(record, rows)
        assert notes.startswith(f"{record.cell} on sine · test MSE ")


@needs("trackio")
def test_trackio_has_one_project_with_both_runs(sweep: Swept) -> None:
    environment = {**os.environ, "TRACKIO_DIR": str(sweep.folder / "loggers" / "trackio")}
    done = subprocess.run([sys.executable, "-c", READ_TRACKIO], env=environment, capture_output=True, text=True)
    found = {name: (settings, logs) for name, settings, logs in json.loads(done.stdout)}
    assert set(found) == set(sweep.runs)
    for name, record in sweep.runs.items():
        settings, logs = found[name]
        check_settings(record, settings)
        assert settings["_Group"] == "demo"
        assert settings["status"] == "success"
        assert settings["result"].startswith(f"{record.cell} on sine · test MSE ")
        rows: dict[str, list[tuple[int, float]]] = {}
        for row in logs:
            for key in set(row) - {"step", "timestamp"}:
                rows.setdefault(key, []).append((row["step"], row[key]))
        check_numbers(record, rows)
