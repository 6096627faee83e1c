"""The spectrum of recurrent weights: a rotation's, a diagonal's, the circular law, and which blocks there are."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.esn import ESN
from seqexp.cell.gru import GRU
from seqexp.cell.indrnn import IndRNN
from seqexp.cell.lru import LRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.mingru import MinGRU
from seqexp.cell.rnn import RNN
from seqexp.cell.s4d import S4D
from seqexp.data.split import Split
from seqexp.diagnostic.spectrum import Spectrum, spectrum
from seqexp.model import Model
from seqexp.score import SquaredError
from seqexp.seeding import generator

SIZES: dict[str, Any] = {"input_size": 2, "num_seeds": 2, "hidden_size": 4, "num_layers": 1, "dropout": 0.0}
NOTHING = Split(torch.zeros(2, 1, 1, 2), torch.zeros(2, 1, 1))


def model(cell: Any) -> Model:
    made = Model(cell, 1, "last", 0)
    made.reset_parameters([generator(seed, "model") for seed in range(cell.num_seeds)])
    return made.double().eval()


def measured(cell: Any) -> Any:
    return Spectrum().measure(model(cell), SquaredError(), NOTHING)


def test_a_rotation_has_its_angle_and_stretches_nothing() -> None:
    angle = 0.7
    turned = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64
    )
    eigenvalues, singular = spectrum(torch.stack([turned, 2 * turned]))
    for seed, size in enumerate((1.0, 2.0)):
        expected = [size * cmath.exp(sign * 1j * angle) for sign in (-1, 1)]
        np.testing.assert_allclose(sorted(eigenvalues[seed].tolist(), key=lambda each: each.imag), expected, rtol=1e-12)
    np.testing.assert_allclose(singular, [[1, 1], [2, 2]], rtol=1e-12)


def test_a_shear_is_stretched_although_its_eigenvalues_are_one() -> None:
    eigenvalues, singular = spectrum(torch.tensor([[[1.0, 1.0], [0.0, 1.0]]], dtype=torch.float64))
    np.testing.assert_allclose(eigenvalues, [[1, 1]], atol=1e-12)
    golden = (1 + math.sqrt(5)) / 2
    np.testing.assert_allclose(singular, [[golden, 1 / golden]], rtol=1e-12)


def test_each_gate_of_each_layer_and_direction_is_a_block() -> None:
    cell = LSTM(**{**SIZES, "num_layers": 2}, bidirectional=True, forget_bias=None)
    found = measured(cell)
    blocks = {f"{gate}_l{layer}{way}" for gate in "ifgo" for layer in range(2) for way in ("", "_reverse")}
    assert set(found) == {f"{block}_{what}" for block in blocks for what in ("eigenvalues", "singular")} | {"law"}
    block = cell.weight_hh_l1[:, 4:8]  # f
    np.testing.assert_allclose(found["f_l1_singular"], torch.linalg.svdvals(block.detach()), rtol=1e-12)
    sizes = np.abs(found["f_l1_eigenvalues"])
    assert (np.diff(sizes, axis=1) <= 1e-12).all()
    assert set(measured(GRU(**SIZES, bidirectional=False))) == {
        *(f"{gate}_l0_{what}" for gate in "rzn" for what in ("eigenvalues", "singular")), "law",
    }  # fmt: skip


def test_diagonals_are_their_own_eigenvalues() -> None:
    cell = IndRNN(**SIZES, bidirectional=False, nonlinearity="relu", recurrent_max=1.0)
    found = measured(cell)
    np.testing.assert_allclose(
        np.sort(found["hh_l0_eigenvalues"].real, 1), np.sort(cell.weight_hh_l0.detach().numpy(), 1), rtol=1e-12
    )
    ring = {"r_min": 0.9, "r_max": 0.999, "max_phase": 6.28, "block": "none", "num_modes": 3}
    found = measured(LRU(**SIZES, residual=False, **ring))
    assert found["lambda_l0_eigenvalues"].shape == (2, 3)
    sizes = np.abs(found["lambda_l0_eigenvalues"])
    assert ((sizes > 0.9) & (sizes < 0.999)).all()
    np.testing.assert_allclose(found["lambda_l0_singular"], sizes, rtol=1e-12)
    assert math.isnan(found["law"])


def test_the_modes_of_s4d_are_those_of_its_matrix_with_its_step() -> None:
    """One mode alone, with C = 1 and D = 0, answers a pulse by 2 Re(lambda^n (lambda - 1) / A)."""
    start = {"spectrum": "lin", "dt_min": 0.05, "dt_max": 0.1, "block": "none", "num_modes": 2}
    cell: Any = model(S4D(**{**SIZES, "num_layers": 2}, residual=False, **start)).cell
    found = measured(cell)
    assert set(found) == {f"lambda_l{layer}_{what}" for layer in (0, 1) for what in ("eigenvalues", "singular")} | {
        "law"
    }
    layer = cell.layers[1]
    with torch.no_grad():
        layer.D.zero_()
        layer.C.zero_()[..., 1] = 1  # real part of the second mode, whose frequency is pi
        answer = layer(torch.nn.functional.pad(torch.ones(2, 4, 1, 1, dtype=torch.float64), (0, 0, 0, 7)))[..., 0]
    assert found["lambda_l1_eigenvalues"].shape == (2, 8)
    a = complex(-0.5, math.pi)
    for seed in range(2):
        values = found["lambda_l1_eigenvalues"][seed]
        turning = values[values.imag > 0.01]
        expected = sorted((2 * each**3 * (each - 1) / a).real for each in turning)
        np.testing.assert_allclose(sorted(answer[seed, :, 3].tolist()), expected, rtol=1e-5)


def test_an_echo_state_network_has_the_radius_that_was_asked_for() -> None:
    sizes = {"input_size": 2, "num_seeds": 2, "hidden_size": 12}
    scales = {"spectral_radius": 0.8, "density": 0.5, "input_scale": 1.0, "bias_scale": 0.0}
    found = measured(ESN(**sizes, **scales, leak=0.5, linear=False, penalties=[1e-3]))
    np.testing.assert_allclose(np.abs(found["hh_l0_eigenvalues"] - 0.5).max(1), 0.5 * 0.8, rtol=1e-6)
    leaky = model(ESN(**sizes, **scales, leak=0.5, linear=True, penalties=[1e-3]))
    found = Spectrum().measure(leaky, SquaredError(), NOTHING)
    pulse = torch.nn.functional.pad(torch.ones(2, 1, 1, 2, dtype=torch.float64), (0, 0, 0, 300))
    with torch.no_grad():
        states = leaky.cell(pulse)[:, 0].norm(dim=2)  # which shrink by the largest eigenvalue's size in the end
    shrunk = (states[:, 300] / states[:, 100]) ** (1 / 200)
    np.testing.assert_allclose(np.abs(found["hh_l0_eigenvalues"][:, 0]), shrunk, rtol=2e-3)


def test_torchs_weights_keep_the_circular_law() -> None:
    """Eigenvalues fill a disk of radius 1/sqrt(3) evenly: half of them lie within 1/sqrt(2) of it."""
    found = measured(RNN(**{**SIZES, "hidden_size": 200}, bidirectional=False, nonlinearity="tanh"))
    radius = float(found["law"])
    assert radius == pytest.approx(1 / math.sqrt(3))
    sizes = np.abs(found["hh_l0_eigenvalues"])
    np.testing.assert_allclose(np.median(sizes), radius / math.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(sizes.max(1), radius, rtol=0.1)
    np.testing.assert_allclose(found["hh_l0_singular"].max(1), 2 * radius, rtol=0.05)


def test_a_seed_that_diverged_has_no_numbers() -> None:
    weights = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    weights[0, 0, 0] = torch.inf
    eigenvalues, singular = spectrum(weights)
    assert eigenvalues[0].isnan().all()
    assert singular[1].tolist() == [1, 1, 1]


def test_the_picture_has_each_gate_by_name_and_the_circles() -> None:
    by_label = {}
    for label, cell in (
        ("rnn", RNN(**SIZES, bidirectional=False, nonlinearity="tanh")),
        ("gru", GRU(**SIZES, bidirectional=False)),
    ):
        by_label[label] = {
            f"{time}_{name}": values for time in ("start", "end") for name, values in measured(cell).items()
        }
    figure = Spectrum().draw(by_label)
    names = [each.get_text() for each in figure.legends[0].get_texts()]
    assert names[:4] == ["rnn", "gru, gate r", "gru, gate z", "gru, gate n"]
    assert "unit circle" in names
    assert "circular law of weights from U(±1/√H): radius 0.577" in names
    points = figure.axes[0].get_lines()[0]
    assert len(points.get_xdata()) == 8  # type: ignore[arg-type]


def test_a_cell_whose_state_passes_through_no_fixed_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="and MinGRU has none"):
        Spectrum().check(model(MinGRU(**SIZES, residual=False, form="log")))
