"""What is drawn and kept of predictions: over folds, and of classes at every step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.data.shape import Values
from seqexp.run import pictures
from seqexp.run.pictures import classes_of_steps


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ((3, 4, 5), "test periods of 2 folds, each predicted by its own seeds, 3 seeds"),
        ((5,), "test period of fold 2 of 2, 1 seed"),
    ],
)
def test_a_test_period_is_drawn_with_the_seeds_of_its_fold_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seeds: tuple[int, ...], says: str
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(pictures, "KINDS", ())
    monkeypatch.setattr(pictures.figures, "laid_out", lambda figure: figure)
    monkeypatch.setattr(pictures.drawn, "forecast", seen.update)
    fold = torch.tensor(seeds) % 2
    targets = (10.0 * fold[:, None] + torch.arange(4.0))[..., None]  # (S, N, 1)
    task = SimpleNamespace(chronological=True, targets=Values(1), reads="last")
    data = SimpleNamespace(task=task, folds=SimpleNamespace(number=2), seeds=seeds)
    kept = pictures.predicted(
        SimpleNamespace(picture=lambda *_: None),  # type: ignore[arg-type]
        tmp_path,
        SimpleNamespace(data=data),  # type: ignore[arg-type]
        {"persistence": targets - 1},
        SimpleNamespace(targets=targets, num_sequences=4),  # type: ignore[arg-type]
        targets + 0.5,
        "rnn",
        "rnn",
    )
    assert seen["title"] == f"rnn: {says}"
    for name, distance in (("mean", 0.5), ("low", 0.5), ("high", 0.5), ("persistence", -1)):
        far = seen[name] - seen["target"]
        np.testing.assert_allclose(far[np.isfinite(far)], distance, err_msg=name)
    assert list(kept) == ["fold"]
    np.testing.assert_array_equal(kept["fold"], fold)


def test_classes_of_steps_are_small_and_have_the_scores_of_the_logits() -> None:
    logits = torch.randn(3, 5, 7, 300, generator=torch.Generator().manual_seed(0))  # (S, N, T, C)
    logits[2] = torch.nan  # a seed that diverged
    targets = torch.randint(300, (3, 5, 7), generator=torch.Generator().manual_seed(1))
    kept = classes_of_steps(targets, logits)
    assert {name: str(values.dtype) for name, values in kept.items()} == {
        "targets": "uint16",
        "predicted": "uint16",
        "log_probability": "float16",
    }
    np.testing.assert_array_equal(kept["targets"], targets.numpy())
    np.testing.assert_array_equal(kept["predicted"][:2], logits[:2].argmax(-1).numpy())
    exact = -torch.nn.functional.cross_entropy(logits[:2].movedim(-1, 1), targets[:2], reduction="none")
    np.testing.assert_allclose(kept["log_probability"][:2], exact.numpy(), rtol=1e-3)
    assert np.isnan(kept["log_probability"][2]).all()
