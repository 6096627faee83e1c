"""What the tests share: small runs from Python, the command line in this process, and no leftovers of either."""

from __future__ import annotations

import copy
import dataclasses
import functools
import gc
import io
import itertools
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf, base
from omegaconf.base import Metadata

from seqexp.config.compose import CONF
from seqexp.record.record import Record
from tests.forked import Starter

# A shell's `&` has SIGINT ignored, `nohup` SIGHUP, and what ignores a signal hands that on to all that it starts: what
# the program does on them could not be tried, and whoever ends another by them would wait for ever.
if threading.current_thread() is threading.main_thread():
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)

REPOSITORY = Path(__file__).resolve().parent.parent

TINY = ("num_seeds=2", "trainer.max_epochs=2", "trainer.enable_progress_bar=false")
TINY_SINE = (*TINY, "data.length=120")


class Trained(NamedTuple):
    """A run and where it lies."""

    record: Record
    folder: Path


class Done(NamedTuple):
    """How a command line ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Problems this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # a full collection would take a quarter of a second with all that the imports made
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def parsed_once() -> Iterator[None]:
    """The same text of YAML, and the same override, is parsed once: thousands of tests compose from the same files."""
    files: dict[str, Any] = {}
    overrides: dict[tuple[str, str], Any] = {}
    load, parse = OmegaConf.load, OverridesParser.parse_rule

    def load_once(file: Any) -> Any:
        text = file.read() if hasattr(file, "read") else Path(file).read_text(encoding="utf-8")
        if text not in files:
            files[text] = load(io.StringIO(text))
        return copy.deepcopy(files[text])

    def parse_once(self: OverridesParser, text: str, rule: str) -> Any:
        if "(" in text:  # `shuffle(...)` is another each time
            return parse(self, text, rule)
        if (text, rule) not in overrides:
            overrides[text, rule] = parse(self, text, rule)
        return copy.deepcopy(overrides[text, rule])

    def copied(self: Metadata, memo: dict[int, Any]) -> Any:
        other = copy.copy(self)
        other.flags = None if self.flags is None else dict(self.flags)  # an empty one, too, is to be its own
        other.resolver_cache = copy.deepcopy(self.resolver_cache, memo) if self.resolver_cache else defaultdict(dict)
        return other

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "load", staticmethod(load_once))
        patch.setattr(OverridesParser, "parse_rule", parse_once)
        patch.setattr(base, "parse", functools.cache(base.parse))  # the tree of `${...}`, which is only read
        patch.setattr(Metadata, "__deepcopy__", copied, raising=False)  # types and flags, a few thousand times each
        yield


@pytest.fixture(autouse=True, scope="session")
def composed_once() -> Iterator[None]:
    """The same shipped files are merged once, and copied: not where any other folder is searched for files."""
    lists: dict[Any, Any] = {}
    merged: dict[Any, Any] = {}
    choose, merge = config_loader_impl.create_defaults_list, ConfigLoaderImpl._compose_config_from_defaults_list

    def shipped(repo: Any) -> bool:
        found = {(each.scheme(), each.path.removeprefix("file://")) for each in repo.get_sources()}
        return found <= {("pkg", "hydra.conf"), ("file", str(CONF)), ("structured", "")}

    def create_defaults_list(repo: Any, config_name: Any, overrides_list: Any, **more: Any) -> Any:
        if not shipped(repo):
            return choose(repo=repo, config_name=config_name, overrides_list=overrides_list, **more)
        given = [each for each in overrides_list if not each.is_sweep_override()]
        values = [each for each in given if isinstance(each.value(), dict) or not repo.group_exists(each.key_or_group)]
        files = [each for each in given if each not in values]  # what is set chooses no file
        key = (config_name, tuple(each.input_line for each in files), *sorted(more.items()))
        if key not in lists:
            lists[key] = choose(repo=repo, config_name=config_name, overrides_list=files, **more)
        return dataclasses.replace(lists[key], config_overrides=values)

    def compose(self: ConfigLoaderImpl, defaults: Any, repo: Any) -> Any:
        if not shipped(repo):
            return merge(self, defaults, repo)
        key = tuple(tuple(vars(each).values()) for each in defaults)
        if key not in merged:
            merged[key] = merge(self, defaults, repo)
        return copy.deepcopy(merged[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_loader_impl, "create_defaults_list", create_defaults_list)
        patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", compose)
        yield


@pytest.fixture(autouse=True, scope="session")
def mode_known() -> Iterator[None]:
    """Hydra composes all that is asked only to see whether `hydra.mode` is set: not where nothing could have set it."""
    right = Hydra.get_mode

    def get_mode(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        own = any(each.provider == "command-line" for each in self.config_loader.get_search_path().get_path())
        may = any(word in each for each in overrides for word in ("hydra", "experiment"))
        return right(self, config_name, overrides) if own or may or config_name != "config" else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", get_mode)
        yield


@pytest.fixture(autouse=True)
def adapted() -> Iterator[None]:
    """Tests compose configurations without the entries of the package, and find Hydra as those leave it."""
    from seqexp.config.foreign import changed
    from seqexp.sweep.again import RESOLVERS

    with changed(RESOLVERS):
        yield


DRAWING = ("show", "compare", "diagnostic")
"""Folders whose tests look at pictures."""


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves pictures empty where nobody looks at them: to draw them is most of what a tiny run or sweep costs."""
    if request.path.parent.name in DRAWING or request.node.get_closest_marker("drawn"):
        return
    from seqexp.show import board, figures

    monkeypatch.setattr(figures, "encode", lambda figure, kind: b"")
    monkeypatch.setattr(figures, "laid_out", lambda figure: figure)
    monkeypatch.setattr(board.Board, "picture", lambda self, tag, figure: None)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Trained]:
    """Trains a small configuration (a sine of 120 values, 2 seeds, 2 epochs) with some settings changed."""
    numbers = itertools.count()

    def train(*overrides: str, tiny: tuple[str, ...] = TINY_SINE) -> Trained:
        from seqexp.run.execute import run

        folder = tmp_path / f"run{next(numbers)}"
        keys = {each.split("=")[0].lstrip("+~") for each in overrides}
        kept = [each for each in tiny if each.split("=")[0] not in keys]
        return Trained(run([*overrides, *kept], folder=folder), folder)

    return train


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Runs `seqexp ...` in this process, from an empty folder."""
    from seqexp.__main__ import main

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["seqexp", *arguments])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            forget_hydra()
        return Done(status, *capsys.readouterr())

    yield command
    forget_hydra()


@pytest.fixture
def environment() -> dict[str, str]:
    """For a Python of its own: one thread, and this checkout's package."""
    return environment_of_its_own()


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts Pythons that have made their imports: for what a program does once it has started."""
    found = Starter(tmp_path_factory.mktemp("s"), environment_of_its_own())
    yield found
    found.close()


def environment_of_its_own() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def forget_hydra() -> None:
    """Hydra keeps one configuration per process."""
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
