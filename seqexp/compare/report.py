"""A comparison written out: Markdown, tidy rows, a dictionary for JSON, and the console."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from seqexp.compare.grouping import DataSet, Row, Scores
from seqexp.compare.pairs import Pair
from seqexp.compare.runs import Problem
from seqexp.compare.section import Section
from seqexp.compare.verdict import sentence
from seqexp.record.files import null_for_nan
from seqexp.show import text
from seqexp.statistics import mean_interval

if TYPE_CHECKING:
    from rich.console import Console

MOST_PROBLEMS = 20
"""Folders listed one by one under "failed" or "not readable"; `comparison.json` holds all."""

OWN_COLUMNS = {
    *("data", "cell", "picked", "seed", "train_mse", "val_mse", "test_mse"),
    *("num_parameters", "epochs", "steps", "seconds_per_seed", "folder"),
}
"""Columns of `comparison.csv` beside settings and baselines."""

READING = (
    "± is half a 95 % Student-t interval of the mean over seeds. Ratios are geometric means over paired "
    "seeds. p: exact sign-flip permutation test on log MSE (Monte-Carlo above 16 seeds), Holm-corrected over "
    "all pairs of one data set, those with its best baseline included; a winner is named only below 0.05. "
    "What seeds could have shown: 80 % power "
    "at Holm's strictest step."
)


def problems_text(failed: Sequence[Problem], broken: Sequence[Problem]) -> list[tuple[str, list[str]]]:
    """Heading and lines for what takes no part; empty where all is well."""
    parts = []
    for heading, problems in (("failed", failed), ("could not be used", broken)):
        if problems:
            lines = [f"{item.folder}: {' '.join(item.reason.split())}" for item in problems[:MOST_PROBLEMS]]
            if len(problems) > MOST_PROBLEMS:
                lines.append(f"and {len(problems) - MOST_PROBLEMS} more")
            parts.append((f"{len(problems)} run{'s' * (len(problems) > 1)} {heading}", lines))
    return parts


def markdown(sections: Sequence[Section], failed: Sequence[Problem], broken: Sequence[Problem]) -> str:
    """The comparison as Markdown, tables and verdicts."""
    blocks = ["# Comparison"]
    for section in sections:
        blocks.append(f"## {text.markdown(section.data_set.name)}")
        blocks.append(_markdown_table(section))
        blocks += ["\n".join(f"- {text.markdown(each)}" for each in part) for part in _texts(section) if part]
    for heading, lines in problems_text(failed, broken):
        blocks += [f"## {heading}", "\n".join(f"- {text.markdown(line)}" for line in lines)]
    return "\n\n".join([*blocks, READING]) + "\n"


def render(console: Console, sections: Sequence[Section], failed: Sequence[Problem], broken: Sequence[Problem]) -> None:
    """Prints the comparison on a Rich console."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    for section in sections:
        title = Text(section.data_set.name)
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
        for name in section.columns:
            setting = name in section.data_set.keys
            head = name.replace(".", ".\n") if setting else name.replace(" ", "\n")
            align: Literal["left", "right"] = "left" if setting or name == "cell" else "right"
            table.add_column(Text(head), justify=align, overflow="fold")
        for line in section.lines():
            style = "bold" if line.picked else "dim" if line.baseline else None
            table.add_row(*(Text(each) for each in line.texts), style=style)
        console.print(table)
        console.print()
        for part in _texts(section):
            for each in part:
                console.print(Text(each), soft_wrap=False)
            if part:
                console.print()
    for heading, problems in problems_text(failed, broken):
        console.print(Text(f"{heading}:", style="bold"))
        for problem in problems:
            console.print(Text(f"  {problem}"), soft_wrap=True)


def tidy_rows(sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Yields one dictionary per run and seed, all with the same keys."""
    keys = _columns("setting", (key for section in sections for key in section.data_set.keys), set())
    names = _columns("baseline", (name for section in sections for name in section.data_set.baselines), {*keys})
    for section in sections:
        for index, row in enumerate(section.data_set.rows):
            for at, (run, position) in enumerate(row.sources):
                yield {
                    "data": section.data_set.name,
                    "cell": row.cell,
                    **{column: row.settings.get(key) for column, key in keys.items()},
                    "picked": index in section.data_set.picked,
                    "seed": int(row.test.seeds[at]),
                    "train_mse": float(row.train.values[at]),
                    "val_mse": float(row.val.values[at]) if row.val else math.nan,
                    "test_mse": float(row.test.values[at]),
                    **{
                        column: float(run.baselines[name][position]) if name in run.baselines else math.nan
                        for column, name in names.items()
                    },
                    "num_parameters": run.num_parameters,
                    "epochs": run.epochs,
                    "steps": run.steps,
                    "seconds_per_seed": run.seconds_per_seed,
                    "folder": run.name,
                }


def _columns(kind: str, names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Column -> name; one that is called as another column is gets its kind before it."""
    return {f"{kind} {name}" if name in OWN_COLUMNS | taken else name: name for name in names}


def as_dict(sections: Sequence[Section], failed: Sequence[Problem], broken: Sequence[Problem]) -> dict[str, Any]:
    """Every statistic, ready for JSON: what is not finite is None."""
    found = {
        "data": [_section_dict(section) for section in sections],
        "failed": [asdict(item) for item in failed],
        "not_readable": [asdict(item) for item in broken],
    }
    plain: dict[str, Any] = null_for_nan(found)
    return plain


def _section_dict(section: Section) -> dict[str, Any]:
    data: DataSet = section.data_set
    return {
        "name": data.name,
        "swept": data.keys,
        "rows": [_row_dict(section, row, index in data.picked) for index, row in enumerate(data.rows)],
        "baselines": {name: _scores_dict(scores) for name, scores in data.baselines.items()},
        "best_baseline": section.baseline,
        "pairs": [_pair_dict(pair, data.name) for pair in section.pairs],
        "baseline_pairs": [_pair_dict(pair, data.name) for pair in section.baseline_pairs],
        "sentences": section.sentences,
        "notes": data.notes,
    }


def _row_dict(section: Section, row: Row, picked: bool) -> dict[str, Any]:
    return {
        "cell": row.cell,
        "settings": row.settings,
        "picked": picked,
        "num_parameters": row.num_parameters,
        "seconds_per_seed": row.seconds_per_seed,
        "num_runs": len(row.runs),
        "ratio_to_best_baseline": section.ratio_to_baseline(row.test),
        "train_mse": _scores_dict(row.train),
        "val_mse": _scores_dict(row.val) if row.val else None,
        "test_mse": _scores_dict(row.test),
    }


def _scores_dict(scores: Scores) -> dict[str, Any]:
    summary = asdict(mean_interval(scores.values))
    return {**summary, "num_seeds": len(scores.seeds), "num_diverged": scores.num_diverged}


def _pair_dict(pair: Pair, data: str) -> dict[str, Any]:
    return {**asdict(pair), "sentence": sentence(pair, data)}


def _texts(section: Section) -> tuple[list[str], list[str]]:
    """The verdicts and the notes, with a word on rows that the table leaves out."""
    notes = list(section.data_set.notes)
    if section.num_hidden:
        notes.append(f"{section.num_hidden} more rows are in comparison.csv.")
    return section.sentences, notes


def _markdown_table(section: Section) -> str:
    left = ("cell", *section.data_set.keys)
    rule = ["---" if name in left else "---:" for name in section.columns]
    rows = [[text.markdown(name) for name in section.columns], rule]
    for line in section.lines():
        texts = [text.markdown(each) for each in line.texts]
        rows.append([f"**{each}**" if line.picked and each else each for each in texts])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
