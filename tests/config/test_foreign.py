"""What is changed in other libraries is changed where work is done, and by nobody else."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from omegaconf.basecontainer import BaseContainer

import seqexp.run  # noqa: F401  what its libraries change when they are imported, they change before
from seqexp.config import foreign, hooks
from seqexp.config.mistakes import ConfigError
from seqexp.sweep import again
from seqexp.sweep.sweep import Sweep, _in_worker


@pytest.fixture(autouse=True)
def adapted() -> None:
    """In place of the suite's: nothing is changed before the test."""
    assert foreign._depth == 0


def look() -> dict[str, Any]:
    """What of a process a call may not have changed."""
    names = ("seqexp", "py.warnings", "lightning", "lightning.pytorch", "lightning.fabric", "optuna")
    loggers = [logging.getLogger(), *map(logging.getLogger, names)]
    return {
        "errors of logging": logging.raiseExceptions,
        "loggers": {each.name: (list(each.handlers), each.level, each.propagate, each.disabled) for each in loggers},
        "warning filters": list(warnings.filters),
        "warnings are shown by": warnings.showwarning,
        "threads end in": threading.excepthook,
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "Hydra's methods": {(owner, name): owner.__dict__[name] for owner, name, _ in hooks.METHODS},
        "Hydra": GlobalHydra.instance().is_initialized(),
        "resolvers": {name: BaseContainer._resolvers.get(name) for name in (*hooks.RESOLVERS, *again.RESOLVERS)},
        "environment": dict(os.environ),
        "torch": (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()),
    }


def test_a_run_from_python_leaves_the_process_as_it_was(train: Callable[..., Any]) -> None:
    before = look()
    _, folder = train("trainer.deterministic=true")
    assert look() == before
    log = (folder / "seqexp.log").read_text()
    assert "lightning" in log  # what was quiet meanwhile is in the log
    assert "Tip" not in log
    assert "deprecated" not in log
    for wrong in ("cell=nothing", "trainer.max_epochs=-7"):
        with pytest.raises(ConfigError):
            train(wrong)
    assert look() == before


def test_so_does_a_run_that_breaks_off(train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before = look()

    def ends(*arguments: Any) -> None:
        assert look() != before
        raise RuntimeError("in the midst")

    monkeypatch.setattr("seqexp.training.keeper.Selection.on_train_epoch_end", ends)
    with pytest.raises(RuntimeError, match="in the midst"):
        train()
    assert look() == before


@pytest.mark.filterwarnings("default")
def test_who_has_warnings_captured_keeps_them_so(tmp_path: Path) -> None:
    logging.captureWarnings(True)
    try:
        shown = warnings.showwarning
        with foreign.log_to(logging.FileHandler(tmp_path / "log")):
            warnings.warn("said once", UserWarning, stacklevel=1)
        assert warnings.showwarning is shown
        assert "said once" in (tmp_path / "log").read_text()
    finally:
        logging.captureWarnings(False)


@pytest.mark.filterwarnings("default")
def test_a_log_has_no_advertisements_and_no_deprecations_of_lightnings_own(tmp_path: Path) -> None:
    said = {"💡 Tip: try installing x": "lightning.pytorch.utilities.rank_zero", "💡 Tip: mine": "mine"}
    with foreign.log_to(logging.FileHandler(tmp_path / "log", encoding="utf-8")):
        for text, name in said.items():
            logging.getLogger(name).info(text)
        logging.getLogger("lightning.pytorch").info("GPU available: False")
        for module in ("lightning.pytorch.utilities._pytree", "mine", "mylightning.pytorch"):
            for category in (FutureWarning, DeprecationWarning, UserWarning):
                text = f"{category.__name__} in {module}"
                warnings.warn_explicit(text, category, "a.py", 1, module=module)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert [text for text in said if text in log] == ["💡 Tip: mine"]
    assert "GPU available" in log
    ours = [f"{kind} in {name}" for name in ("mine", "mylightning") for kind in ("FutureWarning", "DeprecationWarning")]
    assert all(each in log for each in [*ours, "UserWarning in lightning.pytorch"])
    assert "FutureWarning in lightning" not in log
    assert "DeprecationWarning in lightning" not in log


def test_contexts_may_be_nested_and_a_worker_within_one_adds_nothing() -> None:
    before = look()
    original = ConfigLoaderImpl.load_configuration
    with foreign.changed({"seqexp.subdir": again.subdir}):
        once = ConfigLoaderImpl.load_configuration
        assert once is not original
        with foreign.changed():
            assert ConfigLoaderImpl.load_configuration is once
        assert isinstance(_in_worker(), Sweep)
        assert ConfigLoaderImpl.load_configuration is once
        assert "seqexp.subdir" in BaseContainer._resolvers
    assert look() == before


def test_a_thread_of_tensorboards_ends_in_the_log_and_others_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    class Theirs(threading.Thread):
        def run(self) -> None:
            raise OSError("no space")

    others: list[Any] = []
    before = threading.excepthook
    threading.excepthook = others.append
    try:
        with foreign.endings_logged("tensorboard", logging.getLogger("seqexp")), caplog.at_level(logging.INFO):
            for module in ("tensorboard.summary", "tensorboardx", "mine"):
                Theirs.__module__ = module
                (thread := Theirs()).start()
                thread.join()
        assert threading.excepthook == others.append
    finally:
        threading.excepthook = before
    assert len(others) == 2
    assert [record.getMessage() for record in caplog.records] == ["a thread of tensorboard ended: no space"]
