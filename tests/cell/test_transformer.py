"""The transformer: its equations in NumPy, torch's own layers, positions, attention in blocks, sizes."""

import math

import numpy as np
import pytest
import torch

from seqexp.cell.attention import attend, attend_from, blocks, turn
from seqexp.cell.transformer import Transformer
from tests.cell.conftest import generators


def make(dtype=torch.float64, seeds=range(2), **changes):
    own = {"num_heads": 2, "feedforward_size": 6, "positions": "rotary", "max_length": None, "eps": 1e-5}
    sizes = {"input_size": 3, "hidden_size": 8, "num_layers": 2, "dropout": 0.0, "residual": False}
    cell = Transformer(**{**sizes, **own, **changes}, num_seeds=len(seeds)).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


def norm(x, own, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * own[f"{name}.gain"] + own[f"{name}.bias"]


def dense(x, own, name):
    return x @ own[f"{name}.weight"].T + own[f"{name}.bias"]


def layer_by_steps(layer, k, x, heads, rotary):
    """One layer of one sequence of one seed, (T, F) -> (T, H): each step by itself, with those before it."""
    own = {name: value[k].detach().numpy() for name, value in layer.named_parameters()}
    if "entry.encoder.weight" in own:
        x = dense(x, own, "entry.encoder")
        if not rotary:
            x = x + own["entry.positions"].T[np.minimum(np.arange(len(x)), own["entry.positions"].shape[1] - 1)]
    n = norm(x, own, "attention_norm")
    q, (key, value) = dense(n, own, "query"), np.split(dense(n, own, "memory"), 2, axis=1)
    D, seen = q.shape[1] // heads, np.zeros_like(q)
    for head in range(heads):
        of = slice(head * D, (head + 1) * D)
        for t in range(len(x)):
            scores = []
            for s in range(t + 1):
                mine, theirs = q[t, of], key[s, of]
                if rotary:  # complex numbers of two features each, turned by their steps
                    rate = 10_000.0 ** (-2 * np.arange(D // 2) / D)
                    mine = (mine[: D // 2] + 1j * mine[D // 2 :]) * np.exp(1j * t * rate)
                    theirs = (theirs[: D // 2] + 1j * theirs[D // 2 :]) * np.exp(1j * s * rate)
                scores.append((mine * theirs.conj()).sum().real / math.sqrt(D))
            weight = np.exp(scores - np.max(scores))
            seen[t, of] = weight / weight.sum() @ value[: t + 1, of]
    x = x + dense(seen, own, "out")
    wide = dense(norm(x, own, "feed_norm"), own, "widen")
    x = x + dense(wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))), own, "narrow")
    return norm(x, own, "top_norm") if "top_norm.gain" in own else x


@pytest.mark.parametrize("settings", [{}, {"positions": "learned", "max_length": 4}, {"hidden_size": 5}])
def test_equations(settings, rng):
    """With learned positions the sequence is longer than max_length, which only a test sequence can be."""
    cell = make(**settings)
    x = torch.randn(2, 2, 7, 3, generator=rng, dtype=torch.float64)
    found, last = cell(x).detach().numpy(), cell.last(x).detach().numpy()
    for k, b in np.ndindex(2, 2):
        below = x[k, b].numpy()
        for layer in cell.layers:
            below = layer_by_steps(layer, k, below, 2, cell.positions == "rotary")
        np.testing.assert_allclose(found[k, b], below, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(last[k, b], below[-1], rtol=1e-9, atol=1e-11)


def test_torch_with_equal_weights(rng):
    """`torch.nn.TransformerEncoder` with norm_first; positions of zero."""
    cell = make(positions="learned", max_length=9)
    with torch.no_grad():
        cell.layers[0].entry.positions.zero_()
        for parameter in cell.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
        cell.layers[0].entry.positions.zero_()
    x = torch.randn(2, 3, 9, 3, generator=rng, dtype=torch.float64)
    for k in range(2):
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        layer = torch.nn.TransformerEncoderLayer(8, 2, 6, **options)
        net = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(8), enable_nested_tensor=False).double()
        for theirs, mine in zip(net.layers, cell.layers, strict=True):
            pairs = [(theirs.self_attn.out_proj, mine.out), (theirs.linear1, mine.widen), (theirs.linear2, mine.narrow)]
            with torch.no_grad():
                for name in ("weight", "bias"):
                    rows = [getattr(mine.query, name)[k], getattr(mine.memory, name)[k]]
                    getattr(theirs.self_attn, f"in_proj_{name}").copy_(torch.cat(rows))
                    for target, source in pairs:
                        getattr(target, name).copy_(getattr(source, name)[k])
                norms = [(theirs.norm1, mine.attention_norm), (theirs.norm2, mine.feed_norm), (net.norm, mine.top_norm)]
                for target, source in norms:
                    if source is not None:
                        target.weight.copy_(source.gain[k])
                        target.bias.copy_(source.bias[k])
        entry = cell.layers[0].entry.encoder
        entered = x[k] @ entry.weight[k].T + entry.bias[k]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(9, dtype=torch.float64)
        torch.testing.assert_close(cell(x)[k], net(entered, mask=mask, is_causal=True), rtol=1e-9, atol=1e-11)


def test_attention_in_blocks_is_attention(rng, monkeypatch):
    """More steps than a block has queries, and fewer matrices in a block than a seed has."""
    monkeypatch.setattr("seqexp.cell.attention.QUERIES", 16)
    monkeypatch.setattr("seqexp.cell.attention.BLOCK", 2000)
    q, k, v = (
        torch.randn(2, 6, 40, 4, generator=rng, dtype=torch.float64).requires_grad_() for _ in range(3)
    )  # (S, M, T, D)
    assert len(list(blocks(q.flatten(0, 1), 6))) == 4 * 3
    found = attend(q, k, v)
    later = torch.ones(40, 40, dtype=torch.bool).triu(1)
    expected = (q @ k.transpose(2, 3)).masked_fill(later, -torch.inf).softmax(3) @ v
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    slope = torch.randn(found.shape, generator=rng, dtype=torch.float64)
    for mine, theirs in zip(
        *(torch.autograd.grad((y * slope).sum(), (q, k, v)) for y in (found, expected)), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


def test_one_step_attends_as_all_do_and_rotary_scores_tell_distances(rng):
    q, k, v = (torch.randn(2, 3, 4, 9, 32, generator=rng, dtype=torch.float64) for _ in range(3))  # (S, heads, D, T, N)
    ends = torch.arange(64).view(2, 32) % 9
    rows = [each.permute(0, 1, 4, 3, 2).flatten(1, 2) for each in (q, k, v)]
    every = attend(*rows).unflatten(1, (3, 32)).permute(0, 1, 4, 3, 2)
    index = ends[:, None, None, None].expand(2, 3, 4, 1, 32)
    found = attend_from(q.gather(3, index), k, v, ends)
    torch.testing.assert_close(found, every.gather(3, index), rtol=1e-10, atol=1e-12)
    steps = torch.arange(9)[:, None]
    near, far = ((turn(q, steps + shift, 1e4) * turn(k, steps + shift + 5, 1e4)).sum(2) for shift in (0, 100))
    torch.testing.assert_close(near, far, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_do_not_depend_on_threads(dtype, rng):
    """A seed alone has all threads, one in a large population a single one; a sum over 1,000 steps would tell."""
    q, k, v = (torch.randn(1, 2, 1000, 4, generator=rng, dtype=dtype).requires_grad_() for _ in range(3))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            out = attend(q, k, v)
            found.append([out, *torch.autograd.grad(out.square().sum(), (q, k, v))])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_sizes_and_what_it_begins_with():
    cell = make(seeds=[0], hidden_size=64, num_heads=4, feedforward_size=None, positions="learned", max_length=50)
    H, own = 64, dict(cell.layers[0].named_parameters())
    of_torch = sum(each.numel() for each in torch.nn.TransformerEncoderLayer(H, 4, 4 * H).parameters())
    assert sum(parameter.numel() for parameter in cell.parameters()) == 2 * of_torch + H * (3 + 1) + 50 * H + 2 * H
    assert cell.state_size is None
    for name in ("query.weight", "memory.weight"):
        bound = math.sqrt(6 / (4 * H))
        assert 0.99 * bound < own[name].abs().max() <= bound
    assert not any(own[f"{name}.bias"].any() for name in ("query", "memory", "out", "attention_norm"))
    np.testing.assert_allclose(own["entry.positions"].std().item(), 0.02, rtol=0.05)
    assert [make(hidden_size=size, num_heads=4).head_size for size in (1, 8, 16, 20)] == [2, 2, 4, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": "sine"}, "positions must be rotary or learned, got 'sine'"),
        ({"max_length": 5}, "max_length must be null where positions are not learned, got 5"),
        ({"positions": "learned"}, "max_length must be >= 1 where positions are learned, got null"),
        ({"num_heads": 0}, "num_heads must be >= 1, got 0"),
        ({"feedforward_size": 0}, "feedforward_size must be >= 1, got 0"),
        ({"eps": 0.0}, "eps must be > 0, got 0.0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_training_sequences_have_positions():
    cell = make(positions="learned", max_length=5)
    cell.expect(5)
    with pytest.raises(ValueError, match="training sequences, which is 6, where positions are learned, got 5"):
        cell.expect(6)
    make().expect(10_000)
