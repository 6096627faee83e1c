"""search(): from a command line to studies, to their final runs, and to the comparison of those."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from optuna.trial import TrialState
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from seqexp.compare.comparison import compare, written
from seqexp.compare.settings import show
from seqexp.compare.text import list_text
from seqexp.config.foreign import log_to
from seqexp.run.log import LogLines, check_folder
from seqexp.run.report import report
from seqexp.search.final import run_final
from seqexp.search.space import Question, Settings, read_questions
from seqexp.search.storage import storage
from seqexp.search.study import Study, check, conduct, define, write_table
from seqexp.show.columns import Grid, draw
from seqexp.show.console import end_start, say
from seqexp.show.paragraphs import put, room

AGAIN = "All trials: {}/trials.csv. The best of many trials flatters itself, so it runs again with fresh seeds:"


def search(settings: Settings, arguments: Sequence[str]) -> int:
    """Searches, runs what was found best, and compares it; shows all of that on the console.

    Args:
        settings: the search's own.
        arguments: Hydra overrides, without those of `search.…`; Hydra's folders are known by now.

    Returns:
        The exit status: 0, or 1 where a study has no score or a final run failed.

    Raises:
        ConfigError: nothing of this can be done; no trial was made.
    """
    questions = read_questions(arguments)
    check_folder(settings.folder)
    definitions = {question.name: define(question, settings) for question in questions}
    console = Console()
    with storage(settings.folder) as opened:
        for question in questions:
            check(opened, question, definitions[question.name])
        end_start()
        with _logging(settings.folder / "search.log"), _progress(questions, settings) as tell:
            studies = [conduct(opened, each, definitions[each.name], settings, tell) for each in questions]
        write_table(settings.folder / "trials.csv", studies)
        _show(console, table(studies))
        console.print()
        put(console, AGAIN.format(settings.folder))
        folders, failed = _finals(studies, settings)
    if folders:
        comparison = compare(*folders)
        paths = comparison.write(settings.folder)
        comparison.render(console)
        put(console, written(settings.folder, paths), indent=2)
    return int(failed)


def _finals(studies: Sequence[Study], settings: Settings) -> tuple[list[Path], bool]:
    """Runs the best of each study; returns the folders of those that finished, and whether something is missing."""
    folders, failed = [], False
    for study in studies:
        try:
            if study.best is None:
                log = settings.folder / "search.log"
                raise RuntimeError(f"no trial has a score, so there is nothing to run → {log}")
            found = run_final(study, settings)
        except Exception as error:
            failed = True
            say(sys.stderr, f"failed: {study.question.name}: {error}")
        else:
            for folder, record in found:
                folders.append(folder)
                say(sys.stdout, report(record, Path(os.path.relpath(folder))))
    return folders, failed


def table(studies: Sequence[Study]) -> Grid:
    """One row per study: how its trials ended, and the best of them."""
    labels = {trial.user_attrs.get("label", "MSE") for study in studies if (trial := study.best)}
    score = labels.pop() if len(labels) == 1 else "score"
    keys = list(dict.fromkeys(key for study in studies if study.best for key in study.best.params))
    rows = []
    for study in studies:
        pruned, failed, finished = map(study.count, (TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE))
        broken = len(study.trials) - pruned - failed - finished
        best = study.best
        values = [show(best.params[key]) if best and key in best.params else "" for key in keys]
        value = f"{best.values[0]:.4g}" if best else "–"
        counts = [str(number) for number in (len(study.trials), pruned, broken, failed)]
        rows.append([study.question.name, *values, value, *counts])
    head = ["study", *keys, f"best val {score}", "trials", "pruned", "diverged", "failed"]
    return Grid(head, rows, words=1 + len(keys), spare=("failed", "diverged", "pruned"))


def _show(console: Console, grid: Grid) -> None:
    for drawn in draw(grid, room(console)):
        for line in [*drawn.head, *(line for row in drawn.rows for line in row)]:
            console.print(Text(line), soft_wrap=True)
        if drawn.missing:
            put(console, f"Not shown for lack of room: {list_text(list(drawn.missing))}.", "dim")


@contextlib.contextmanager
def _progress(questions: Sequence[Question], settings: Settings) -> Iterator[Callable[[Study], None]]:
    """A bar over all trials of all studies, where somebody looks on; yields what is to be called before each trial."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[best]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or console.is_dumb_terminal,
    )
    task = bar.add_task("", total=len(questions) * settings.trials, best="")
    first = {question.name: index * settings.trials for index, question in enumerate(questions)}

    def tell(study: Study) -> None:
        done = sum(trial.state.is_finished() for trial in study.trials)
        best = f"best {study.best.values[0]:.4g}" if study.best else ""
        bar.update(task, completed=first[study.question.name] + done, description=study.question.name, best=best)

    with bar:
        yield tell


@contextlib.contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Sends what is said during the trials to a file: every warning, and what seqexp has to tell."""
    file = logging.FileHandler(path, encoding="utf-8")
    file.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("seqexp"))
    file.setFormatter(LogLines())
    with log_to(file):
        yield
