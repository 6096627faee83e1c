"""A comparison to read, as Markdown; and the texts that the console shows as well."""

from __future__ import annotations

from collections.abc import Sequence

from seqexp.compare.against import baseline_sentence
from seqexp.compare.answer import answer
from seqexp.compare.runs import Problem
from seqexp.compare.section import Section
from seqexp.compare.success_verdict import READING as READING_SUCCESS
from seqexp.compare.summary import Summary, missing
from seqexp.compare.summary_verdict import READING as READING_TASKS
from seqexp.compare.table import MOST_COLUMNS, Table, tables
from seqexp.compare.variance import READING as READING_VARIANCE
from seqexp.compare.variance import table as variance_table
from seqexp.compare.variance import variances
from seqexp.compare.worth import worth_clause
from seqexp.show import text

MOST_PROBLEMS = 20
"""Folders listed one by one under "failed" or "not readable"; `comparison.json` holds all."""

READING = (
    "± is half a 95 % Student-t interval of the mean over seeds. Ratios are geometric means over paired seeds; the "
    "ratio of the arithmetic means stands beside where it says something else. p: exact sign-flip permutation test on "
    "the log of the score (Monte-Carlo above 30 seeds), Holm-corrected over all pairs that one sweep compares, on all "
    "of its data and with baselines; runs of several sweeps in one table make these sweeps one family. A winner is "
    "named only below 0.05, and only where its mean is not the higher one. The interval beside p holds what this test "
    "does not reject at its step of Holm's correction. Of several baselines the one to beat is the best on validation; "
    "without validation scores each of them is. A diverged seed counts as a loss by the largest difference "
    "seen; it has no part in a mean. Where a score is 0, up to rounding, the scores themselves are compared, by the "
    "same test. Against guesses: the cheapest guess that wins, else the cheapest one that is not beaten. What "
    "seeds could have shown: 80 % power at Holm's strictest step."
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


def markdown(
    sections: Sequence[Section], failed: Sequence[Problem], broken: Sequence[Problem], summary: Summary | None = None
) -> str:
    """The comparison as Markdown: the answers, each data set's table and every verdict, then all tasks at once."""
    blocks = ["# Comparison"]
    blocks += ["\n".join(f"- **{text.markdown(answer(section))}**" for section in sections)] if sections else []
    for section in sections:
        blocks.append(f"## {text.markdown(section.data_set.name)}")
        blocks += map(markdown_table, tables(section))
        blocks += map(text.markdown, filter(None, [None if worth_clause(section) else baseline_sentence(section)]))
        verdicts = [*section.sentences, *section.scope]
        blocks += [
            "\n".join(f"- {text.markdown(each)}" for each in part) for part in (verdicts, notes(section)) if part
        ]
    if lines := over_tasks(sections, summary):
        blocks += ["## Over tasks", "\n".join(f"- {text.markdown(line)}" for line in lines)]
    for found in variances(sections):
        blocks += [f"## Sources of variance: {text.markdown(f'{found.row} on {found.data}')}"]
        blocks += [markdown_table(variance_table(found)), text.markdown(found.sentence)]
    for heading, lines in problems_text(failed, broken):
        blocks += [f"## {heading}", "\n".join(f"- {text.markdown(line)}" for line in lines)]
    return "\n\n".join([*blocks, *how_to_read(sections, summary)]) + "\n"


def how_to_read(sections: Sequence[Section], summary: Summary | None = None) -> list[str]:
    """What the numbers are, in one paragraph for each kind of them."""
    solved = [READING_SUCCESS] if any(section.success for section in sections) else []
    split = [READING_VARIANCE] if variances(sections) else []
    return [READING, *solved, *([READING_TASKS] if summary else []), *split]


def over_tasks(sections: Sequence[Section], summary: Summary | None, short: bool = False) -> list[str]:
    """What three tasks or more show together, or why they have no summary; nothing for fewer."""
    if summary is not None:
        return [*(summary.short if short else summary.sentences), *summary.notes]
    why = missing(sections)
    return [why] if why else []


def notes(section: Section) -> list[str]:
    """What a reader must know of one data set, with a word on what its tables leave out."""
    found = list(section.notes)
    scores, *_ = tables(section)
    if scores.num_hidden:
        found.append(f"{scores.num_hidden} more rows are in comparison.csv.")
    if (hidden := len(section.data_set.evaluations) - MOST_COLUMNS) > 0:
        found.append(f"{hidden} more evaluations are in comparison.csv.")
    return found


def markdown_table(table: Table) -> str:
    """A table as Markdown."""
    rule = ["---" if index < table.words else "---:" for index in range(len(table.columns))]
    rows = [[text.markdown(name) for name in table.columns], rule]
    for line in table.lines:
        texts = [text.markdown(each) for each in line.texts]
        rows.append([f"**{each}**" if line.picked and each else each for each in texts])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
