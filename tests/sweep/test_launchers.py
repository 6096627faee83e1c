"""Hydra's launchers as conf/hydra/launcher sets them: the same numbers wherever a run takes place."""

from __future__ import annotations

import importlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from seqexp.config.compose import CONF
from seqexp.config.mistakes import exit_if_trouble
from seqexp.record.record import Record, find
from seqexp.run.execute import run
from seqexp.sweep import launchers
from tests.conftest import environment_of_its_own
from tests.forked import Forked, Starter

FILES = sorted((CONF / "hydra" / "launcher").glob("*.yaml"))
PLUGINS = {"joblib": "joblib", "submitit_local": "submitit", "slurm": "submitit", "ray": "ray"}
EXTRAS = {"joblib": "parallel", "submitit_local": "slurm", "slurm": "slurm", "ray": "ray"}
SWEEP = ("cell=rnn,lstm", "data.length=200", "num_seeds=3", "trainer.max_epochs=3", "trainer.enable_progress_bar=false")
PATIENCE = 300  # seconds, for a machine that has other things to do

BAD_CELL = """
from seqexp.cell.rnn import RNN

class Bad(RNN):
    def last(self, x, lengths=None):
        if x.is_meta:  # what is asked before a run, for its memory
            return super().last(x, lengths)
        raise RuntimeError("the roof is on fire")
"""

RAY_CLUSTER = """
import sys
import ray
context = ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


def slurm_answers() -> bool:
    return shutil.which("sinfo") is not None and subprocess.run(["sinfo"], capture_output=True).returncode == 0


def need(launcher: str) -> None:
    """Skips where a launcher cannot be tried."""
    pytest.importorskip(PLUGINS[launcher])
    pytest.importorskip(f"hydra_plugins.hydra_{PLUGINS[launcher]}_launcher")
    if launcher == "slurm" and not slurm_answers():
        pytest.skip("no Slurm answers: scripts/one_node_slurm.sh starts one")


def environment(**more: str) -> dict[str, str]:
    return {**environment_of_its_own(), **more}


Start = Callable[..., Forked]


@pytest.fixture
def start(starter: Starter) -> Start:
    """Starts a sweep; its workers are Pythons that import everything."""

    def start(home: Path, *arguments: str, **more: str) -> Forked:
        home.mkdir(exist_ok=True)
        return starter.start("-m", "seqexp", "--multirun", *arguments, cwd=home, env=environment(**more))

    return start


def sweep_folder(home: Path) -> Path:
    (folder,) = (home / "outputs").iterdir()
    return folder


def scores(home: Path) -> dict[str, str]:
    """Each cell's test_mse, as it is written in result.json."""
    records = {
        Record.read(each).cell: json.loads((each / "result.json").read_text()) for each in find(sweep_folder(home))
    }
    return {cell: json.dumps(record["test_mse"]) for cell, record in records.items()}


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def listening(process: Forked) -> set[str]:
    """The addresses at which a process and what it has started wait for others."""
    found = set()
    try:
        top = psutil.Process(process.pid)
        for each in [top, *top.children(recursive=True)]:
            connections = each.net_connections("inet")
            found |= {str(one.laddr.ip) for one in connections if one.status == psutil.CONN_LISTEN}
    except psutil.Error:  # some process has just ended
        pass
    return found


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The scores of the sweep's runs, one after the other in this process."""
    home = tmp_path_factory.mktemp("serial")
    records = {cell: run([f"cell={cell}", *SWEEP[1:]], home / cell) for cell in ("rnn", "lstm")}
    return {cell: json.dumps(record.test_mse) for cell, record in records.items()}


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "slurm"])
def test_the_numbers_are_those_of_a_serial_sweep_and_one_failure_stops_nothing(
    launcher: str, start: Start, serial: dict[str, str], tmp_path: Path
) -> None:
    need(launcher)
    (tmp_path / "conf" / "cell").mkdir(parents=True)
    rnn = OmegaConf.load(CONF / "cell" / "rnn.yaml")
    OmegaConf.save({**rnn, "_target_": "bad_cell.Bad"}, tmp_path / "conf" / "cell" / "bad.yaml")
    (tmp_path / "bad_cell.py").write_text(BAD_CELL)
    own = ("--config-dir=conf", "cell=bad,lstm", "allowed_packages=[bad_cell]")
    process = start(tmp_path, *own, *SWEEP[1:], f"hydra/launcher={launcher}")
    addresses: set[str] = set()
    while process.poll() is None:
        addresses |= listening(process)
        time.sleep(0.2)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert addresses == set()
    assert scores(tmp_path)["lstm"] == serial["lstm"]
    records = {each.cell: each for each in map(Record.read, find(sweep_folder(tmp_path)))}
    assert {cell: each.status for cell, each in records.items()} == {"bad": "failed", "lstm": "done"}
    assert records["bad"].error == {"type": "RuntimeError", "message": "the roof is on fire"}
    table = (sweep_folder(tmp_path) / "comparison.md").read_text()
    assert "the roof is on fire" in table
    assert "lstm" in table
    assert "comparison.md" in out


def test_a_ray_of_the_sweeps_own_gives_them_too_and_listens_on_loopback_only(
    start: Start, serial: dict[str, str], tmp_path: Path
) -> None:
    need("ray")
    process = start(tmp_path, *SWEEP, "hydra/launcher=ray", HOME=str(tmp_path))
    addresses: set[str] = set()
    while process.poll() is None:
        addresses |= listening(process)
        time.sleep(1)
    assert (process.returncode, process.communicate()[1]) == (0, "")
    assert scores(tmp_path) == serial
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert not (tmp_path / ".ray").exists()  # no token is left behind


@pytest.fixture
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray that runs already, in a folder of its own: its address, and the environment that leads to it."""
    need("ray")
    key = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    pipe = subprocess.PIPE
    command, home = [sys.executable, "-c", RAY_CLUSTER], tmp_path_factory.mktemp("cluster")
    with subprocess.Popen(command, cwd=home, env=environment(**key), stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield {"address": process.stdout.readline().strip(), **key}
        process.communicate("")


def test_a_ray_that_runs_already_gives_them_too(
    start: Start, ray_cluster: dict[str, str], serial: dict[str, str], tmp_path: Path
) -> None:
    address = ray_cluster.pop("address")
    process = start(tmp_path, *SWEEP, "hydra/launcher=ray", f"hydra.launcher.ray.init.address={address}", **ray_cluster)
    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert process.returncode == 0
    assert scores(tmp_path) == serial


@pytest.mark.parametrize("launcher", ["submitit_local", "slurm"])
def test_the_launching_process_may_die(launcher: str, start: Start, starter: Starter, tmp_path: Path) -> None:
    need(launcher)
    longer = ["cell=lstm", *(each.replace("max_epochs=3", "max_epochs=300") for each in SWEEP[1:])]
    process = start(tmp_path, *longer, f"hydra/launcher={launcher}")
    wait_for(lambda: len(list(tmp_path.glob("outputs/*/*/seqexp.log"))) > 0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = sweep_folder(tmp_path)
    assert not (folder / "comparison.md").exists()
    wait_for(lambda: len(list(folder.glob("*/result.json"))) == 1)
    done = starter.run("-m", "seqexp.compare", str(folder), cwd=tmp_path, env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert {Record.read(each).status for each in find(folder)} == {"done"}
    assert (folder / "comparison.md").is_file()


def test_every_file_is_tested_here() -> None:
    assert {each.stem for each in FILES} == set(PLUGINS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_a_launcher_and_only_settings_that_it_has(file: Path) -> None:
    need_plugin = pytest.importorskip(f"hydra_plugins.hydra_{PLUGINS[file.stem]}_launcher")
    settings = OmegaConf.load(file)
    module, _, name = settings._target_.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), name), type)
    config = {"joblib": "JobLibLauncherConf", "submitit_local": "LocalQueueConf", "slurm": "SlurmQueueConf"}
    schema_file = "_config" if file.stem == "ray" else "config"
    schemas = importlib.import_module(f"{need_plugin.__name__}.{schema_file}")
    schema = OmegaConf.structured(getattr(schemas, config.get(file.stem, "RayLauncherConf")))
    OmegaConf.merge(schema, settings)  # refuses a key or a value that the plugin does not know


@pytest.mark.parametrize("launcher", PLUGINS)
def test_a_launcher_that_is_not_installed_says_what_to_install(
    launcher: str, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"hydra_plugins.hydra_{PLUGINS[launcher]}_launcher", None)
    done = command("--multirun", *SWEEP, f"hydra/launcher={launcher}")
    assert done.status == 2
    assert f"pip install 'seqexp[{EXTRAS[launcher]}]'" in done.err
    assert done.err.count("\n") == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize("launcher", ["submitit_local", "slurm"])
def test_the_pickles_that_are_read_lie_where_nobody_could_put_them_before(
    command: Callable[..., Any], launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    settings = (f"hydra/launcher={launcher}", "sweep.name=mine")
    shown = "".join(command("--cfg=all", "--resolve", *settings).out for _ in range(2))
    assert len(set(re.findall(r"submitit_folder: outputs/mine/\.submitit/\w{6}-%j$", shown, re.MULTILINE))) == 2
    done = command("--multirun", *settings, "hydra.launcher.submitit_folder=/tmp/escape/%j")
    assert (done.status, done.out) == (2, "")
    assert "hydra.launcher.submitit_folder must lie in the sweep's folder" in done.err


RAY_SETTINGS = ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_USAGE_STATS_ENABLED", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")


def prepared(monkeypatch: pytest.MonkeyPatch, launcher: str, address: str = "local") -> tuple[DictConfig, set[str]]:
    """A configuration with what a launcher's jobs are told, and which of Ray's settings the environment has then."""
    monkeypatch.setattr(os, "environ", {})
    config = OmegaConf.create(
        {
            "hydra": {
                "sweep": {"dir": "outputs/mine"},
                "overrides": {"hydra": ["hydra.mode=MULTIRUN"]},
                "launcher": {"_target_": launcher, "ray": {"init": {"address": address}}},
            }
        }
    )
    OmegaConf.set_readonly(config, True)
    launchers.prepare(config)
    assert config.hydra.sweep.dir == "outputs/mine"
    return config, set(os.environ) & set(RAY_SETTINGS)


@pytest.mark.parametrize(
    "name", ["plain", "it's, with = (all) {of} [them] $x", "back\\slash", "end\\", "a\\'b", "日本"]
)
def test_rays_workers_are_told_the_whole_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    config, _ = prepared(monkeypatch, "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher")
    kept, added = config.hydra.overrides.hydra
    assert kept == "hydra.mode=MULTIRUN"
    (override,) = OverridesParser.create().parse_overrides([added])
    assert override.key_or_group == "hydra.sweep.dir"
    assert override.value() == str(tmp_path / name / "outputs" / "mine")


def test_only_a_ray_of_the_sweeps_own_is_guarded_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
    assert prepared(monkeypatch, ray)[1] == set(RAY_SETTINGS)
    token = os.environ["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    prepared(monkeypatch, ray)
    assert os.environ["RAY_AUTH_TOKEN"] != token
    assert prepared(monkeypatch, ray, "auto")[1] == set()


def test_other_launchers_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    config, settings = prepared(monkeypatch, "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher")
    assert (config.hydra.overrides.hydra, settings) == (["hydra.mode=MULTIRUN"], set())


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["n_jobs=0"], "n_jobs == 0"),
        (["batch_size=-3"], "batch_size"),
        (["batch_size=some"], "batch_size"),
        (["pre_dispatch=9**9**9"], "pre_dispatch must be"),
        (["pre_dispatch='exit()'"], "pre_dispatch must be"),
    ],
)
def test_what_joblib_would_refuse_later_is_refused_before(
    command: Callable[..., Any], arguments: list[str], word: str
) -> None:
    need("joblib")
    done = command("--multirun", "hydra/launcher=joblib", *(f"hydra.launcher.{each}" for each in arguments))
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert word in done.err
    assert list(Path.cwd().iterdir()) == []


def test_slurm_is_refused_where_there_is_none(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    need("submitit_local")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = command("--multirun", "hydra/launcher=slurm")
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert "submitit_local" in done.err
    assert list(Path.cwd().iterdir()) == []


def test_a_cluster_that_does_not_answer_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        exit_if_trouble(ConnectionError("Could not find any running Ray instance."))
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("seqexp: Could not find any running Ray instance. Finished runs stay")
