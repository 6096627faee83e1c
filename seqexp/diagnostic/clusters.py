"""The automaton in the states of one seed: clusters of states, and where symbols lead from one to the next."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

ENOUGH = 0.999
"""No more clusters are tried where so large a share of transitions is right."""

ROUNDS = 50
"""Of k-means at most."""


class Extracted(NamedTuple):
    """What one seed's states are: see `Automaton.measure`."""

    name: Tensor
    leads: Tensor
    right: Tensor
    counts: Tensor
    first: Tensor
    transitions: float
    strings: float


def extract(states: Tensor, symbols: Tensor, truth: Tensor, there: Tensor, letters: int, most: int) -> Extracted:
    """Finds the automaton of one seed.

    Args:
        states: (B, T, H).
        symbols: (B, T), numbers.
        truth: (B, T), the states of the task's automaton.
        there: (B, T) whether a step is no padding.
        letters: A.
        most: K.
    """
    if not states[there].isfinite().all():
        nothing = torch.zeros(0, letters, dtype=torch.int64)
        nowhere = torch.full((letters,), -1)
        return Extracted(nothing[:, 0], nothing, nothing, nothing, nowhere, float("nan"), float("nan"))
    best: Extracted | None = None
    for count in range(min(len(truth[there].unique()), most), most + 1):
        clusters = torch.full_like(truth, -1)
        clusters[there] = k_means(states[there], count)
        found = minimised(clusters, symbols, truth, there, letters)
        if best is None or found.transitions > best.transitions:
            best = found
        if best.transitions >= ENOUGH:
            break
    if best is None:
        raise ValueError("max_clusters must be >= 1")
    return best


def k_means(points: Tensor, count: int) -> Tensor:
    """The cluster of each of N points, (N, H) -> (N,): Lloyd's rounds from centres far from each other.

    The first centre is the point furthest from the mean, each further one that which is furthest from all before.
    """
    far = (points - points.mean(0)).square().sum(1)
    centres = []
    for _ in range(count):
        centres.append(points[far.argmax()])
        own = (points - centres[-1]).square().sum(1)
        far = own if len(centres) == 1 else torch.minimum(far, own)
    center = torch.stack(centres)
    nearest = torch.cdist(points, center).argmin(1)
    for _ in range(ROUNDS):
        for place in nearest.unique().tolist():
            center[place] = points[nearest == place].mean(0)
        before, nearest = nearest, torch.cdist(points, center).argmin(1)
        if torch.equal(before, nearest):
            break
    numbered: Tensor = nearest.unique(return_inverse=True)[1]  # no cluster is empty
    return numbered


def minimised(clusters: Tensor, symbols: Tensor, truth: Tensor, there: Tensor, letters: int) -> Extracted:
    """Transitions between clusters, (B, T), of which those that nothing tells apart are one."""
    size = int(clusters.max()) + 1
    name = torch.tensor([int(truth[clusters == each].mode().values) for each in range(size)])
    leads, *_ = _transitions(clusters, symbols, truth, there, name, letters)
    kind = name.unique(return_inverse=True)[1]
    while True:  # Moore: those stay together that lead to the same kinds by every symbol
        after = torch.where(leads >= 0, kind[leads.clamp(min=0)], -1)  # (K, A)
        finer = torch.cat([kind[:, None], after], 1).unique(dim=0, return_inverse=True)[1]
        if int(finer.max()) == int(kind.max()):
            break
        kind = finer
    merged = torch.where(clusters >= 0, kind[clusters.clamp(min=0)], -1)
    names = torch.stack([name[kind == each][0] for each in range(int(kind.max()) + 1)])
    leads, right, counts = _transitions(merged, symbols, truth, there, names, letters)
    transitions = float(right.sum() / counts.sum().clamp(min=1))
    first = torch.full((letters,), -1)
    for symbol in symbols[:, 0].unique().tolist():
        first[symbol] = merged[symbols[:, 0] == symbol, 0].mode().values
    strings = _strings(merged, symbols, truth, there, names, leads)
    return Extracted(names, leads, right, counts, first, transitions, strings)


def _transitions(
    clusters: Tensor, symbols: Tensor, truth: Tensor, there: Tensor, name: Tensor, letters: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each symbol leads most often, how often the task's next state is called as that, and how often it was seen.

    (K, A) each.
    """
    size, steps = len(name), there[:, 1:]  # of a right-padded sequence the step before is there as well
    start, end, symbol, target = (
        clusters[:, :-1][steps],
        clusters[:, 1:][steps],
        symbols[:, 1:][steps],
        truth[:, 1:][steps],
    )
    seen = torch.zeros(size, letters, size, dtype=torch.int64)
    seen.index_put_((start, symbol, end), torch.ones_like(start), accumulate=True)
    counts = seen.sum(2)
    leads = seen.argmax(2).masked_fill(counts == 0, -1)
    right = torch.zeros(size, letters, dtype=torch.int64)
    fits = (name[leads[start, symbol]] == target).long()
    right.index_put_((start, symbol), fits, accumulate=True)
    return leads, right, counts


def _strings(clusters: Tensor, symbols: Tensor, truth: Tensor, there: Tensor, name: Tensor, leads: Tensor) -> float:
    """The share of sequences that the automaton alone, from the cluster after the first symbol, brings to their end."""
    state = clusters[:, 0].clone()
    for step in range(1, clusters.shape[1]):
        after = torch.where(state >= 0, leads[state.clamp(min=0), symbols[:, step]], -1)
        state = torch.where(there[:, step], after, state)
    last = truth.gather(1, there.sum(1, keepdim=True) - 1)[:, 0]
    return float(((state >= 0) & (name[state.clamp(min=0)] == last)).double().mean())
