"""The tables in LaTeX: structure, and names that would break it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from seqexp.compare.tex import document, escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my_data%1 & 50$", "my\\_data\\%1 \\& 50\\$"),
        ("a\\b{c}~^#", "a\\textbackslash{}b\\{c\\}\\textasciitilde{}\\textasciicircum{}\\#"),
        ("1 ± 2 × 3–4 − 5", "1 $\\pm$ 2 $\\times$ 3--4 $-$ 5"),
        ("two\nlines", "two lines"),
    ],
)
def test_special_letters(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_a_table_has_its_rules_and_as_many_columns_in_each_line(run: Any, sections_of: Any) -> None:
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, (3, 8)))
    guess = {"constant": noise[2], "my_guess&%": 2 * noise[2]}
    runs = [run("my_data", cell, noise[i], baselines=guess) for i, cell in enumerate(("lstm", "a_b"))]
    text = document(sections_of(runs))
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("%"))
    assert code.count("\\begin{") == code.count("\\end{") == 2
    assert code.count("{") - code.count("\\{") == code.count("}") - code.count("\\}")
    for rule, count in (("toprule", 1), ("midrule", 2), ("bottomrule", 1)):
        assert code.count(f"\\{rule}") == count
    rows = [line for line in code.splitlines() if line.endswith("\\\\")]
    (align,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", code)
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(align)}
    assert len(rows) == 1 + 2 + 2
    assert "a\\_b" in code
    assert "my\\_guess\\&\\%" in code
    assert not re.search(r"(?<!\\)[_#%]", code)
    assert "% On my_data, " in text
    assert "\\label{tab:comparison-1}" in code
