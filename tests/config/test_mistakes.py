"""What is said of a wrong command line, a wrong call or a missing file: one table of lines and the words they bring."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqexp.config.mistakes import OURS, ConfigError, show, unknown_key
from seqexp.run.execute import run
from seqexp.run.load import load

Command = Callable[..., Any]

TINY = ("num_seeds=2", "trainer.max_epochs=1", "data.length=120", "trainer.enable_progress_bar=false")

LINES: dict[str, tuple[str, ...]] = {
    # the flag that is wrong, and the values that were given
    "trainer.num_nodes=2": ("trainer.num_nodes must be 1", "got 2"),
    "trainer.devices=2": ("trainer.devices must be 1", "got 2"),
    "trainer.check_val_every_n_epoch=5": (
        "seqexp: trainer.check_val_every_n_epoch=5, trainer.max_epochs=1: nothing", " 3 batches ", " after 15;"
    ),
    "trainer.check_val_every_n_epoch=null trainer.val_check_interval=7": (
        "trainer.check_val_every_n_epoch=null, trainer.val_check_interval=7, trainer.max_epochs=1: ", " after 7;"
    ),
    "trainer.max_steps=1": ("seqexp: trainer.max_epochs=1, trainer.max_steps=1: nothing", " 1 batches "),
    # what no multirun takes, either
    "optimizer.lr=interval(0.01,0.1)": ("seqexp: optimizer.lr=interval(0.01,0.1): an interval", "seqexp.search"),
    "-m optimizer.lr=interval(0.01,0.1)": ("seqexp: optimizer.lr=interval(0.01,0.1): an interval", "seqexp.search"),
    "-m optimizer.lr=tag(log,interval(0.01,0.1))": ("seqexp: optimizer.lr=tag(log,interval(0.01,0.1)): an interval",),
    "seed=range(1,3)": ("seed=range(1,3): several values", "--multirun"),
    # packages
    "allowed_packages=[mine.tasks]": ("top-level packages, such as [mine]", "got mine.tasks"),
    "allowed_packages=[mine.tasks] data._target_=mine.tasks.T": ("such as [mine]",),
    # a key of another file
    "cell.forget_bias=1": ("cell.forget_bias: ", "a key of cell=cifg, cell=gru, ", " and cell=slstm.", "num_layers"),
    "+cell.forget_bias=1": (" cell=lstm, ",),
    "-m cell=rnn,lstm cell.forget_bias=0,1": (" cell=lstm, ", "(in the run cell=rnn cell.forget_bias=0 "),
    "-m cell=rnn,lstmm": ("Did you mean cell=lstm?", "(in the run cell=lstmm "),
    "optimizer.momentum=0.9": ("optimizer=rmsprop and optimizer=sgd",),
    "hydra.launcher.n_jobs=2": ("a key of hydra/launcher=joblib",),
    "hydra.launcher.partition=long": ("a key of hydra/launcher=slurm",),
    # a group and a plus
    "+cell=lstm": ("write cell=lstm without a plus",),
    "+data=sum": ("write data=sum without a plus",),
    "++cell=lstm": ("++cell=lstm", "without a plus: cell=lstm"),
    # what seqexp gives itself
    "trainer.logger=false": ("trainer.logger is set by seqexp itself",),
    "trainer.enable_checkpointing=false": ("trainer.enable_checkpointing is set by seqexp itself",),
    "+trainer.default_root_dir=x": ("trainer.default_root_dir is set by seqexp itself",),
    "cell.input_size=3": ("cell.input_size is set by seqexp itself",),
    "+data.seeds=[1]": ("data.seeds is set by seqexp itself",),
    "+optimizer.params=[1]": ("optimizer.params is set by seqexp itself",),
    "trainer.gpus=1": ("Did you mean trainer=gpu?",),
    "+trainer.gpus=1": ("Did you mean trainer=gpu?",),
    # what is no setting
    "cell=rnn, lstm": ("cell=rnn,: begins or ends with a comma", "as in cell=rnn,lstm"),
    "cell=rnn ,lstm": (",lstm: begins or ends with a comma",),
    "lstm": ("seqexp: lstm: is no verb and no setting; did you mean cell=lstm? Verbs: board, ",),
    "cell=lstm sine": ("seqexp: sine: a setting is given as key=value\n",),
    "cell=[rnn": ("cell=[rnn: cannot be read as key=value (no viable alternative", "quotes of its own"),
    "data.path=Stückzahl": ("letters such as ä", "as in 'data.path=\"Stückzahl\"'\n"),
    "seed=int(a)": ("(invalid literal for int()",),
    # an empty value
    "sweep.name=": ("got ''\n",),
    "sweep.name=''": ("got ''\n",),
    "cell=''": ("cell='': there is no such cell",),
    "data._target_=''": ("data._target_='': must be",),
    "trainer.strategy=''": ("got ''\n",),
    "trainer.accelerator=''": ("got ''\n",),
    "trainer.profiler=''": ("got ''\n",),
    # a file that there is not
    "cell=LSTM": ("Did you mean cell=lstm?",),
    "data=Sine": ("Did you mean data=sine?",),
    "hydra/launcher=jobli": ("hydra/launcher=joblib?", "Allowed: basic, joblib, ray, slurm, submitit_local."),
    # one file of a group
    "optimizer=[adam,adamw]": ("optimizer takes the name of one", "--multirun optimizer=adam,sgd"),
    "cell=[lstm]": ("cell takes the name of one", "--multirun cell=rnn,lstm"),
    "cell=[rnn,lstm]": ("cell takes the name of one",),
    "-m cell=[rnn,lstm]": ("cell takes the name of one",),
    "-m cell=[rnn],[lstm]": ("cell takes the name of one",),
    "-m optimizer=[adam,adamw]": ("optimizer takes the name of one",),
    "sweep.name=a": ("sweep.name=a: is for a sweep", "python -m seqexp --multirun"),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_line_brings_these_words(command: Command, line: str) -> None:
    given = line.split(" ")
    keys = {each.split("=")[0].lstrip("+~") for each in given}
    done = command(*given, *(each for each in TINY if each.split("=")[0] not in keys))
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"seqexp: [^\n]+\n", done.err), done.err
    for words in LINES[line]:
        assert words in done.err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("cell=lstm", "takes a list of texts, .* got 'cell=lstm'$"),
        ([5], r"takes a list of texts, .* got \[5\]$"),
        (["--config-dir", "mine"], r"settings only, and no --config-dir: .*hydra\.searchpath=\[file:///"),
        (["--multirun", "cell=rnn,lstm"], "settings only, and no --multirun"),
        (["hydra.run.dir=${oc.env:UNSET}/x"], "^hydra.run.dir: .*'UNSET' not found"),
        (["cell=[rnn,lstm]"], "^cell takes the name of one"),
        (["optimizer=[adam,adamw]"], "^optimizer takes the name of one"),
        (["cell=rnn,", "lstm"], "^cell=rnn,: begins or ends with a comma"),
    ],
    ids=str,
)
def test_a_wrong_call_is_refused_as_a_wrong_command_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: Any, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNSET", raising=False)
    with pytest.raises(ConfigError, match=words):
        run(overrides)
    assert list(tmp_path.iterdir()) == []


def test_a_text_is_no_list_of_names(train: Callable[..., Any]) -> None:
    folder = train().folder
    for name in ("allowed_packages", "allowed_environment"):
        with pytest.raises(ConfigError, match=f"^{name} must be a list"):
            load(folder, **{name: "mine"})
    with pytest.raises(ConfigError, match=r"such as \[mine\]"):
        load(folder, ["mine.tasks"])


TASK = """
from pathlib import Path

import numpy as np

from seqexp.data.sum import Sum

READ = {"open": open, "NumPy": np.loadtxt, "absolute": lambda path: open(Path(path).resolve())}


class Mine(Sum):
    def __init__(self, paths: list, how: str, at_once: bool, num_sequences: int, length: int, distribution: str):
        super().__init__(num_sequences, length, distribution)
        self.paths, self.how = paths, how
        if at_once:
            self.read()

    def read(self):
        for each in self.paths:
            READ[self.how](each)

    def sample(self, generator, count, length):
        self.read()
        return super().sample(generator, count, length)
"""


@pytest.mark.parametrize("flag", [[], ["-m"]], ids=["run", "sweep"])
@pytest.mark.parametrize("at_once", ["true", "false"])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("open", "seqexp: data.paths.0=none.csv: No such file or directory"),
        ("NumPy", "seqexp: data.paths.0=none.csv: no such file"),
        ("absolute", "/none.csv: No such file or directory"),
    ],
)
def test_a_missing_file_is_named_with_its_key(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    how: str,
    words: str,
    at_once: str,
    flag: list[str],
) -> None:
    package = tmp_path / "code" / "its_tasks"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(TASK)
    monkeypatch.syspath_prepend(str(package.parent))
    mine = ["data=sum", "data._target_=its_tasks.Mine", "allowed_packages=[its_tasks]", "+data.paths=[none.csv]"]
    done = command(*flag, *mine, f"+data.how={how}", f"+data.at_once={at_once}")
    assert done.status == 2
    assert words in done.err
    assert list(Path.cwd().iterdir()) == []


def test_what_seqexp_gives_is_said_of_these_keys_only() -> None:
    assert "set by seqexp itself" in str(unknown_key("cell.num_seeds", []))
    assert "set by seqexp itself" not in str(unknown_key("trainer.num_seeds", []))
    assert all(OURS.values())


def test_a_value_that_would_not_be_seen_is_quoted() -> None:
    assert [show(each) for each in ("", " ", "a", 0, None)] == ["''", "' '", "a", "0", "None"]
