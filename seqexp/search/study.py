"""Optuna's side of a search: studies in one SQLite file that a crash cannot hurt, and trials asked and told one by one.

Every trial is a function of the search's seed, its own number and the trials before it. So a search that was broken off
and goes on ends in the very trials of one that was not.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from seqexp.config.compose import compose_run
from seqexp.config.environment import hide
from seqexp.config.leaves import leaves
from seqexp.config.mistakes import ConfigError
from seqexp.record.files import write_atomically
from seqexp.record.own import digest as own_digest
from seqexp.record.provenance import NUMERICS, changed_settings, defining, fingerprint
from seqexp.record.record import MSE
from seqexp.run.build import build
from seqexp.search.space import Question, Settings
from seqexp.search.trial import DivergedError, train
from seqexp.show.text import spreadsheet

log = logging.getLogger(__name__)

DEFINITION = "definition"
"""The study's attribute that says what defines its trials: key -> text."""

WARM_UP = 0.1
"""Share of the epochs in which the median pruner lets everybody live."""


@dataclass(frozen=True)
class Study:
    """One study as it stands, with no more trials than were asked for.

    Attributes:
        question: what is searched.
        trials: in order of number; finished ones but for the last, perhaps.
    """

    question: Question
    trials: list[FrozenTrial]

    def count(self, *states: TrialState) -> int:
        """How many trials ended so, diverged ones left out."""
        return sum(trial.state in states and not diverged(trial) for trial in self.trials)

    @property
    def best(self) -> FrozenTrial | None:
        """The finished trial with the lowest score; the first of equals; None where none has a score."""
        finished = [trial for trial in self.trials if trial.state is TrialState.COMPLETE and not diverged(trial)]
        return min(finished, key=lambda trial: trial.values[0], default=None)


def diverged(trial: FrozenTrial) -> bool:
    """Whether the trial has ended with an infinite score."""
    return trial.state is TrialState.COMPLETE and not math.isfinite(trial.values[0])


def define(question: Question, settings: Settings) -> dict[str, str]:
    """Says what defines the trials of a study, and finds what is wrong with it.

    Returns:
        key -> text: the space, every other setting that can change a number, the search's own, the version since which
        numbers are the same, and the user's own code and files.

    Raises:
        ConfigError: a run with the lowest or highest values, or with one of the choices, could not be done.
    """
    parts = None
    for values in question.corners():
        overrides = question.overrides(values)
        try:
            built = build(compose_run(overrides)[0])
            built.make_data()
        except ConfigError as error:
            hint = ""
            if any(str(error).startswith(f"{key} must be a whole number") for key in question.space):
                hint = "; for whole numbers there are range(8,64) and int(interval(8,64))"
            raise ConfigError(f"{error}{hint} (in a trial of {question.name}: {' '.join(overrides)})") from None
        if not built.data.has_val or built.settings["trainer"].get("limit_val_batches") == 0:
            raise ConfigError("a search needs a validation split to choose on; see data.val_fraction")
        parts = parts or built
    settled = _flat(defining(parts.shown)) if parts else {}
    for key in question.space:
        settled.pop(key.lstrip("+"), None)
    numerics = " ".join([NUMERICS, *(changed_settings(parts.settings) if parts else ())])
    own = {"search.sampler": settings.sampler, "search.pruner": settings.pruner, "seqexp": numerics}
    if parts and (digest := own_digest(parts.settings)):
        own["its own code and files"] = digest
    if parts and parts.shown != parts.settings:  # what is hidden counts, and what is counted with is not hidden
        own["environment"] = fingerprint(parts.settings, "")
        true = _flat(defining(parts.settings))
        settled |= {key: true[key] for key in ("seed", "trainer.max_epochs") if key in settled}
    return {**question.spelled_space(), **settled, **own}


def check(storage: RDBStorage, question: Question, definition: dict[str, str]) -> None:
    """Refuses to go on with a study that was defined otherwise.

    Raises:
        ConfigError: what has changed.
    """
    if question.name not in {each.study_name for each in optuna.get_all_study_summaries(storage)}:
        return
    before = optuna.load_study(study_name=question.name, storage=storage).user_attrs.get(DEFINITION, definition)
    changed = [
        f"{key} was {before.get(key, 'not set')} and is {definition.get(key, 'not set')}"
        for key in (*definition, *(before.keys() - definition.keys()))
        if before.get(key) != definition.get(key)
    ]
    if changed:
        more = f", and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise ConfigError(
            f"{question.name}: there is a search of that name with other settings: {'; '.join(changed[:3])}{more}. "
            "Go on with the same settings, or choose another search.name"
        )


def conduct(
    storage: RDBStorage,
    question: Question,
    definition: dict[str, str],
    settings: Settings,
    tell: Callable[[Study], None],
) -> Study:
    """Brings a study to the number of trials that is asked for.

    Args:
        storage: where it is remembered.
        question: what is searched.
        definition: see `define`.
        settings: the search's own.
        tell: called with the study as it stands, before each trial and at the end.
    """
    pruner = _pruner(settings, definition)
    study = optuna.create_study(storage=storage, study_name=question.name, load_if_exists=True, pruner=pruner)
    study.set_user_attr(DEFINITION, definition)
    for number in range(settings.trials):
        trials = study.get_trials(deepcopy=False)
        tell(Study(question, trials[: settings.trials]))
        if number < len(trials) and trials[number].state.is_finished():
            continue
        last_step = None
        if number < len(trials) and trials[number].state is TrialState.RUNNING:  # whoever ran it is gone
            study_id = storage.get_study_id_from_name(question.name)
            trial = optuna.Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))
            last_step = trials[number].last_step
        else:
            if number == len(trials):
                study.enqueue_trial(_draw(study, trials, question, _sampler(settings, definition, number)))
            trial = study.ask()
        _suggest(trial, question)
        _try(study, trial, question, 0 if last_step is None else last_step + 1)
    ended = Study(question, study.get_trials(deepcopy=False)[: settings.trials])
    tell(ended)
    return ended


def _draw(study: optuna.Study, trials: list[FrozenTrial], question: Question, sampler: BaseSampler) -> dict[str, Any]:
    """Has the sampler choose the next trial's settings, all of them before anything is written down."""
    copy = optuna.create_study(study_name=question.name, sampler=sampler, pruner=study.pruner)
    copy.add_trials(trials)
    trial = copy.ask()
    _suggest(trial, question)
    return trial.params


def _suggest(trial: optuna.Trial, question: Question) -> None:
    """Gives the trial a value for each key of the space."""
    for key, each in question.space.items():
        if isinstance(each, CategoricalDistribution):
            trial.suggest_categorical(key, each.choices)
        elif isinstance(each, IntDistribution):
            trial.suggest_int(key, each.low, each.high, step=each.step, log=each.log)
        else:
            trial.suggest_float(key, each.low, each.high, step=each.step, log=each.log)


def _try(study: optuna.Study, trial: optuna.Trial, question: Question, known_epochs: int) -> None:
    """Runs one trial to its end, whatever that is; only Ctrl-C leaves it unfinished.

    Args:
        study: the trial's study, which is told how it ended.
        trial: has its settings by now.
        question: what the study searches.
        known_epochs: how many epochs of this trial are known from an attempt that was broken off.
    """
    name = f"{question.name}, trial {trial.number}"
    for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if other.params == trial.params:  # the same seeds, and so the same result
            log.info("%s: the same as trial %d", name, other.number)
            trial.set_user_attr("same_as", other.number)
            study.tell(trial, other.values[0])
            return
    log.info("%s: %s", name, " ".join(question.overrides(trial.params)))
    try:
        outcome = train(build(compose_run(question.overrides(trial.params))[0]), trial, known_epochs)
    except optuna.TrialPruned as end:
        log.info("%s: %s", name, end)
        study.tell(trial, state=TrialState.PRUNED)
    except DivergedError as end:
        log.info("%s: %s", name, end)
        trial.set_user_attr("error", str(end))
        study.tell(trial, math.inf)
    except optuna.exceptions.StorageInternalError:
        raise
    except Exception as error:
        log.info("%s: failed", name, exc_info=True)
        trial.set_user_attr("error", hide(f"{type(error).__name__}: {error}"))
        study.tell(trial, state=TrialState.FAIL)
    else:
        log.info("%s: %.6g", name, outcome.value)
        for key in ("val", "metric", "label", "epochs", "seconds"):
            trial.set_user_attr(key, getattr(outcome, key))
        study.tell(trial, outcome.value)


def _sampler(settings: Settings, definition: dict[str, str], number: int) -> BaseSampler:
    """A sampler for one trial; one that lived longer would start over when the search goes on."""
    own = int(np.random.SeedSequence([int(definition["seed"]), number]).generate_state(1)[0])
    return TPESampler(seed=own) if settings.sampler == "tpe" else RandomSampler(seed=own)


def _pruner(settings: Settings, definition: dict[str, str]) -> BasePruner:
    epochs = json.loads(definition.get("trainer.max_epochs", "null")) or 1000  # Lightning's own default
    if settings.pruner == "median":
        return MedianPruner(n_warmup_steps=max(0, math.ceil(WARM_UP * epochs)))
    if settings.pruner == "hyperband":
        return HyperbandPruner(max_resource=epochs if epochs > 0 else "auto")
    return NopPruner()


def write_table(path: Path, studies: Sequence[Study]) -> None:
    """Writes all trials as CSV, for those who do not want to ask Optuna."""
    finished = [trial for study in studies for trial in study.trials if "metric" in trial.user_attrs]
    metric = finished[0].user_attrs["metric"] if finished else MSE  # of trials without a score
    rows = [
        {
            "study": study.question.name,
            "trial": trial.number,
            "state": "diverged" if diverged(trial) else trial.state.name.lower(),
            f"val_{trial.user_attrs.get('metric', metric)}": ""
            if trial.values is None or diverged(trial)
            else repr(trial.values[0]),
            **trial.params,
            **{key: trial.user_attrs.get(key, "") for key in ("epochs", "seconds", "same_as", "error")},
        }
        for study in studies
        for trial in study.trials
    ]
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(spreadsheet, columns))
    writer.writerows([spreadsheet(row.get(name, "")) for name in columns] for row in rows)
    write_atomically(path, text.getvalue().encode())


def _value(trial: FrozenTrial) -> str:
    """The validation score of a trial that has one."""
    return "" if trial.values is None or diverged(trial) else repr(trial.values[0])


def _flat(node: dict[str, Any]) -> dict[str, str]:
    """The values of a configuration as texts, by dotted key; empty groups are left out."""
    return {key: json.dumps(value, default=str) for key, value in leaves(node, into_lists=False) if value != {}}
