"""What is kept of predictions of classes at every step."""

from __future__ import annotations

import numpy as np
import torch

from seqexp.run.pictures import classes_of_steps


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
