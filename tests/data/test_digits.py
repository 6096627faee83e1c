"""The digits: read in three orders, split once for all seeds, and what the guesses score."""

from __future__ import annotations

import gzip
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp import baselines
from seqexp.data import installed
from seqexp.data.digits import FILE, PERMUTATION, Digits, nearest
from seqexp.data.module import PopulationData
from seqexp.data.shape import Classes
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.score import CrossEntropy, ErrorRate
from seqexp.seeding import generator


def sampled(by: str, seed: int = 0) -> Sequences:
    return Digits(by).sample(generator(seed, "data"), 1797, None)


@pytest.fixture(scope="module")
def data() -> dict[str, PopulationData]:
    found = {}
    for by in ("rows", "pixels", "permuted"):
        found[by] = PopulationData(lambda changes, by=by: Digits(by), range(3), None, 0.7, 0.15, 0.15)  # type: ignore[misc]
        found[by].make()
    return found


@pytest.fixture(scope="module")
def guesses(data: dict[str, PopulationData]) -> dict[str, dict[str, Any]]:
    return {by: baselines.guess(each.task, each.splits["train"], each.splits["test"]) for by, each in data.items()}


def test_three_orders_of_the_same_pixels() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    shipped = datasets.load_digits()
    rows, pixels, permuted = (sampled(by) for by in ("rows", "pixels", "permuted"))
    assert rows.inputs.shape == (1797, 8, 8)
    assert pixels.inputs.shape == permuted.inputs.shape == (1797, 64, 1)
    np.testing.assert_array_equal(rows.inputs.numpy() * 16, shipped.images)
    np.testing.assert_array_equal(rows.targets.numpy(), shipped.target)
    assert torch.equal(pixels.inputs.flatten(1), rows.inputs.flatten(1))
    assert torch.equal(permuted.inputs[:, 5], pixels.inputs[:, PERMUTATION[5]])
    assert sorted(PERMUTATION) == list(range(64))
    assert torch.randperm(64, generator=torch.Generator().manual_seed(0)).tolist() == list(PERMUTATION)


def test_the_docstring_draws_the_first_picture() -> None:
    with gzip.open(installed.find("sklearn", "scikit-learn", FILE), "rt") as file:
        first = [int(each) for each in file.readline().split(",")]
    signs = [".:#"[(each >= 6) + (each >= 11)] for each in first[:64]]
    text = inspect.getdoc(Digits) or ""
    for row in range(8):
        assert " ".join(signs[8 * row : 8 * row + 8]) in text
    assert f"target  {first[64]}" in text


def test_all_seeds_have_one_data_set_and_the_data_seed_draws_its_split(data: dict[str, PopulationData]) -> None:
    hashes = {by: {tuple(pair) for pair in each.data_hash} for by, each in data.items()}
    assert all(len(each) == 1 for each in hashes.values())
    assert len(set.union(*hashes.values())) == 3
    train, test = data["rows"].splits["train"], data["rows"].splits["test"]
    assert train.inputs.shape[1] == 1257
    assert test.inputs.shape[1] == 270
    assert torch.equal(train.targets[0], train.targets[2])
    order = torch.randperm(1797, generator=generator(0, "split"))
    assert torch.equal(train.targets[1], sampled("rows", seed=1).targets[order[:1257]])


def test_no_guess_notices_the_order_of_pixels(data: dict[str, PopulationData], guesses: dict[str, Any]) -> None:
    for score in (CrossEntropy("nats"), ErrorRate()):
        rows = {by: baselines.score(guesses[by], each.splits["test"], score) for by, each in data.items()}
        for name in ("constant", "logistic", "nearest"):
            assert rows["rows"][name].tolist() == pytest.approx(rows["permuted"][name].tolist(), rel=1e-4)  # type: ignore[union-attr]
            assert rows["rows"][name].tolist() == pytest.approx(rows["pixels"][name].tolist(), rel=1e-9)  # type: ignore[union-attr]
            assert len(set(rows["rows"][name].tolist())) == 1  # type: ignore[union-attr]
    constant, logistic, nearest = (rows["rows"][name] for name in ("constant", "logistic", "nearest"))
    assert constant is not None
    assert logistic is not None
    assert nearest is not None
    assert constant[0] > 0.85
    assert logistic[0] < 0.06
    assert nearest[0] < 0.04


def test_nearest_is_scikit_learns_and_as_sure_as_it_is_right(
    data: dict[str, PopulationData], guesses: dict[str, Any]
) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    train, test = (data["rows"].splits[name] for name in ("train", "test"))
    known, asked = (split.inputs[0].flatten(1).double().numpy() for split in (train, test))
    classes = train.targets[0].numpy()
    model = neighbors.KNeighborsClassifier(1, algorithm="brute").fit(known, classes)
    found = guesses["rows"]["nearest"][0].exp()
    assert (found.argmax(-1).numpy() == model.predict(asked)).mean() > 0.995  # of two that are as near, either
    others = model.kneighbors(known, 2, return_distance=False)[:, 1]  # the first is the picture itself
    wrong = (classes[others] != classes).sum()
    assert (1 - found.amax(-1)).tolist() == pytest.approx([(wrong + 1) / 1259] * 270)


def test_how_sure_nearest_is_by_hand() -> None:
    inputs = torch.tensor([0.0, 0.1, 1.0, 1.1, 1.2])[None, :, None, None]  # of class 0 0 1 1 2
    train = Split(inputs, torch.tensor([[0, 0, 1, 1, 2]]))
    found = nearest(train, Split(torch.tensor([0.4, 1.9])[None, :, None, None], torch.tensor([[0, 1]])), Classes(3))
    assert isinstance(found, torch.Tensor)
    unsure = 2 / 7  # 1.2 is nearest to 1.1, which is of another class; so 1 of 5 is wrong
    wanted = [[1 - unsure, unsure / 2, unsure / 2], [unsure / 2, unsure / 2, 1 - unsure]]
    assert found[0].exp().tolist() == [pytest.approx(row) for row in wanted]
    one = Split(inputs[:, :1], train.targets[:, :1])
    assert isinstance(nearest(one, train, Classes(3)), str)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^by must be rows, pixels or permuted, got 'columns'"):
        Digits("columns")


def test_without_scikit_learn_one_paragraph_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"comes with nothing, which is not installed: pip install 'seqexp\[real\]'"):
        installed.find("no_such_package", "nothing", "x.csv")
    (tmp_path / "half_there").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match="the installed half has no file x"):
        installed.find("half_there", "half", "x.csv")


def test_evaluations_are_of_the_test_pictures(data: dict[str, PopulationData]) -> None:
    made = PopulationData(
        lambda changes: Digits(**{"by": "pixels", **changes}),
        range(2), None, 0.7, 0.15, 0.15, evaluations={"mixed": {"by": "permuted"}},
    )  # fmt: skip
    made.make()
    assert torch.equal(made.evaluations["test@mixed"].inputs[1], data["permuted"].splits["test"].inputs[1])
    with pytest.raises(ValueError, match="fresh must be false: this task has one data set"):
        PopulationData(lambda changes: Digits("rows"), range(2), None, 0.7, 0.15, 0.15, fresh=True)
