"""A comparison for a paper: the printed tables in LaTeX, with rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqexp.compare.answer import answer
from seqexp.compare.section import Section
from seqexp.compare.table import PICKED, Line, Table, tables

HEAD = "% Tables of a comparison. The preamble needs \\usepackage{booktabs}, and LaTeX of 2018 or later (UTF-8).\n"
BOLD = "% What is bold was picked on validation.\n"
GUESSES = "% Below the second rule stands what needs no training.\n"

_MARKS = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"},
    **{"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", '"': "\\textquotedbl{}"},
    **{"\N{PLUS-MINUS SIGN}": "$\\pm$", "\N{MULTIPLICATION SIGN}": "$\\times$", "\N{EN DASH}": "--"},
    **{
        "\N{MINUS SIGN}": "$-$",
        "\N{SUPERSCRIPT TWO}": "$^2$",
        "\N{RIGHTWARDS ARROW}": "$\\to$",
        "\N{INFINITY}": "$\\infty$",
    },
}


def escaped(text: str) -> str:
    """A text in one line of LaTeX, without any mark-up of its own."""
    line = re.sub(r"\s", " ", text)
    return "".join(_MARKS.get(letter, letter) for letter in line)


def document(sections: Sequence[Section]) -> str:
    """All tables, each in a `table` with a caption and a label; the verdicts stand above as comments."""
    lines = [line for section in sections for table in tables(section) for line in table.lines]
    picked, guesses = any(line.picked for line in lines), any(line.baseline for line in lines)
    blocks = [HEAD + BOLD * picked + GUESSES * guesses]
    for number, section in enumerate(sections, start=1):
        name = section.data_set.name
        for part, table in enumerate(tables(section)):
            label = f"tab:comparison-{number}" + f"-{part + 1}" * (part > 0)
            verdicts = [answer(section), *section.sentences] if part == 0 else []
            blocks.append("".join(f"% {' '.join(text.split())}\n" for text in verdicts) + _table(table, name, label))
    return "\n".join(blocks)


def _table(table: Table, name: str, label: str) -> str:
    align = "l" * table.words + "r" * (len(table.columns) - table.words)
    rows = [_row(line) for line in table.lines if not line.baseline]
    guesses = [_row(line) for line in table.lines if line.baseline]
    caption = f"{escaped(name)}: mean over seeds, $\\pm$ half its 95\\,\\% Student-$t$ interval."
    if table.num_hidden:
        caption += f" {table.num_hidden} more rows are in \\texttt{{table.csv}}."
    lines = [
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{caption}}}",
        f"  \\label{{{label}}}",
        f"  \\begin{{tabular}}{{{align}}}",
        "    \\toprule",
        f"    {' & '.join(map(escaped, table.columns))} \\\\",
        "    \\midrule",
        *rows,
        *(["    \\midrule", *guesses] if guesses else []),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(line: Line) -> str:
    texts = [escaped(text.removesuffix(f" {PICKED}")) for text in line.texts]
    if line.picked:
        texts = ["\\textbf{" + text + "}" if text else text for text in texts]
    return f"    {' & '.join(texts)} \\\\"
