"""seqexp/config/guard.py: a stranger's YAML runs nothing, imports nothing, and writes nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException

from seqexp.config.mistakes import ConfigError
from seqexp.record.record import Record, find
from seqexp.run.execute import run
from seqexp.search import __main__ as searching
from tests.conftest import REPOSITORY, Done

sys.path.insert(0, str(REPOSITORY / "scripts"))

from fuzzing import files, strangers

Command = Callable[..., Done]

SHORT = ("num_seeds=1", "data.length=60", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")
SECRET = "xyzzy-4711-plugh"

BUILT = tuple("{" + each + "}" for each in strangers.ATTACKS)
PLACES = (
    "evil: {built}\nhydra: {{callbacks: {{zz: '${{evil}}'}}}}\n",
    "hydra: {{callbacks: {{zz: {built}}}}}\n",
    "hydra: {{callbacks: {{seqexp: {built}}}}}\n",
    "evil: {built}\nhydra: {{launcher: '${{evil}}'}}\n",
    "hydra: {{sweeper: {built}}}\n",
    "hydra: {{launcher: {{x: {built}}}}}\n",
    "cell: {built}\n",
    "optimizer: {built}\n",
    "data: {built}\n",
    "trainer: {{logger: {built}}}\n",
    "sweep: {built}\n",
)
READS = tuple(each for each in strangers.HYDRA_ATTACKS if "oc.env" in each)
# A file may choose a run's folder, which is new or empty wherever it lies, so a place elsewhere is no attack.
ACTS = tuple(each for each in strangers.HYDRA_ATTACKS if each not in READS and "/proc/self/cwd" not in each)
MET = {
    "single": (),
    "multirun": ("--multirun", "seed=1,2"),
    "job": ("--multirun", "experiment=ok,mine"),
}


def met_anyhow(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each text in a single run, and each fourth in every other way: who checks is the same."""
    return [(text, met) for number, text in enumerate(texts) for met in MET if met == "single" or number % 4 == 0]


@pytest.fixture
def home(command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, in which the stranger has left all that could be run."""
    here = Path.cwd()
    for path, text in files.THEIRS.items():
        files.write(here, path, text)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.setenv("SEQEXP_FUZZ_SECRET", SECRET)
    yield here
    sys.modules.pop("stranger", None)


def stranger(home: Path, text: str) -> None:
    for path, content in strangers.experiment(strangers.GLOBAL + text).items():
        files.write(home, path, content)


def state(home: Path) -> dict[str, object]:
    """What a file that acts would change."""
    below = {str(path.relative_to(home)) for path in home.rglob("*") if "__pycache__" not in path.parts}
    return {
        "files": below,
        "victim": (home / "victim").read_text(),
        "modules": {name.partition(".")[0] for name in sys.modules} & {"stranger", "antigravity"},
        "environment": {name: os.environ.get(name) for name in ("PATH", "PYTHONPATH", "LD_PRELOAD")},
        "folder": os.getcwd(),
    }


def give(command: Command, met: str) -> Done:
    given = ("experiment=mine",) if met != "job" else ()
    return command("--config-dir", "conf", *MET[met], *given, *SHORT)


@pytest.mark.parametrize(("place", "met"), met_anyhow(PLACES))
def test_whatever_could_be_built_is_refused_wherever_it_stands(
    command: Command, home: Path, place: str, met: str
) -> None:
    for built in BUILT if (place, met) == (PLACES[0], "single") else BUILT[:2]:
        stranger(home, place.format(built=built))
        before = state(home)
        done = give(command, met)
        assert (done.status, done.err.count("\n")) == (2, 1), (built, done.err)
        assert state(home) == before, built


@pytest.mark.parametrize(("text", "met"), met_anyhow(ACTS))
def test_whatever_acts_through_hydras_node_is_refused(command: Command, home: Path, text: str, met: str) -> None:
    stranger(home, text.replace("{home}", str(home)))
    before = state(home)
    done = give(command, met)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert state(home) == before


def test_a_search_refuses_them_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    texts = [*(each.replace("{home}", str(home)) for each in ACTS), *(PLACES[0].format(built=each) for each in BUILT)]
    for text in texts:
        stranger(home, text)
        before = state(home)
        arguments = ["--config-dir", "conf", "experiment=mine", "optimizer.lr=interval(1e-3,1e-2)", *SHORT[1:]]
        with pytest.raises(SystemExit) as end:
            searching.main([*arguments, "search.trials=1", "search.num_seeds=1"])
        assert (end.value.code, capsys.readouterr().err.count("\n")) == (2, 1), text
        assert state(home) == before, text


@pytest.mark.parametrize(
    "override", ["hydra.searchpath=[pkg://stranger]", "hydra.job.env_set={A: b}", "hydra.mode=RUN"]
)
def test_a_run_from_python_takes_nothing_that_acts(home: Path, override: str) -> None:
    before = state(home)
    with pytest.raises(ConfigError, match=r"hydra\."):
        run([override, *SHORT], home / "outputs" / "mine")
    assert state(home) == before


@pytest.mark.parametrize(("text", "met"), met_anyhow(READS))
def test_no_value_of_the_environment_is_written_or_said(command: Command, home: Path, text: str, met: str) -> None:
    stranger(home, text)
    before = state(home)
    done = give(command, met)
    if done.status == 2:
        assert state(home) == before
    assert [path for path in home.rglob("*") if SECRET in path.name] == []
    assert [path for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in done.out


WORKS = (
    "seed: 3\ncell: {hidden_size: 5}\n",
    "hydra: {sweep: {subdir: 'mine,${hydra.job.num}'}}\nsweep: {name: theirs}\n",
    "defaults: [{override /cell: gru}]\nhydra: {sweeper: {params: {seed: '5,6'}}}\n",
    "hydra: {launcher: {_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher}}\n",
    "hydra: {verbose: false, help: {template: x}, job: {config: {override_dirname: {kv_sep: '='}}}}\n",
)


@pytest.mark.parametrize("text", WORKS)
def test_what_only_sets_is_believed(command: Command, home: Path, text: str) -> None:
    stranger(home, text)
    done = command("--config-dir", "conf", "--multirun", "experiment=mine", *SHORT)
    assert (done.status, done.err) == (0, ""), done.err
    assert {Record.read(each).status for each in find(home / "outputs")} == {"done"}


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("[pkg://stranger]", "pkg://stranger"),
        ("[file://{home}/nowhere]", "nowhere"),
        ("[file://{home}/conf, pkg://stranger]", "pkg://stranger"),
        ("[file://{home}/theirs]", "--config-dir"),
    ],
)
def test_the_command_line_adds_folders_and_imports_nothing(command: Command, home: Path, value: str, word: str) -> None:
    files.write(home, "theirs/cell/lstm.yaml", strangers.MINE)
    before = state(home)
    done = command(f"hydra.searchpath={value}".replace("{home}", str(home)), "cell=lstm", *SHORT)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert word in done.err
    assert state(home) == before


def test_a_folder_on_the_command_line_is_searched(command: Command, home: Path) -> None:
    files.write(home, "theirs/cell/mine.yaml", strangers.MINE)
    for given in (("cell=mine",), ("--multirun", "cell=mine,rnn")):
        done = command(*given, f"hydra.searchpath=[file://{home}/theirs]", *SHORT)
        assert (done.status, done.err) == (0, "")
    assert run(["cell=mine", f"hydra.searchpath=[file://{home}/theirs]", *SHORT], home / "mine").cell == "mine"


def test_what_is_allowed_may_be_in_a_folders_name(command: Command, home: Path) -> None:
    stranger(home, "hydra: {run: {dir: 'outputs/${oc.env:SEQEXP_FUZZ_SECRET}'}}\n")
    done = command("--config-dir", "conf", "experiment=mine", "allowed_environment=[SEQEXP_FUZZ_SECRET]", *SHORT)
    assert (done.status, done.err) == (0, "")
    assert (home / "outputs" / SECRET / "result.json").is_file()


def test_another_program_of_hydras_in_this_process_is_left_alone(tmp_path: Path) -> None:
    files.write(tmp_path, "mine.yaml", "defaults: [_self_, g: y]\na: ${oc.env:HOME}\nallowed_packages: [any]\n")
    files.write(tmp_path, "g/x.yaml", "b: 2\n")
    files.write(tmp_path, "g/y.yaml", "- 1\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        composed = compose("mine", ["g=x", "hydra.searchpath=[pkg://hydra.conf]"], return_hydra_config=True)
        assert (composed.g.b, composed.hydra.job_logging.version) == (2, 1)
        with pytest.raises(ConfigCompositionException):  # and no paragraph of seqexp's
            compose("mine", ["nosuch=1"])
        loader = GlobalHydra.instance().config_loader()
        job = loader.load_sweep_config(composed, ["hydra.sweep.dir=elsewhere"])
        assert job.hydra.sweep.dir == "elsewhere"


def test_a_file_that_is_no_configuration_is_refused_by_its_size(command: Command, home: Path) -> None:
    levels = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    levels += [f"{each}: &{each} [{','.join([f'*{before}'] * 10)}]" for before, each in pairwise("abcdefgh")]
    files.write(home, "theirs/cell/deep.yaml", "\n".join(levels))
    files.write(home, "theirs/cell/long.yaml", "")
    with (home / "theirs/cell/long.yaml").open("wb") as file:
        file.truncate(20 * 2**30)
    files.write(home, "theirs/cell/fine.yaml", "x: &x {hidden_size: 4}\ncell: *x\n")
    for cell, word in (
        ("deep", "its aliases stand for 123,456,7"),
        ("long", "21,474,836,480 bytes"),
        ("fine", "cell._target_"),
    ):
        done = command("--config-dir", "theirs", f"cell={cell}", *SHORT)
        assert (done.status, done.err.count("\n")) == (2, 1), done.err
        assert word in done.err


@pytest.mark.parametrize("met", MET)
def test_a_file_that_leads_back_to_itself_is_refused(command: Command, home: Path, met: str) -> None:
    stranger(home, "defaults: [mine]\n")
    done = give(command, met)
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert "leads back to it" in done.err


def test_a_folder_without_groups_is_refused(command: Command, home: Path) -> None:
    files.write(home, "theirs/lstm.yaml", "hidden_size: 3")
    done = command("--config-dir", "theirs", *SHORT)
    assert (done.status, done.out) == (2, "")
    assert "no folder of a group" in done.err
