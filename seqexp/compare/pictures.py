"""What the figures show of a comparison: the arrays for `seqexp.show.comparison`."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

import numpy as np

from seqexp.compare.curves import CURVES, read_curves
from seqexp.compare.meetings import shared_scores
from seqexp.compare.pairs import Pair
from seqexp.compare.rows import Row
from seqexp.compare.runs import Problem
from seqexp.compare.section import Section
from seqexp.compare.summary import Summary
from seqexp.data.evaluations import TARGET
from seqexp.record.files import printable
from seqexp.show import comparison as figures
from seqexp.show import curves as curve_figures
from seqexp.show import differences as difference_figures
from seqexp.show import evaluations as evaluation_figures
from seqexp.show import forecasts as forecast_figures
from seqexp.show import success as success_figures
from seqexp.show import tasks as task_figures
from seqexp.show.figures import DEFAULT, MOST_PANELS, Figure, Page
from seqexp.statistics import Array, Interval, Paired, mean_interval

MOST_ROWS = 24
"""Rows in one panel, where nothing was picked."""

MOST_PICKED = 60
"""Rows in one panel, where one stands for each name."""

MOST_PAIRS = 24
"""Pairs in one panel."""

COLUMNS = {"val": ("val_{}", "validation"), "train": ("train_{}_running", "training")}
"""Split -> its column of `curves.csv`, by metric, and its name."""

MOST_EPOCHS = 2_000
"""Of a longer curve, so many epochs are drawn."""


def draw(
    sections: Sequence[Section],
    summary: Summary | None,
    panels: Sequence[curve_figures.CurvePanel],
    predicted: Sequence[forecast_figures.ForecastPanel],
    page: Page,
) -> dict[str, Figure]:
    """All figures of a comparison by name, those that there are.

    Args:
        sections: the data sets.
        summary: of three tasks or more.
        panels: the learning curves, as `curves` reads them.
        predicted: what is predicted, as `predictions` reads it.
        page: what they are drawn for.
    """
    with page.letters_of_its_size():
        found = {
            "comparison": comparison(sections, page),
            "differences": differences(sections, page),
            "curves": curves_figure(sections, panels, page),
            "forecasts": forecasts(sections, predicted, page),
            "evaluations": evaluations(sections, page),
            "success": success(sections, page),
            "tasks": over_tasks(sections, summary, page) if summary else None,
        }
    return {name: figure for name, figure in found.items() if figure is not None}


def comparison(sections: Sequence[Section], page: Page = DEFAULT) -> Figure:
    """The figure of test scores."""
    return figures.comparison(score_panels(sections), labels_of(sections), page)


def score_panels(sections: Sequence[Section]) -> list[figures.ScorePanel]:
    """What the figure of test scores shows."""
    panels = []
    for section in sections:
        baselines = {name: mean_interval(scores.values).mean for name, scores in section.data_set.baselines.items()}
        rows = _shown(section)
        panels.append(
            figures.ScorePanel(
                title=section.data_set.name,
                score=_score(section),
                labels=[label for label, _ in rows],
                scores=[row.test.values for _, row in rows],
                intervals=np.array([_ends(mean_interval(row.test.values)) for _, row in rows]),
                baselines=baselines,
                rounding=section.rounding,
            )
        )
    return panels


def curves(sections: Sequence[Section]) -> tuple[list[curve_figures.CurvePanel], list[Problem]]:
    """The learning curves, of the training split where no run measured validation; and damaged files."""
    damaged: dict[str, Problem] = {}
    for split in COLUMNS:
        panels, found = curve_panels(sections, split)
        damaged |= found
        if any(panel.curves for panel in panels):
            return panels, list(damaged.values())
    return [], list(damaged.values())


def curve_panels(sections: Sequence[Section], split: str) -> tuple[list[curve_figures.CurvePanel], dict[str, Problem]]:
    """The learning curves of one split, a panel for each data set; and damaged files, by run.

    Args:
        sections: the data sets.
        split: val or train.
    """
    damaged: dict[str, Problem] = {}
    panels = []
    column, word = COLUMNS[split]
    for section in sections[:MOST_PANELS]:
        name = column.format(section.data_set.metric.name)
        found = [_curve(label, row, name, damaged) for label, row in _shown(section)]
        known = [curve for curve in found if curve is not None]
        score = f"{word} {_score(section)}"
        why = "nothing was trained" if all(row.is_solved for _, row in _shown(section)) else "no finite score"
        panels.append(curve_figures.CurvePanel(title=section.data_set.name, score=score, curves=known, empty=why))
    return panels, damaged


def curves_figure(
    sections: Sequence[Section], panels: Sequence[curve_figures.CurvePanel], page: Page = DEFAULT
) -> Figure | None:
    """The figure of learning curves; None where nothing was trained."""
    if all(row.is_solved for section in sections for _, row in _shown(section)):
        return None
    return curve_figures.learning_curves(panels, labels_of(sections), page)


def forecasts(
    sections: Sequence[Section], panels: Sequence[forecast_figures.ForecastPanel], page: Page = DEFAULT
) -> Figure | None:
    """The figure of predictions; None where no run has numbers to show."""
    return forecast_figures.forecasts(panels, labels_of(sections), page) if panels else None


def evaluations(sections: Sequence[Section], page: Page = DEFAULT) -> Figure | None:
    """The figure of scores at evaluations; None where there are none."""
    panels = [_evaluation_panel(section) for section in sections if _joined_by_lines(section)]
    return evaluation_figures.evaluations(panels, labels_of(sections), page) if panels else None


def differences(sections: Sequence[Section], page: Page = DEFAULT) -> Figure | None:
    """The figure of each seed's ratio or difference; None where no rows are compared seed by seed."""
    panels = difference_panels(sections)
    return difference_figures.differences(panels, labels_of(sections), page) if panels else None


def difference_panels(sections: Sequence[Section]) -> list[difference_figures.DifferencePanel]:
    """What the figure of differences shows."""
    panels = []
    for section in sections:
        rows = dict(section.shown)
        pairs = [pair for pair in section.pairs if pair.paired][:MOST_PAIRS]
        lines = [_difference(section, pair, rows[pair.first], rows[pair.second]) for pair in pairs]
        if lines:
            panels.append(
                difference_figures.DifferencePanel(section.data_set.name, _score(section), section.by_ratio, lines)
            )
    return panels


def _difference(section: Section, pair: Pair, first: Row, second: Row) -> difference_figures.DifferenceLine:
    both, _ = shared_scores(first.test, second.test, section.data_set.compares_data)
    d, found = pair.difference, Paired(both[0], both[1], section.by_ratio).differences
    values = np.exp(found) if d.by_ratio else found
    seen = len(values) - sum(d.num_lost)
    ends = (d.ratio, d.low, d.high) if d.by_ratio else (d.gap, d.gap_low, d.gap_high)
    return difference_figures.DifferenceLine(pair.first, pair.second, values[:seen], values[seen:], *ends)


def success(sections: Sequence[Section], page: Page = DEFAULT) -> Figure | None:
    """The figure of successes; None where no task says when it is solved."""
    panels = []
    for section in sections:
        if section.success is not None:
            drawn = {label for label, _ in _shown(section)}
            rates = [rate for rate in section.success.rates if rate.label in drawn]
            counts = {rate.label: f"{rate.num_solved} of {rate.num_seeds}" for rate in rates}
            end = max((rate.budgets[1] for rate in rates), default=0)  # of a row that was not trained, nothing changes
            lines = [success_figures.SuccessLine(r.label, r.course, r.ends, r.budgets[1] or end) for r in rates]
            panels.append(success_figures.SuccessPanel(section.data_set.name, lines, counts))
    return success_figures.success(panels, labels_of(sections), page) if panels else None


def over_tasks(sections: Sequence[Section], summary: Summary, page: Page = DEFAULT) -> Figure:
    """The figure of several tasks at once."""
    ranks = task_figures.Ranks(
        labels=summary.rows, means=summary.mean_ranks, critical=summary.critical, num_tasks=len(summary.tasks)
    )
    profile = None
    if summary.relative is not None:
        found = summary.relative.found
        profile = task_figures.Profile(
            levels=found.levels,
            share=found.share,
            low=found.low,
            high=found.high,
            num_tasks=len(summary.relative.tasks),
        )
    return task_figures.tasks(ranks, profile, labels_of(sections), page)


def _joined_by_lines(section: Section) -> dict[str, dict[str, Array]]:
    """The evaluations without those of single targets, which have each its own unit."""
    return {name: rows for name, rows in section.data_set.evaluations.items() if not name.startswith(TARGET)}


def _evaluation_panel(section: Section) -> evaluation_figures.EvaluationPanel:
    """Scores on test and at each evaluation; by length where all of them are lengths and that of test is known."""
    known = _joined_by_lines(section)
    lengths = {name: float(match[1]) for name in known if (match := re.fullmatch(r"test@(\d{1,9})", name))}
    own = section.data_set.rows[0].runs[0].settings.get("data.length")
    is_length = len(lengths) == len(known)
    names = list(known)
    if is_length and isinstance(own, int):
        lengths["test"] = float(own)
        names.append("test")
    elif not is_length:
        names.insert(0, "test")
    if is_length:
        names.sort(key=lambda name: (lengths[name], name))
    missing = (np.nan, np.nan, np.nan)
    bands = {}
    for label, row in _shown(section):
        scores = {"test": row.test.values, **row.evaluations}
        bands[label] = np.array([_ends(mean_interval(scores[name])) if name in scores else missing for name in names])
    baselines = {}
    for guess in dict.fromkeys([*section.data_set.baselines, *(each for rows in known.values() for each in rows)]):
        on_test = section.data_set.baselines.get(guess)
        test = None if on_test is None else on_test.values
        found = [test if name == "test" else known[name].get(guess) for name in names]
        baselines[guess] = np.array([np.nan if row is None else mean_interval(row).mean for row in found])
    return evaluation_figures.EvaluationPanel(
        title=section.data_set.name,
        score=_score(section),
        names=[f"{lengths[name]:.0f}" + " (test)" * (name == "test") if is_length else name for name in names],
        lengths=np.array([lengths[name] for name in names]) if is_length else None,
        bands=bands,
        baselines=baselines,
    )


def _score(section: Section) -> str:
    """What is scored, and its unit, unless the label names it already."""
    metric = section.data_set.metric
    return metric.label if metric.label.endswith(metric.unit) else f"{metric.label} ({metric.unit})"


def labels_of(sections: Sequence[Section]) -> list[str]:
    """All labels, by which each has its style."""
    return list(dict.fromkeys(label for section in sections for label, _ in _shown(section)))


def _shown(section: Section) -> list[tuple[str, Row]]:
    """The rows of one panel and their labels."""
    return section.shown[: MOST_PICKED if section.picked else MOST_ROWS]


def _curve(label: str, row: Row, column: str, damaged: dict[str, Problem]) -> curve_figures.Curve | None:
    """Mean and band over the seeds of a row, as far as every run of it went; None where nothing is known."""
    runs: dict[int, dict[int, Array]] = {}
    for run in row.runs:
        try:
            runs[id(run)] = read_curves(run, column)
        except (OSError, ValueError, csv.Error) as error:
            runs[id(run)] = {}
            damaged[run.name] = Problem(run.name, f"{CURVES}, so it has no curve: {printable(str(error))}")
    lines = [runs[id(run)].get(run.seeds[position]) for run, position in row.sources]
    known = [line for line in lines if line is not None]
    epochs = min((len(line) for line in known), default=0)
    values = np.array([line[:epochs] for line in known])  # (S, E)
    if np.isnan(values).all():
        return None
    drawn = np.unique(np.linspace(0, epochs - 1, min(epochs, MOST_EPOCHS)).astype(int))
    ends = np.array([_ends(mean_interval(values[:, epoch])) for epoch in drawn])  # (E, 3)
    per_epoch = np.mean([run.train_seconds / max(1, run.epochs) for run in row.runs])
    return curve_figures.Curve(
        label=label,
        epochs=drawn + 1.0,
        seconds=(drawn + 1) * per_epoch,
        mean=ends[:, 0],
        low=ends[:, 1],
        high=ends[:, 2],
    )


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
