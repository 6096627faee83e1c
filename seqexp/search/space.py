"""What a command line asks to be searched: Hydra's grammar -> settings, studies, and what each draws from."""

from __future__ import annotations

import itertools
import math
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Sweep
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from seqexp.compare.settings import defines_data
from seqexp.config.compose import CONF, compose_run, known_keys
from seqexp.config.mistakes import ConfigError, explain, first_line, unknown_key
from seqexp.config.names import folder_name

Distribution = CategoricalDistribution | FloatDistribution | IntDistribution
Space = dict[str, Distribution]

CHOICES = {"sampler": ("tpe", "random"), "pruner": ("none", "median", "hyperband")}

BUDGET = ("seed", "num_seeds", "trainer.max_epochs", "trainer.max_steps", "trainer.max_time")
"""Keys that say how much a trial costs: with them in the space, no two trials would be comparable."""


@dataclass
class Settings:
    """The `search.…` part of the command line over conf/search.yaml, which says what each is."""

    name: str | None
    dir: str
    trials: int
    sampler: str
    pruner: str
    final_seeds: int | None

    @property
    def folder(self) -> Path:
        """Where the search lives."""
        return Path(self.dir) / str(self.name)


@dataclass(frozen=True)
class Question:
    """One study: which settings are best, where everything else is fixed.

    Attributes:
        name: of the study, and of the folder of its final run.
        fixed: key -> override, of what the command line fixes here.
        space: key -> what is drawn from.
    """

    name: str
    fixed: dict[str, str]
    space: Space

    def overrides(self, values: Mapping[str, Any], **more: int) -> list[str]:
        """The command line of an ordinary run with these values.

        Args:
            values: one for each key of the space.
            more: keys at the top of the configuration.
        """
        chosen = {key: f"{key}={value if isinstance(value, str) else repr(value)}" for key, value in values.items()}
        return list({**self.fixed, **chosen, **{key: f"{key}={value}" for key, value in more.items()}}.values())

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yields settings at which every bound and every choice of the space has its turn."""
        ends = {
            key: list(each.choices) if isinstance(each, CategoricalDistribution) else [each.low, each.high]
            for key, each in self.space.items()
        }
        for index in range(max(len(each) for each in ends.values())):
            yield {key: each[min(index, len(each) - 1)] for key, each in ends.items()}

    def spelled_space(self) -> dict[str, str]:
        """The space as a user would type it, the same text for the same space."""
        return {key: _spell(each) for key, each in self.space.items()}


def read_settings(arguments: Sequence[str]) -> tuple[Settings, list[str]]:
    """Takes the search's own settings out of a command line.

    Args:
        arguments: Hydra overrides, those of `search.…` among them.

    Returns:
        The settings, with a fresh name where none is given; the other overrides.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    own = [each for each in arguments if re.match(r"\+{0,2}search[.=]", each)]
    names = [each.name for each in fields(Settings)]
    given: dict[str, Any] = {}
    for override in _parse(own):
        place, _, name = override.key_or_group.partition(".")
        if name not in names:
            raise unknown_key(f"{place}.{name}", names) if name else ConfigError(f"search takes {', '.join(names)}")
        if override.is_sweep_override():
            raise ConfigError(f"search.{name}: takes one value")
        given[name] = override.value()
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Settings), OmegaConf.load(CONF / "search.yaml"), given)
    except OmegaConfBaseException as error:
        raise ConfigError(f"search.{error.full_key}: {first_line(error)}") from None
    settings = cast(Settings, OmegaConf.to_object(merged))
    for key, allowed in CHOICES.items():
        if getattr(settings, key) not in allowed:
            raise ConfigError(f"search.{key} must be one of {', '.join(allowed)}, got {getattr(settings, key)}")
    for key in ("trials", "final_seeds"):
        if (value := getattr(settings, key)) is not None and value < 1:
            raise ConfigError(f"search.{key} must be >= 1, got {value}")
    if settings.name is None:
        settings.name = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_search_{secrets.token_hex(3)}"
    elif folder_name(settings.name) != settings.name:
        raise ConfigError(
            f"search.name={settings.name}: must be the name of a folder: letters, digits and _ . , = - only, "
            "no dot at its beginning, under 100 characters"
        )
    return settings, [each for each in arguments if each not in own]


def read_questions(arguments: Sequence[str]) -> list[Question]:
    """Turns overrides into studies: one for each combination of what is compared.

    Args:
        arguments: Hydra overrides, without those of `search.…`.

    Raises:
        ConfigError: nothing is searched, or something that cannot be.
    """
    fixed: dict[str, str] = {}
    compared: dict[str, list[str]] = {}
    space: Space = {}
    for override in [*_swept_by_experiment(arguments), *_parse(arguments)]:
        key, name = override.get_key_element(), override.key_or_group
        for each in (fixed, compared, space):
            each.pop(key, None)  # as with Hydra, the last word counts
        if override.is_hydra_override():
            raise ConfigError(f"{name}: a search takes none of Hydra's own settings; see search.name and search.dir")
        if name.partition(".")[0] == "sweep":
            raise ConfigError(f"{name}: is for a multirun; a search has settings of its own, such as search.name")
        if not override.is_sweep_override():
            fixed[key] = str(override.input_line)
        elif _is_group(override) or (defines_data(name) and override.is_discrete_sweep()):
            compared[key] = [f"{key}={text}" for text in override.sweep_string_iterator()]
        elif defines_data(name):
            raise ConfigError(
                f"{name}: says what is to be learnt, so its values can be compared but none of them is best; "
                f"give them one by one, as in {name}=1,2"
            )
        elif name in BUDGET:
            raise ConfigError(f"{name}: is the same for all trials, so that they can be compared; give one value")
        else:
            space[key] = _distribution(override)
    if not space:
        raise ConfigError(
            "there is nothing to search; give at least one setting a range, such as "
            "'optimizer.lr=tag(log, interval(1e-4,1e-1))' or 'cell.hidden_size=range(8,64)'"
        )
    questions: dict[str, Question] = {}
    for combination in itertools.product(*compared.values()):
        here = {**fixed, **dict(zip(compared, combination, strict=True))}
        name = _study_name(here.values(), [each for key, each in here.items() if key in compared])
        if name in questions:
            raise ConfigError(f"{' '.join(combination)}: is given twice")
        questions[name] = Question(name, here, space)
    return list(questions.values())


def _parse(arguments: Sequence[str]) -> list[Override]:
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    try:
        return parser.parse_overrides(list(arguments))
    except Exception as error:
        raise explain(error, known_keys) or error from None


def _swept_by_experiment(arguments: Sequence[str]) -> list[Override]:
    """What an experiment sweeps by itself, as if it stood at the beginning of the command line."""
    chosen = [str(each.input_line) for each in _parse(arguments) if not each.is_sweep_override()]
    _, hydra = compose_run(chosen)
    return _parse([f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()])


def _is_group(override: Override) -> bool:
    loader = GlobalHydra.instance().config_loader()
    return override.package is not None or bool(loader.get_group_options(override.key_or_group))


def _study_name(overrides: Iterable[str], compared: Sequence[str]) -> str:
    """`rnn-sine`, and whatever else is compared."""
    _, hydra = compose_run(list(overrides))
    choices = hydra.runtime.choices
    others = [each for each in compared if each.split("=")[0] not in ("cell", "data")]
    return folder_name("-".join([str(choices.cell), str(choices.data), *others]))


def _distribution(override: Override) -> Distribution:
    """What Optuna draws from, for one swept key."""
    name = override.key_or_group
    sweep = cast(Sweep, override.value())
    tags: set[str] = getattr(sweep, "tags", set())
    if tags - {"log"}:
        raise ConfigError(f"{name}: the tag {min(tags - {'log'})} has no meaning here; log has one")
    log = "log" in tags
    try:
        if isinstance(sweep, IntervalSweep):
            low, high = cast(float, sweep.start), cast(float, sweep.end)
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=log)
            return FloatDistribution(low, high, log=log)
        if isinstance(sweep, RangeSweep):
            return _range(sweep, log)
        if log:
            raise ValueError("the tag log belongs to an interval or a range")
        return CategoricalDistribution(list(dict.fromkeys(override.sweep_string_iterator())))
    except ValueError as error:
        raise ConfigError(f"{name}: {first_line(error)}") from None


def _range(sweep: RangeSweep, log: bool) -> Distribution:
    """A range ends before its stop, as everywhere in Hydra and Python."""
    values = sweep.range()
    if isinstance(values, range):
        if not values:
            raise ValueError(f"the range from {sweep.start} to {sweep.stop} is empty")
        return IntDistribution(min(values[0], values[-1]), max(values[0], values[-1]), log=log, step=abs(values.step))
    if not all(math.isfinite(each or 0) for each in (sweep.start, sweep.stop, sweep.step)):
        raise ValueError("a range must have an end")
    if sweep.step == 0:
        raise ValueError("the step of a range must not be 0")
    points = list(values)
    if not points:
        raise ValueError(f"the range from {sweep.start} to {sweep.stop} is empty")
    if log:
        raise ValueError("a range of fractions cannot have the tag log; take an interval")
    return FloatDistribution(min(points), max(points), step=abs(float(sweep.step)))


def _spell(each: Distribution) -> str:
    if isinstance(each, CategoricalDistribution):
        return f"choice({','.join(str(choice) for choice in each.choices)})"
    if isinstance(each, IntDistribution):
        text = f"range({each.low},{each.high + each.step}{'' if each.step == 1 else f',{each.step}'})"
    elif each.step is not None:
        text = f"range({each.low!r},{each.high + each.step!r},{each.step!r})"
    else:
        text = f"interval({each.low!r},{each.high!r})"
    return f"tag(log,{text})" if each.log else text
