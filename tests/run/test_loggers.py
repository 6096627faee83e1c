"""Loggers beside TensorBoard: they get the scores, change no bit, write below the run's folder, and may break."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from lightning.pytorch.loggers import CSVLogger

SMALL = (
    "num_seeds=2", "data.length=80", "data.window=8", "trainer.max_epochs=3", "cell.hidden_size=3",
    "trainer.enable_progress_bar=false",
)  # fmt: skip

TRACKIO = """
import json, os, pathlib
DATABASE = pathlib.Path(os.environ["TRACKIO_DIR"], "db.json")
def found():
    return json.loads(DATABASE.read_text()) if DATABASE.exists() else []
class Api:
    def runs(self, project):
        if not found():
            raise ValueError("no such project")
        return [Run(each) for each in found()]
def init(**given):
    assert not [name for name in os.environ if name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")]
    return Run({"given": given, "rows": []})
class Run:
    def __init__(self, found):
        self.found, self.name = found, found["given"]["name"]
    def log(self, metrics, step):
        if self.found["given"]["project"] == "broken":
            raise OSError("no more room")
        self.found["rows"].append([step, metrics])
    def delete(self):
        DATABASE.write_text(json.dumps([each for each in found() if each["given"]["name"] != self.name]))
    def finish(self):
        DATABASE.write_text(json.dumps([*found(), self.found]))
"""


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "loggers" / "csv" / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the package, in this process and in the one that is for it."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "trackio.py").write_text(TRACKIO)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/everybody")


def test_csv_gets_the_means_of_every_epoch_and_the_final_scores(train: Callable[..., Any]) -> None:
    without, made = train(tiny=SMALL), train("logger=[csv]", tiny=SMALL)
    assert made.record.test_mse == without.record.test_mse
    assert made.record.fingerprint == without.record.fingerprint
    assert not (without.folder / "loggers").exists()
    found, curves = rows(made.folder), np.genfromtxt(made.folder / "curves.csv", delimiter=",", names=True)
    for epoch in range(3):
        assert float(found[epoch]["val/mse"]) == pytest.approx(curves["val_mse"][curves["epoch"] == epoch].mean())
    assert float(found[3]["test/mse"]) == pytest.approx(np.mean(made.record.test_mse))
    assert float(found[3]["kept/val_mse"]) == pytest.approx(np.mean(made.record.val_mse))
    assert float(found[3]["test_baseline/linear"]) == pytest.approx(np.mean(made.record.baselines["linear"]))
    assert float(found[3]["work/diverged_seeds"]) == 0
    settings = yaml.safe_load((made.folder / "loggers" / "csv" / "hparams.yaml").read_text())
    assert settings["data.window"] == 8
    assert settings["cell._target_"] == "seqexp.cell.rnn.RNN"
    assert [settings[name] for name in ("data", "cell", "optimizer")] == ["sine", "rnn", "adam"]
    assert settings["num_parameters"] == made.record.num_parameters
    assert not {"data_seed", "scheduler"} & set(settings)  # null, or empty
    assert not [name for name in settings if name.startswith(("logger", "compare", "checkpoint"))]  # change no result
    assert {path.name for path in made.folder.glob("events.out.tfevents.*")}  # TensorBoard is there as ever


def test_trackio_gets_the_same_in_a_process_of_its_own(train: Callable[..., Any], trackio: None) -> None:
    made = train("logger=[trackio,csv]", tiny=SMALL)
    (found,) = json.loads((made.folder / "loggers" / "trackio" / "db.json").read_text())
    assert found["given"]["project"] == "seqexp"
    assert found["given"]["group"] is None
    assert found["given"]["name"] == made.folder.name
    assert found["given"]["config"]["data.window"] == 8
    assert [step for step, _ in found["rows"]] == [0, 1, 2, 3]
    assert found["rows"][3][1]["test/mse"] == float(rows(made.folder)[3]["test/mse"])


def test_runs_of_a_sweep_share_a_store_and_one_that_is_done_again_takes_its_former_place(
    command: Callable[..., Any], trackio: None
) -> None:
    arguments = ("--multirun", "cell=rnn,lstm", "logger=[trackio,csv]", "sweep.name=many", *SMALL)
    assert command(*arguments).status == 0
    sweep = Path("outputs/many")

    def stored() -> dict[str, float]:
        found = json.loads((sweep / "loggers" / "trackio" / "db.json").read_text())
        assert {each["given"]["group"] for each in found} == {"many"}
        assert len({each["given"]["name"] for each in found}) == len(found)
        return {each["given"]["name"]: each["rows"][3][1]["test/mse"] for each in found}

    before = stored()
    assert set(before) == {path.parent.name for path in sweep.glob("*/result.json")}
    assert {path.parent.parent.name for path in sweep.glob("*/loggers/csv/")} == set(before)
    next(sweep.glob("*/result.json")).unlink()
    (sweep / ".lock").unlink()  # this process has not ended, and still holds it
    assert command(*arguments).status == 0
    assert stored() == before


def test_one_that_breaks_stops_neither_the_run_nor_the_others(
    train: Callable[..., Any], trackio: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = train(tiny=SMALL)
    with caplog.at_level(logging.WARNING):
        made = train("logger=[csv,trackio]", "logger.trackio.project=broken", tiny=SMALL)
    assert made.record.test_mse == whole.record.test_mse
    assert len(rows(made.folder)) == 4
    assert "logger trackio failed" in caplog.text
    assert "no more room" in caplog.text
    monkeypatch.setattr(CSVLogger, "log_metrics", lambda *args: 1 / 0)
    with caplog.at_level(logging.WARNING):
        assert train("logger=[csv]", tiny=SMALL).record.test_mse == whole.record.test_mse
    assert "logger csv failed, and gets no more of this run: ZeroDivisionError" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("logger=[csb]", "Did you mean logger=csv?"),
        ("logger=[trackio]", "logger.trackio needs the package trackio: pip install 'seqexp[trackio]'"),
        ("logger=[csv] logger.csv.flush_logs_every_n_steps=often", "must be a whole number, got 'often'"),
        ("logger=[csv] +logger.csv.save_dir=/tmp", "logger.csv.save_dir is set by seqexp itself and cannot be given"),
        ("logger=[csv] logger.csv._target_=lightning.pytorch.loggers.CometLogger", "sends what it logs to a server"),
        ("logger=[csv] logger.csv._target_=torch.nn.RNN", "must be a class derived from lightning"),
        ("+logger.k=3", "a file of logger/ begins with the line '# @package logger.NAME'"),
    ],
)
def test_what_is_refused_is_one_paragraph(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    monkeypatch.setattr("seqexp.run.loggers.importlib.util.find_spec", lambda name: None)
    done = command(*given.split(), "num_seeds=1")
    assert done.status == 2
    assert said in done.err
    assert not Path("outputs").exists()
