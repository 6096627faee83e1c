"""How the lab's answers are told: a line for each statement, and a Markdown page with table, pictures and rules."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqexp.lab.lab import Answer
from seqexp.lab.statement import Check, Statement, heading, verdict
from seqexp.reproduce.report import made_by, number

HEADER = ("statement", "counts as true where", "what was measured", "verdict")

SHORT = "This is the shorter form, in which next to nothing is learnt: it shows what comes, and answers nothing."

RULES = (
    "Each number has an interval over seeds: of a mean, or of the logarithm of a ratio, what the sign-flip test does "
    "not reject; of shares, each its own 95 % by Clopper and Pearson, and McNemar's exact test between the two. The "
    "settings of one statement are corrected by Holm for how many there are, which widens intervals. At one setting a "
    "statement is true where the whole interval is on the right side of the bound, false where it is on the other, "
    "and cannot be told where the bound lies within: \N{CHECK MARK}, \N{BALLOT X} and ?. *Holds*: it is true at all "
    "settings that were tried. *Holds at these settings*: it is true at those with a \N{CHECK MARK}, and not at the "
    "others. *Does not hold*: it is true at none, and false at one at least; *cannot be told*: neither."
)

MARKS = {"yes": "\N{CHECK MARK}", "no": "\N{BALLOT X}", "open": "?"}


def lines(answer: Answer) -> list[str]:
    """A question in lines: each statement with its verdict."""
    return [f"{each.says} {_sentence(verdict(each))}" for each in answer.statements]


def page(answers: Sequence[Answer], command: str, short: bool = False) -> str:
    """The Markdown page."""
    rows = [HEADER, ("---",) * len(HEADER)]
    rows += [(each.says, each.rule, _measured(each), heading(each)) for answer in answers for each in answer.statements]
    parts = [
        "# The lab sheet, answered",
        *([SHORT] if short else []),
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        RULES,
    ]
    for answer in answers:
        presets = ", ".join(f"`experiment=lab/{each}`" for each in answer.question.presets)
        parts.append(f"## {answer.question.asks}")
        parts.append(f"![{answer.question.asks}]({answer.picture.name})")
        parts.append(f"Runs of {presets}.")
    records = [record for answer in answers for record in answer.runs.values()]
    parts.append(made_by(command, records))
    return "\n\n".join(parts) + "\n"


def _measured(statement: Statement) -> str:
    """A line of the cell for each setting: whether it is true there, and the number."""
    return "<br>".join(f"{MARKS[each.outcome]} {each.setting}: {shown(each)}" for each in statement.checks)


def shown(check: Check) -> str:
    """What was measured: the words of its own, or the value with its interval."""
    if check.shown:
        return check.shown
    if check.outcome == "open" and check.low != check.low:
        return "not measured in all seeds"
    if math.isinf(check.high):
        return f"{number(check.value)} (too few seeds for an interval)"
    return f"{number(check.value)} ({number(check.low)} to {number(check.high)})"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
