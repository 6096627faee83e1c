"""Weights to start from, in place of drawn ones: those of a trained run, or of a file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqexp.config.mistakes import ConfigError
from seqexp.model import Model
from seqexp.record.files import is_plain
from seqexp.record.own import WEIGHTS, weights_file
from seqexp.record.record import Record, RecordError

TORCH_NAMES = {"weight": "readout.weight", "bias": "readout.bias", "embedding": "embedding.weight"}
"""A model's own parameter -> its name in what `to_torch` exports; those of the cell have one name."""


@torch.no_grad()
def start_from(text: str, model: Model, seeds: Sequence[int]) -> None:
    """Gives a population the weights that `cell.weights` names.

    Args:
        text: a run's folder: seed k starts from its seed k's kept weights; or a `.npz` file of arrays by the names of
            `to_torch(k).state_dict()`, such as `cell.weight_ih_l0` and `readout.bias`, each of one member's shape, for
            all seeds, or with an axis S in front.
        model: of the population.
        seeds: its S seeds.

    Raises:
        ConfigError: there are no such weights, or they are not this model's.
    """
    where = f"{WEIGHTS}={text}"
    path = weights_file(text)
    if not is_plain(path):
        raise ConfigError(f"{where}: there is no {'checkpoint of a run' if path.suffix == '.ckpt' else 'such file'}")
    wanted = {name: each for name, each in model.state_dict().items() if not name.startswith("scaling.")}
    try:
        found = _of_run(Path(text).expanduser(), path, seeds) if path.suffix == ".ckpt" else _of_file(path, wanted)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, RecordError) as error:
        raise ConfigError(f"{where}: {error}") from error
    if wanted.keys() != found.keys():
        lacking, strange = (sorted(map(_shown, each)) for each in (wanted.keys() - found, found.keys() - wanted))
        said = [f"{word} {', '.join(names)}" for word, names in (("lacks", lacking), ("has also", strange)) if names]
        raise ConfigError(f"{where}: is not of this model: it {' and '.join(said)}")
    for name, parameter in wanted.items():
        values = found[name].to(parameter.dtype)
        if values.shape not in (parameter.shape, parameter.shape[1:]):
            shapes = f"{tuple(parameter.shape[1:])} or {tuple(parameter.shape)}, got {tuple(values.shape)}"
            raise ConfigError(f"{where}: {_shown(name)} must have the shape {shapes}")
        if not values.isfinite().all():
            raise ConfigError(f"{where}: {_shown(name)} must be finite")
        parameter.copy_(values)


def _of_run(folder: Path, path: Path, seeds: Sequence[int]) -> dict[str, Tensor]:
    """Each parameter of some seeds of a run, (S, ...)."""
    trained = Record.read(folder).seeds
    if lacking := [seed for seed in seeds if seed not in trained]:
        few = ", ".join(map(str, lacking[:5])) + (", ..." if len(lacking) > 5 else "")
        raise ValueError(f"each seed starts from its own; the run has {trained[0]} to {trained[-1]}, and not {few}")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
        rows = [trained.index(seed) for seed in seeds]
        parameters = {name.removeprefix("model."): values for name, values in kept.items()}
        return {name: values[rows] for name, values in parameters.items() if not name.startswith("scaling.")}
    except Exception as error:  # whatever a damaged file makes torch say
        raise ValueError(f"{path.name} is no checkpoint of a run ({type(error).__name__})") from error


def _of_file(path: Path, wanted: Iterable[str]) -> dict[str, Tensor]:
    """The arrays of a file by a model's own names."""
    own = {_shown(name): name for name in wanted}
    try:
        arrays = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):  # NumPy would have it loaded unsafely
        arrays = None
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise ValueError("must be a .npz file, of arrays with names")
    with arrays:
        return {own.get(name, name): _array(arrays, name) for name in arrays.files}


def _array(arrays: np.lib.npyio.NpzFile, name: str) -> Tensor:
    """One array as numbers of 64 bits."""
    try:
        values = np.asarray(arrays[name])
    except ValueError:  # Python objects
        values = np.empty(0, object)
    if values.dtype.kind not in "fiub":
        what = {"c": "complex numbers", "O": "Python objects"}.get(values.dtype.kind, f"values of {values.dtype}")
        raise ValueError(f"{name} must hold real numbers, and holds {what}")
    return torch.from_numpy(values.astype(np.float64))


def _shown(name: str) -> str:
    return TORCH_NAMES.get(name, name.replace("module/", "").replace("/", "."))
