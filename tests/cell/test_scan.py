"""The scan's work spaces: whatever happens between a forward and its backward, the numbers are the same."""

import gc
import threading
import weakref

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from seqexp.cell import workspace
from seqexp.cell.workspace import Pool, Sizes, Workspace

cells = pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu", "lstm", "gru"])


@pytest.fixture
def data(rng):
    """Four batches of one shape."""
    return torch.randn(4, 3, 5, 6, 2, generator=rng, dtype=torch.float64)


def grads(output, cell, **options):
    return torch.autograd.grad(output.square().sum(), list(cell.parameters()), **options)


def expected(cell, x):
    """Output and gradients of one undisturbed pass, in work spaces of its own."""
    cell._pool = Pool()
    output = cell(x)
    return output, grads(output, cell)


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def idle(cell):
    return [space for spaces in cell._pool._idle.values() for space in spaces]


@cells
def test_two_graphs_alive(name, make_cell, data):
    cell = make_cell(name, num_layers=2)
    wanted = [expected(cell, x) for x in data]
    outputs = [cell(x) for x in data]
    for index in (2, 0, 3, 1):
        assert torch.equal(outputs[index], wanted[index][0])
        assert_same(grads(outputs[index], cell), wanted[index][1])


@cells
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_evaluation_between_forward_and_backward(name, mode, make_cell, data):
    cell = make_cell(name, num_layers=2)
    wanted = [expected(cell, x) for x in data[:2]]
    cell._pool = Pool()
    with mode():  # the first pass of all: its work space is lent to the training pass that follows
        assert torch.equal(cell(data[1]), wanted[1][0])
    output = cell(data[0])
    with mode():
        assert torch.equal(cell(data[1]), wanted[1][0])
        assert torch.equal(cell.last(data[1]), wanted[1][0][:, :, -1])
    assert_same(grads(output, cell), wanted[0][1])


@cells
def test_an_output_outlives_its_work_space(name, make_cell, data):
    cell = make_cell(name)
    with torch.no_grad():
        full, last = cell(data[0]), cell.last(data[0])
        copies = full.clone(), last.clone()
        cell(data[1])
    assert_same((full, last), copies)


@cells
def test_retain_graph(name, make_cell, data):
    cell = make_cell(name, num_layers=2)
    wanted = expected(cell, data[0])[1]
    output = cell(data[0])
    assert_same(grads(output, cell, retain_graph=True), wanted)
    cell(data[1]).sum().backward()
    assert_same(grads(output, cell, retain_graph=True), wanted)
    assert_same(grads(output, cell), wanted)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        output.sum().backward()


@cells
def test_an_input_changed_before_backward_is_refused(name, make_cell, data):
    """A pass that is run again, under retain_graph, must not read other numbers."""
    cell = make_cell(name)
    x = data[0].clone()
    output = cell(x)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@cells
def test_second_backward_is_refused(name, make_cell, data):
    cell = make_cell(name)
    output = cell(data[0])
    grads(output, cell)
    cell(data[1])  # has the work space now
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(output, list(cell.parameters()), torch.ones_like(output))


@cells
def test_double_backward_is_refused(name, make_cell, data):
    cell = make_cell(name)
    first = grads(cell(data[0]), cell, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first[0].sum().backward()


@cells
def test_a_weight_changed_before_backward_is_refused(name, make_cell, data):
    cell = make_cell(name)
    output = cell(data[0])
    with torch.no_grad():
        cell.weight_hh_l0.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@cells
def test_exception_between_forward_and_backward(name, make_cell, data):
    cell = make_cell(name)
    wanted = expected(cell, data[0])

    def fails():
        output = cell(data[1])
        raise KeyError(output.shape)

    for _ in range(3):
        with pytest.raises(KeyError):
            fails()
    gc.collect()
    assert len(idle(cell)) == 1
    output = cell(data[0])
    assert torch.equal(output, wanted[0])
    assert_same(grads(output, cell), wanted[1])


@cells
def test_exception_inside_a_pass(name, make_cell, data, monkeypatch):
    cell = make_cell(name)
    wanted = expected(cell, data[0])
    output = cell(data[0])
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "add_weight_gradient", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            grads(output, cell, retain_graph=True)
    assert_same(grads(output, cell), wanted[1])
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "load", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cell(data[1])
    gc.collect()
    assert len(idle(cell)) == 1


@cells
def test_threads(name, make_cell, data):
    cell = make_cell(name, num_layers=2)
    wanted = [expected(cell, x) for x in data]
    wrong: list[object] = []
    start = threading.Barrier(len(data))

    def work(index):
        start.wait()
        try:
            for _ in range(20):
                output = cell(data[index])
                assert torch.equal(output, wanted[index][0])
                assert_same(grads(output, cell), wanted[index][1])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@cells
def test_checkpointing(name, make_cell, data):
    """torch's checkpoint replaces saved tensors by recomputed ones; a work space does not ride on them."""
    cell = make_cell(name)
    x = data[0].clone().requires_grad_()
    wanted = expected(cell, x)[1]
    assert_same(grads(checkpoint(cell, x, use_reentrant=False), cell), wanted)


@cells
def test_frozen_parameters(name, make_cell, data):
    cell = make_cell(name)
    x = data[0].clone().requires_grad_()
    wanted = torch.autograd.grad(cell(x).sum(), x)
    cell.requires_grad_(False)
    assert_same(torch.autograd.grad(cell(x).sum(), x), wanted)
    assert not cell(data[0]).requires_grad


def test_training_goes_on_in_one_work_space(make_cell, data):
    cell = make_cell("lstm")
    used = set()
    for x in data:
        cell(x).sum().backward()
        used.update(idle(cell))
    assert len(used) == 1


def test_backward_gives_the_work_space_back_while_its_output_lives(make_cell, data):
    cell = make_cell("lstm")
    output = cell(data[0])
    assert idle(cell) == []
    grads(output, cell, retain_graph=True)
    assert len(idle(cell)) == 1
    grads(output, cell)
    assert len(idle(cell)) == 1


def test_memory_goes_with_the_model(make_cell, data):
    cell = make_cell("lstm")
    cell(data[0]).sum().backward()
    space = weakref.ref(idle(cell)[0])
    del cell
    gc.collect()
    assert space() is None


def test_few_sizes_are_kept(make_cell):
    cell = make_cell("gru")
    for T in range(1, 2 * workspace.KEPT_SIZES):
        cell(torch.zeros(3, 1, T, 2, dtype=torch.float64)).sum().backward()
    steps = [space.sizes.num_steps for space in idle(cell)]
    assert steps == list(range(workspace.KEPT_SIZES, 2 * workspace.KEPT_SIZES))


def test_interface_of_a_work_space():
    class Nothing(Workspace):
        num_blocks = 1
        scale = correction = (1.0,)
        forward_rows = backward_rows = workspace.Rows(hidden=((0, 1),), input=((0, 1),))

    space = Nothing(Sizes(2, 1, 1, 1, 1, torch.float32, torch.device("cpu"), kept=True))
    with pytest.raises(NotImplementedError):
        space.forward()
    with pytest.raises(NotImplementedError):
        space.backward(space.dh, None, None)
