"""sweep(): what the command line would do, as a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqexp.config.mistakes import ConfigError
from seqexp.run import sweep

TINY_SINE = ("num_seeds=2", "trainer.max_epochs=2", "trainer.enable_progress_bar=false", "data.length=120")


def test_a_sweep_is_done_and_compared_and_its_lines_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("it's one \\ of (mine)")
    found = sweep(["cell=rnn,lstm", *TINY_SINE], folder)
    assert [row.label for row in found.sections[0].data_set.rows] == ["lstm", "rnn"]
    out, err = capsys.readouterr()
    assert (out.count(" · test MSE "), err) == (2, "")
    assert "ratio to" not in out  # the comparison is given back
    assert found.to_markdown() == (folder / "comparison.md").read_text(encoding="utf-8")
    page = found._repr_html_()
    assert page.startswith("<h4>On sine, ")
    assert "data:image/png;base64," in page
    assert repr(found).startswith("Comparison(sine):\nOn sine, ")


@pytest.mark.parametrize(
    ("overrides", "word"),
    [("cell=rnn,lstm", "list of texts"), (["--cfg"], "no --cfg"), (["sweep.dry=true"], "takes no sweep.dry=true")],
)
def test_what_is_no_list_of_settings_is_refused(overrides: list[str], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        sweep(overrides)


def test_what_the_program_refuses_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^cell=lst: there is no such cell. Did you mean cell=lstm\?"):
        sweep(["cell=rnn,lst"])
    assert list(tmp_path.iterdir()) == []
