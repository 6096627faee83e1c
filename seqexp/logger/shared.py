"""What a logger is whose store holds many runs, such as all runs of a sweep."""

from __future__ import annotations

from abc import abstractmethod
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import Logger


class Shared(Logger):
    """A logger whose store holds many runs, each under its name; a run of the same name takes the place of the former.

    Args:
        name: of the run; no other run in the store has it.
        prefix: stands, with a `-`, before the name of each metric; empty for none.
    """

    def __init__(self, name: str, prefix: str) -> None:
        super().__init__()
        self._name = name
        self.prefix = prefix

    @property
    def name(self) -> str:
        """What the run is called."""
        return self._name

    @property
    def version(self) -> str:
        """There is one of each run."""
        return "0"

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Logs settings, dotted key -> value."""
        self.log_settings(vars(params) if isinstance(params, Namespace) else params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs numbers of an epoch, `step`."""
        self.log_numbers({f"{self.prefix}-{tag}" if self.prefix else tag: each for tag, each in metrics.items()}, step)

    @abstractmethod
    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Takes settings, dotted key -> value."""

    @abstractmethod
    def log_numbers(self, numbers: Mapping[str, float], step: int | None) -> None:
        """Takes numbers of an epoch by name."""

    @abstractmethod
    def describe(self, text: str) -> None:
        """Takes the line that a finished run says of itself."""
