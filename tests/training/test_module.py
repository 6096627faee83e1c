"""Training a population against plain PyTorch, one seed after another, and against the same seeds alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from scipy import stats
from torch import Tensor, nn

from seqexp.config.compose import CONF
from seqexp.data.module import PopulationData
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.model import Model
from seqexp.run.build import Parts, build
from seqexp.run.load import load
from seqexp.score import RunningMean, SquaredError
from seqexp.seeding import generator
from seqexp.training.module import Training

Train = Callable[..., Any]

DOUBLE = "trainer.precision=64-true"
SHORT = ("num_seeds=3", "data.length=160", "trainer.max_epochs=4", "optimizer.lr=0.02", DOUBLE)


# ---------------------------------------------------------------- the oracle: what one would write in plain PyTorch


class Plain(NamedTuple):
    """What came out of a plain loop for one seed."""

    test_mse: float
    train_mse: float
    val: list[float]
    best_epoch: int


def parts_of(overrides: Sequence[str]) -> Parts:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return build(compose("config", list(overrides)))


def plain_loop(overrides: Sequence[str], index: int, dtype: torch.dtype, module: nn.ModuleDict | None = None) -> Plain:
    """Trains one member as torch's tutorials do, from the same data and, unless given, the same first weights."""
    parts = parts_of(overrides)
    parts.data.setup()
    module = (parts.training.model.to_torch(index) if module is None else module).to(dtype)
    cell, readout = module["cell"], module["readout"]
    made = parts.settings["optimizer"]
    values = {name: value for name, value in made.items() if name not in ("_target_", "fused", "foreach")}
    optimizer = getattr(torch.optim, made["_target_"].rpartition(".")[2])(module.parameters(), **values)
    clip = parts.settings["trainer"]["gradient_clip_val"]

    def score(inputs: Tensor, targets: Tensor) -> Tensor:
        outputs, _ = cell(inputs[index].to(dtype))
        return nn.functional.mse_loss(readout(outputs[:, -1]), targets[index].to(dtype))

    def on(split: str) -> float:
        with torch.no_grad():
            return score(parts.data.splits[split].inputs, parts.data.splits[split].targets).item()

    best, val = (math.inf, -1), []
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    for epoch in range(parts.settings["trainer"]["max_epochs"]):
        for inputs, targets, *_ in parts.data.train_dataloader():
            optimizer.zero_grad()
            score(inputs, targets).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
        val.append(on("val") if parts.data.has_val else math.nan)
        if not parts.data.has_val or val[-1] < best[0]:
            best = (val[-1], epoch)
            kept = {name: value.clone() for name, value in module.state_dict().items()}
    module.load_state_dict(kept)
    return Plain(on("test"), on("train"), val, best[1])


@pytest.mark.parametrize(
    ("cell", "optimizer"), [("rnn", "adam"), ("lstm", "adamw"), ("gru", "sgd"), ("rnn", "rmsprop"), ("lstm", "adam")]
)
def test_best_on_validation_equals_a_hand_made_loop_that_keeps_it(train: Train, cell: str, optimizer: str) -> None:
    # a learning rate at which validation goes up and down, so that the best epoch is not the last
    lr = {"adam": 0.03, "adamw": 0.03, "sgd": 0.3, "rmsprop": 0.01}[optimizer]
    overrides = [
        f"cell={cell}", f"optimizer={optimizer}", f"optimizer.lr={lr}", "num_seeds=2", "data.length=160",
        "trainer.max_epochs=5", "trainer.gradient_clip_val=0.3", DOUBLE,
    ]  # fmt: skip
    record, folder = train(*overrides)
    curves = np.genfromtxt(folder / "curves.csv", delimiter=",", names=True)
    for index, seed in enumerate(record.seeds):
        plain = plain_loop(overrides, index, torch.float64)
        assert record.best_epoch[index] == plain.best_epoch
        assert record.val_mse[index] == pytest.approx(min(plain.val), rel=1e-6)
        assert record.test_mse[index] == pytest.approx(plain.test_mse, rel=1e-6)
        assert record.train_mse[index] == pytest.approx(plain.train_mse, rel=1e-6)
        np.testing.assert_allclose(curves["val_mse"][curves["seed"] == seed], plain.val, rtol=1e-6)


def test_some_seed_of_that_comparison_keeps_an_earlier_epoch(train: Train) -> None:
    record, _ = train("optimizer.lr=0.1", "num_seeds=6", "data.length=160", "trainer.max_epochs=5", DOUBLE)
    assert len(set(record.best_epoch)) > 1  # each seed has its own
    assert min(record.best_epoch) < 4


def test_without_validation_the_last_weights_are_kept(train: Train) -> None:
    overrides = [
        "num_seeds=2", "data.length=160", "trainer.max_epochs=5", "optimizer.lr=0.03", "data.train_fraction=0.85",
        "data.val_fraction=0", DOUBLE,
    ]  # fmt: skip
    record, folder = train(*overrides)
    assert record.val_mse is None
    assert record.best_epoch == [4, 4]
    for index in range(2):
        plain = plain_loop(overrides, index, torch.float64)
        assert record.test_mse[index] == pytest.approx(plain.test_mse, rel=1e-9)
        assert record.train_mse[index] == pytest.approx(plain.train_mse, rel=1e-9)
    curves = np.genfromtxt(folder / "curves.csv", delimiter=",", names=True)
    assert np.isnan(curves["val_mse"]).all()


# ---------------------------------------------------------------- a population is S runs


@pytest.mark.parametrize(
    "changes",
    [
        ("cell=rnn",),
        ("cell=rnn", "data=sum", "data.num_sequences=120", "data.length=8"),
        ("cell=lstm", "trainer.gradient_clip_val=0.1"),
        ("cell=gru", "data.batch_size=null"),
        ("cell=lstm", "cell.num_layers=2", "cell.dropout=0.4", "cell.bidirectional=true"),
    ],
    ids=" ".join,
)
def test_a_population_equals_its_seeds_alone(train: Train, changes: tuple[str, ...]) -> None:
    together, _ = train(*changes, "seed=3", tiny=SHORT)
    assert together.seeds == [3, 4, 5]
    for index, seed in enumerate(together.seeds):
        alone, _ = train(*changes, f"seed={seed}", "num_seeds=1", tiny=SHORT)
        for name in ("test_mse", "val_mse", "train_mse"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[index], rel=1e-6), name
        assert alone.best_epoch[0] == together.best_epoch[index]
        for name, row in together.baselines.items():
            assert row is None or alone.baselines[name][0] == pytest.approx(row[index], rel=1e-9)
    assert len(set(together.test_mse)) == 3


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_seed_alone_gets_the_same_bits(train: Train, cell: str, precision: str) -> None:
    """The last bit matters: on this task training is chaotic, and rounding would grow to a visible difference."""
    changes = (f"cell={cell}", f"trainer.precision={precision}", "data=sum", "data.num_sequences=150")
    tiny = ("num_seeds=5", "trainer.max_epochs=15", "optimizer.lr=0.02", "cell.hidden_size=7")
    together, _ = train(*changes, tiny=tiny)
    for index in (0, 4):
        alone, _ = train(*changes, f"seed={index}", "num_seeds=1", tiny=tiny)
        for name in ("test_mse", "val_mse", "train_mse"):
            assert getattr(alone, name)[0] == getattr(together, name)[index], name


def test_the_training_score_is_that_of_the_kept_weights_without_dropout(train: Train) -> None:
    changes = ("cell.num_layers=2", "cell.dropout=0.5", "data.length=120", "num_seeds=2", "trainer.max_epochs=3")
    record, folder = train(*changes, tiny=())
    model = load(folder).eval()
    parts = parts_of(changes)
    parts.data.setup()
    inputs, targets, *_ = parts.data.splits["train"]
    with torch.no_grad():
        expected = (model(inputs) - targets).square().mean((1, 2))
    assert record.train_mse == pytest.approx(expected.tolist(), rel=1e-5)


def test_early_stopping_gives_each_seed_what_it_would_get_alone(train: Train) -> None:
    changes = ("early_stopping.patience=2", "trainer.max_epochs=30", "optimizer.lr=0.08")
    together, _ = train(*changes, "num_seeds=4", tiny=SHORT)
    epochs = []
    for index, seed in enumerate(together.seeds):
        alone, _ = train(*changes, f"seed={seed}", "num_seeds=1", tiny=SHORT)
        assert alone.best_epoch[0] == together.best_epoch[index]
        for name in ("test_mse", "val_mse", "train_mse"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[index], rel=1e-6), name
        assert alone.epochs == alone.best_epoch[0] + 3 or alone.epochs == 30
        epochs.append(alone.epochs)
    assert len(set(epochs)) > 1  # else the others' influence could not have shown
    assert min(epochs) < 30
    assert together.epochs == max(epochs)


def test_the_same_command_twice_gives_the_same_bits(train: Train) -> None:
    changes = ("cell=lstm", "cell.num_layers=2", "cell.dropout=0.3", "data.length=160", "seed=0")
    (one, first), (other, second) = train(*changes), train(*changes)
    for name in ("seeds", "train_mse", "val_mse", "test_mse", "baselines", "best_epoch", "fingerprint", "config"):
        assert getattr(one, name) == getattr(other, name), name
    assert (first / "curves.csv").read_bytes() == (second / "curves.csv").read_bytes()
    with np.load(first / "predictions.npz") as a, np.load(second / "predictions.npz") as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


def test_another_seed_gives_other_numbers_and_0_is_a_seed(train: Train) -> None:
    scores = [train(f"seed={seed}", "num_seeds=1")[0].test_mse[0] for seed in (0, 1)]
    both = train("seed=0", "num_seeds=2")[0]
    assert scores[0] != scores[1]
    assert both.seeds == [0, 1]
    assert both.test_mse == pytest.approx(scores, rel=1e-4)


# ---------------------------------------------------------------- gradient clipping


def population() -> tuple[Model, Tensor, Tensor]:
    """Three members, and targets of very different size, so that their gradients are, too."""
    model = parts_of(["num_seeds=3"]).training.model.double()
    rng = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 8, 5, 1, generator=rng, dtype=torch.float64)
    targets = torch.randn(3, 8, 1, generator=rng, dtype=torch.float64) * torch.tensor([0.1, 3.0, 50.0])[:, None, None]
    return model, inputs, targets


@pytest.mark.parametrize("algorithm", ["norm", "value", None])
def test_clipping_equals_torchs_on_each_seed_alone(algorithm: str | None) -> None:
    model, inputs, targets = population()
    training = Training(model, SquaredError(), Sum(1, 1, "normal"), torch.optim.Adam)
    optimizer = training.configure_optimizers()
    training.learn(Split(inputs, targets))
    before = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    limit = 0.3 if algorithm == "value" else 2.0
    training.configure_gradient_clipping(optimizer, limit, algorithm)

    changed = []
    own = dict(model.cell.named_parameters())
    for index in range(3):
        module = model.to_torch(index)
        outputs, _ = module["cell"](inputs[index])
        nn.functional.mse_loss(module["readout"](outputs[:, -1]), targets[index]).backward()
        if algorithm == "value":
            nn.utils.clip_grad_value_(module.parameters(), limit)
        else:
            norm = nn.utils.clip_grad_norm_(module.parameters(), limit)
            changed.append(bool(norm > limit))
        assert model.weight.grad is not None
        torch.testing.assert_close(model.weight.grad[index], module["readout"].weight.grad, rtol=1e-9, atol=1e-12)
        for name, parameter in module["cell"].named_parameters():
            gradient = own[name].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[index], parameter.grad, rtol=1e-9, atol=1e-12)
    if algorithm != "value":
        assert changed == [False, True, True]  # one is left as it is: a shared norm would have scaled it
    assert any(not torch.equal(old, each.grad) for old, each in zip(before, model.parameters(), strict=True))


def test_without_a_limit_gradients_stay() -> None:
    model, inputs, targets = population()
    training = Training(model, SquaredError(), Sum(1, 1, "normal"), torch.optim.Adam)
    optimizer = training.configure_optimizers()
    training.learn(Split(inputs, targets))
    before = [each.grad.clone() for each in model.parameters() if each.grad is not None]
    training.configure_gradient_clipping(optimizer, None, None)
    for old, each in zip(before, model.parameters(), strict=True):
        assert each.grad is not None
        assert torch.equal(old, each.grad)


def test_batches_accumulate_to_one_update(train: Train) -> None:
    settings = ("data.length=220", "data.val_fraction=0", "optimizer=sgd", "trainer.precision=64-true")
    whole, _ = train(*settings, "data.batch_size=null")  # of 140 windows
    halves, _ = train(*settings, "data.batch_size=70", "trainer.accumulate_grad_batches=2")
    assert halves.steps == whole.steps
    assert halves.test_mse == pytest.approx(whole.test_mse, rel=1e-10)


def test_a_running_mean_weighs_batches_by_their_size() -> None:
    scores = torch.rand(2, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean = RunningMean()
    for batch in scores.split(4, 1):
        mean.add(batch.mean(1), batch.shape[1])
    torch.testing.assert_close(mean.mean(), scores.mean(1))
    mean.reset()
    mean.add(scores[:, 0], 1)
    torch.testing.assert_close(mean.mean(), scores[:, 0])


# ---------------------------------------------------------------- a seed that diverges


@pytest.fixture
def break_seed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Gives one seed weights that overflow; whatever is drawn for the others stays the same."""

    def break_seed(seed: int) -> None:
        right = Model.reset_parameters

        def reset_parameters(self: Model, generators: Sequence[torch.Generator]) -> None:
            right(self, generators)
            wanted = generator(seed, "model").initial_seed()
            for index, each in enumerate(generators):
                if each.initial_seed() == wanted:
                    with torch.no_grad():
                        self.weight[index] = 1e30

        monkeypatch.setattr(Model, "reset_parameters", reset_parameters)

    return break_seed


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("changes", [(), ("data.val_fraction=0",), ("early_stopping.patience=2",)])
def test_a_diverging_seed_is_named_and_leaves_the_others_alone(
    train: Train,
    break_seed: Callable[[int], None],
    capsys: pytest.CaptureFixture[str],
    cell: str,
    changes: tuple[str, ...],
) -> None:
    settings = (f"cell={cell}", "seed=6", "num_seeds=3", *changes)
    healthy, _ = train(*settings)
    assert healthy.diverged == []
    capsys.readouterr()
    break_seed(7)
    record, folder = train(*settings)
    console = capsys.readouterr().err
    assert record.diverged == [7]
    assert "seed 7" in console
    assert "NaN or infinite" in console
    assert "seed 6" not in console
    assert "seed 8" not in console
    for name in ("test_mse", "train_mse", "val_mse"):
        row, before = getattr(record, name), getattr(healthy, name)
        if row is not None:
            assert not math.isfinite(row[1])
            assert [row[0], row[2]] == pytest.approx([before[0], before[2]], rel=1e-12)
    assert record.baselines == healthy.baselines
    assert "NaN" not in (folder / "result.json").read_text()


def test_a_population_of_which_all_diverge_is_still_recorded(train: Train, break_seed: Callable[[int], None]) -> None:
    break_seed(0)
    record, folder = train("num_seeds=1")
    assert record.status == "done"
    assert record.diverged == [0]
    assert (folder / "result.json").exists()


# ---------------------------------------------------------------- the lab sheet


LAB = [("lab_sine", "rnn"), ("lab_sine", "lstm"), ("lab_sum", "rnn"), ("lab_sum", "lstm")]


SINGLE, DOUBLED = (torch.float32, "32-true", 1e-3), (torch.float64, "64-true", 1e-6)


@pytest.mark.parametrize(
    ("experiment", "cell", "dtype", "precision", "tolerance"),
    [*((*lab, *SINGLE) for lab in LAB), ("lab_sine", "rnn", *DOUBLED), ("lab_sum", "lstm", *DOUBLED)],
)
def test_the_lab_preset_equals_the_plain_loop_from_the_same_weights(
    train: Train, experiment: str, cell: str, dtype: torch.dtype, precision: str, tolerance: float
) -> None:
    overrides = [f"experiment={experiment}", f"cell={cell}", "num_seeds=2", f"trainer.precision={precision}"]
    record, _ = train(*overrides, tiny=())
    for index in range(2 if dtype is torch.float32 else 1):
        plain = plain_loop(overrides, index, dtype)
        assert record.test_mse[index] == pytest.approx(plain.test_mse, rel=tolerance)
        assert record.train_mse[index] == pytest.approx(plain.train_mse, rel=tolerance)


@pytest.mark.parametrize(("experiment", "cell"), [("lab_sine", "rnn"), ("lab_sum", "rnn"), ("lab_sum", "lstm")])
def test_the_lab_preset_agrees_with_the_plain_loop_from_torchs_own_weights(
    train: Train, experiment: str, cell: str
) -> None:
    """The sheet's settings are written out here; only the data are seqexp's, so that seeds can be paired."""
    record, _ = train(f"experiment={experiment}", f"cell={cell}", "num_seeds=10", tiny=())
    data: PopulationData = parts_of([f"experiment={experiment}", "num_seeds=10"]).data
    data.setup()
    epochs, lr = (100, 0.01) if experiment == "lab_sine" else (20, 0.001)
    scores = []
    for index in range(10):
        x, y, x_test, y_test = (
            getattr(data.splits[s], f)[index] for s in ("train", "test") for f in ("inputs", "targets")
        )
        assert (len(x), len(x_test)) == ((784, 196) if experiment == "lab_sine" else (800, 200))
        assert x.shape[1] == 20
        before = torch.get_rng_state()
        torch.manual_seed(1000 + index)
        layer, readout = {"rnn": nn.RNN, "lstm": nn.LSTM}[cell](1, 16, batch_first=True), nn.Linear(16, 1)
        torch.set_rng_state(before)
        optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=lr)
        for _ in range(epochs):
            optimizer.zero_grad()
            nn.functional.mse_loss(readout(layer(x)[0][:, -1]), y).backward()
            optimizer.step()
        with torch.no_grad():
            scores.append(nn.functional.mse_loss(readout(layer(x_test)[0][:, -1]), y_test).item())
    interval = stats.ttest_rel(record.test_mse, scores).confidence_interval(0.95)
    assert interval.low <= 0 <= interval.high
    # narrow enough to mean something
    assert interval.high - interval.low < 0.35 * np.mean(scores)


def test_at_the_sheets_own_settings_neither_cell_has_learnt_the_sum(train: Train) -> None:
    for cell in ("rnn", "lstm"):
        record, _ = train("experiment=lab_sum", f"cell={cell}", "num_seeds=4", tiny=())
        assert np.mean(record.test_mse) / np.mean(record.baselines["constant"]) > 0.85


# ---------------------------------------------------------------- checkpoints


def test_training_can_go_on_from_the_last_checkpoint(train: Train, tmp_path: Path) -> None:
    """Half the epochs, then the other half from `last.ckpt`, is the whole."""
    from seqexp.signals import Ending
    from seqexp.training.checkpoints import Checkpoints
    from seqexp.training.keeper import Selection

    def fit(epochs: int, ckpt: Path | None) -> tuple[Selection, Training]:
        parts = parts_of([*SHORT[:-1], f"trainer.max_epochs={epochs}", "optimizer.lr=0.05"])
        selection = Selection(parts.training, parts.data.seeds, None)
        history = selection.history
        trainer = parts.make_trainer([selection, Checkpoints(tmp_path, 30, {}, Ending(at_once=False))], str(tmp_path))
        parts.data.setup()
        trainer.fit(parts.training, datamodule=parts.data, ckpt_path=ckpt, weights_only=True)
        assert selection.history is history  # what others hold goes on, too
        return selection, parts.training

    _, folder = train(*SHORT[:-1], "trainer.max_epochs=3", "optimizer.lr=0.05", tiny=())
    whole, expected = fit(6, None)
    resumed, found = fit(6, folder / "checkpoints" / "last.ckpt")
    assert whole.best_epoch.min() < 2 < whole.best_epoch.max()  # some seed's best lies before the interruption
    torch.testing.assert_close(resumed.best, whole.best)
    assert torch.equal(resumed.best_epoch, whole.best_epoch)
    for name in ("train", "val"):
        torch.testing.assert_close(torch.stack(resumed.history[name]), torch.stack(whole.history[name]))
    for one, other in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other)
