"""Values of kinds that no annotation says."""

from __future__ import annotations

from typing import Any

import pytest

from seqexp.config.kinds import check_figure, margin_of
from seqexp.config.mistakes import ConfigError


@pytest.mark.parametrize(("value", "share"), [(None, None), ("2%", 0.02), ("2 %", 0.02), (0.02, 0.02), ("0.5", 0.5)])
def test_a_margin_is_a_share(value: Any, share: float | None) -> None:
    assert margin_of(value) == (share if share is None else pytest.approx(share))


@pytest.mark.parametrize("value", [0, 1, "100%", "-2%", "two", True, [0.02], float("nan"), ""])
def test_other_margins_are_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"compare\.margin must be above 0 and below 100 %, such as 2% or 0\.02"):
        margin_of(value)


def test_figures_of_papers_pass() -> None:
    check_figure({})
    check_figure({"width": 3.4, "font": 8, "format": ["pdf", "svg"]})
    check_figure({"width": None, "font": None, "format": ["png"]})


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"width": 1}, "width must be from 2 to 20 inches, or null, got 1"),
        ({"width": True}, "width must be from 2 to 20 inches"),
        ({"font": "8"}, "font must be from 4 to 30 points, or null, got '8'"),
        ({"font": float("nan")}, "font must be from 4 to 30 points"),
        ({"format": "pdf"}, "format must be a list of png, svg, pdf, each once, got 'pdf'"),
        ({"format": []}, "format must be a list"),
        ({"format": ["pdf", "pdf"]}, "format must be a list"),
        ({"format": ["eps"]}, "format must be a list"),
        ({"height": 3}, "height: unknown; there are width, font and format"),
    ],
)
def test_other_figures_are_refused(node: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=rf"compare\.figure\.{said}"):
        check_figure(node)
