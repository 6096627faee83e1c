"""What a sweep and its runs are called: a sweep after what it compares, a run after what varies in its sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from seqexp.config.names import LONGEST, folder_name

SEEDS = ("seed", "num_seeds", "sweep.judges")
"""Keys by which the parts of one run differ."""

LONGEST_LIST = 30
"""Letters of values that stand one by one in the name of a sweep; of more it has the number."""


MOST_VALUES = 1_000
"""Values of one key that are counted; a sweep of more is refused later."""


LONGEST_SHOWN, OF_VALUE = 35, 4
"""Letters of a run's name that TensorBoard shows in its list of runs, and those that a value has as a rule."""


def run_name(hydra: DictConfig) -> str:
    """What a run is called: each key that its job sets and that is not excluded, the first being what is compared most.

    Where TensorBoard's list would cut the name, keys are without the groups in front, as far as they still differ.

    Args:
        hydra: that node of the job's configuration. `job.config.override_dirname` has what is excluded, and the signs
            between keys and values.

    Returns:
        Such as `cell=lstm,optimizer.lr=0.01`, or `cell=lstm,noise=0.3,lr=0.01`; cell and task where nothing is left.
    """
    excluded = {*hydra.job.config.override_dirname.exclude_keys}
    return _joined(hydra, excluded.__contains__, _short)


def _joined(
    hydra: DictConfig, is_excluded: Callable[[str], bool], named: Callable[[list[str]], list[str]] = list
) -> str:
    style = hydra.job.config.override_dirname
    values = {key: text for key, text in typed(hydra.overrides.task).items() if not is_excluded(key)}
    order = sorted(values, key=lambda key: (key != "cell", key != "data", key))
    pairs = zip(named(order), order, strict=True)
    return style.item_sep.join(f"{name}{style.kv_sep}{values[key]}" for name, key in pairs) or _choices(hydra)


def _short(keys: list[str]) -> list[str]:
    """Keys as a name has room for them: how long values are does not count, so that all runs of a sweep are alike."""
    if sum(len(key) + len("=,") + OF_VALUE for key in keys) <= LONGEST_SHOWN:
        return keys
    last = [key.rpartition(".")[2] for key in keys]
    return [short if last.count(short) == 1 else key for short, key in zip(last, keys, strict=True)]


def run_title(*, _root_: DictConfig) -> str:
    """The resolver behind `conf/hydra/output`: the name of the configuration's run."""
    return run_name(_root_.hydra)


def long_name(hydra: DictConfig, keys: Iterable[str]) -> str:
    """As `run_name`, with all that is typed but some keys, and those below them."""
    return _joined(hydra, lambda key: any(f"{key}.".startswith(f"{each}.") for each in keys))


def typed(overrides: Iterable[str]) -> dict[str, str]:
    """Key -> value of a job's command line; of two that set one key the last one counts."""
    pairs = (each.lstrip("+~").partition("=") for each in overrides)
    return {key: _plain(value) for key, _, value in pairs}


def varied(jobs: Sequence[Mapping[str, str]]) -> set[str]:
    """The keys that do not have the same value in all jobs; a key that some do not set is one."""
    keys = {key for each in jobs for key in each}
    return {key for key in keys if len({each.get(key) for each in jobs}) > 1}


def sweep_name(name: str | None, fresh: str, *, _root_: DictConfig) -> str:
    """The folder of a sweep: its name; where it has none, what it compares, its tasks, and what no other sweep has.

    Args:
        name: `sweep.name`.
        fresh: the time and a token.
        _root_: the sweep's configuration.

    Returns:
        Such as `rnn-lstm_sine_2026-11-25_14-03_51ce28`, under 100 letters.
    """
    if name:
        return name
    kept = OmegaConf.get_cache(_root_)["seqexp.sweep"]  # each job, which knows one value of a key, has a copy of it
    if fresh not in kept:
        kept[fresh] = folder_name(f"{_compared(_root_)[: LONGEST - 1 - len(fresh)]}_{fresh}")
    return str(kept[fresh])


def _compared(config: DictConfig) -> str:
    """What a sweep compares, and its tasks, such as `rnn-lstm_sine`."""
    node: Any = OmegaConf.to_container(config, resolve=False)
    hydra, by = node["hydra"], (node.get("compare") or {}).get("by")
    params = [f"{key}={value}" for key, value in (hydra["sweeper"].get("params") or {}).items()]
    swept = _swept([*params, *hydra["overrides"]["task"]])
    choices = hydra["runtime"]["choices"]
    parts = [_list("cells", swept.get("cell") or [str(choices.get("cell"))])]
    for key in _others(swept, by):
        last = key.rpartition(".")[2]
        parts.append(_list(last, swept[key], f"{last}="))
    return "_".join([*parts, _list("tasks", swept.get("data") or [str(choices.get("data"))])])


def _others(swept: Mapping[str, list[str]], by: Any) -> list[str]:
    """What is compared beside cells: `compare.by`, or of a single cell the one other key that is swept."""
    if by:
        return [key for key in ([by] if isinstance(by, str) else by) if key in swept and key not in ("cell", "data")]
    others = [key for key in swept if key not in ("data", *SEEDS)]
    return others if len(others) == 1 and others != ["cell"] else []


def _swept(overrides: Sequence[str]) -> dict[str, list[str]]:
    """Key -> the values that a command line sweeps it over."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException:  # Hydra says so itself, in its own time
        return {}
    found = {each.key_or_group: _values(each) for each in parsed}
    return {key: values for key, values in found.items() if len(values) > 1}


def _values(override: Override) -> list[str]:
    """The first of them; none of what only Hydra can read, or nobody can enumerate."""
    if not override.is_sweep_override() or isinstance(override.value(), Glob | IntervalSweep):
        return []
    try:
        return list(dict.fromkeys(_plain(each) for each in islice(override.sweep_string_iterator(), MOST_VALUES)))
    except (ValueError, ArithmeticError, HydraException):  # such as a range of step 0, which is refused later
        return []


def _list(what: str, values: Sequence[str], before: str = "") -> str:
    """Values one by one, or if they are too long their number: `rnn-lstm`, `lr=0.1-0.01`, `12-lr`."""
    names = [folder_name(each.replace("/", "-")) for each in values]
    text = before + "-".join(names)
    return text if len(text) <= LONGEST_LIST or len(values) == 1 else f"{len(values)}-{what}"


def _choices(hydra: DictConfig) -> str:
    return f"{hydra.runtime.choices.get('cell')}_{hydra.runtime.choices.get('data')}"


def _plain(value: str) -> str:
    """A value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def overrides_of(folder: Path) -> list[str]:
    """What was typed for a run, from its folder; nothing where that cannot be read."""
    path = folder / ".hydra" / "overrides.yaml"
    try:
        found = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except Exception:  # it is for a name only
        return []
    return [str(each) for each in found] if isinstance(found, list) else []
