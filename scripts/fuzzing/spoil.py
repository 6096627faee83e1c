"""How finished runs are damaged: what may befall any file, and what may befall each of a run's."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import socket
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.files import PICKLE

Change = Callable[[Path, random.Random], None]


def _content(change: Callable[[bytes, random.Random], bytes]) -> Change:
    def apply(path: Path, chance: random.Random) -> None:
        path.write_bytes(change(path.read_bytes(), chance))

    return apply


def _instead(make: Callable[[Path], None]) -> Change:
    def apply(path: Path, chance: random.Random) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        make(path)

    return apply


def _flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the name of a socket may have 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def _give_away(path: Path, chance: random.Random) -> None:
    os.chown(path, 12345, 12345)
    path.chmod(0o600)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 20 * 2**30)


ANY: dict[str, Change] = {
    "empty": _content(lambda content, chance: b""),
    "cut": _content(lambda content, chance: content[: chance.randrange(len(content) + 1)]),
    "noise": _content(lambda content, chance: chance.randbytes(len(content))),
    "flip": _content(_flip),
    "zeros": _content(lambda content, chance: bytes(len(content))),
    "more": _content(lambda content, chance: content + chance.randbytes(chance.randint(1, 200))),
    "twice": _content(lambda content, chance: content + content),
    "mark": _content(lambda content, chance: b"\xef\xbb\xbf" + content),
    "utf-16": _content(lambda content, chance: content.decode("latin-1").encode("utf-16")),
    "latin-1": _content(lambda content, chance: b"\xe9\xff" + content),
    "returns": _content(lambda content, chance: content.replace(b"\n", b"\r\n")),
    "gone": _instead(lambda path: None),
    "folder": _instead(lambda path: path.mkdir()),
    "fifo": _instead(lambda path: os.mkfifo(path)),
    "socket": _instead(_socket),
    "sparse": _instead(_sparse),
    "loop": _instead(lambda path: path.symlink_to(path.name)),
    "link-nowhere": _instead(lambda path: path.symlink_to("/nowhere/at/all")),
    "link-zero": _instead(lambda path: path.symlink_to("/dev/zero")),
    "link-parent": _instead(lambda path: path.symlink_to("..")),
    "unreadable": lambda path, chance: path.chmod(0o000),
    "read-only": lambda path, chance: path.chmod(0o555 if path.is_dir() else 0o444),
    "parent-read-only": lambda path, chance: path.parent.chmod(0o555),
    "anothers": _give_away,
}
"""What may befall any file."""

BAD: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1.5, "", "x", "nan", [], {}, [[]], [None], ["x"], [True], [-1.0], [1e308, 1e308]),
    *([0, 0], [1e-320, 0.0], {"a": 1}, {"": {"": None}}, 10**400, -(10**400), [10**400, 1], [10**400, 10**400], 2**63),
    *("$\\frac{$", "\ud800", "\x1b[31mred\x1b[0m", "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "a\nb\n\nc"),
    *("x" * 200_000, "../../etc", "[bold]x[/nosuch]", "%s%n{}", "|a|b|", "\u202e\u0000", "${oc.env:HOME}", "a/b", "."),
    *([0, 1, 2, 3, 4, 5], list(range(2000)), "0" * 5000, "ä\N{GRINNING FACE}", "`code` **b** $x$ _i_", float("inf")),
)
"""Values where other ones are expected."""


def _record_value(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    raw[chance.choice(sorted(raw))] = chance.choice(BAD)
    return _dump(raw)


def _record_deep_value(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    node: Any = raw
    while True:
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        key: Any = chance.choice(list(keys))
        if isinstance(node[key], dict | list) and node[key] and chance.random() < 0.9:
            node = node[key]
            continue
        node[key] = chance.choice(BAD)
        return _dump(raw)


def _record_less(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    for name in chance.sample(sorted(raw), chance.randint(1, 3)):
        del raw[name]
    return _dump(raw)


def _record_name(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    raw[chance.choice(["cell", "data"])] = chance.choice([each for each in BAD if isinstance(each, str)])
    return _dump(raw)


def _record_numbers(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    name = chance.choice([name for name in ("train_mse", "val_mse", "test_mse") if raw.get(name)])
    extreme = [0.0, 1e-320, 1e-200, 1e154, 1e300, 1.7e308, 10**400, float("inf"), float("nan"), None, 10**30]
    raw[name] = [chance.choice(extreme) for _ in raw["seeds"]]
    return _dump(raw)


def _record_seeds(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    raw["seeds"] = chance.choice(
        [[0, 0], [-5, 7], [2**70, 3], [1, 0], [0], [], list(range(3000)), [0.0, 1.0], ["0", 1]]
    )
    return _dump(raw)


def _record_key(content: bytes, chance: random.Random) -> bytes:
    raw = json.loads(content)
    place: dict[str, Any] = chance.choice([each for each in [raw, *raw.values()] if isinstance(each, dict)])
    place[chance.choice([each for each in BAD if isinstance(each, str)])] = chance.choice(BAD)
    return _dump(raw)


def _dump(raw: Any) -> bytes:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(raw).encode("utf-8", "surrogatepass")
    finally:
        sys.set_int_max_str_digits(before)


RECORD: dict[str, Change] = {
    "value": _content(_record_value),
    "deep-value": _content(_record_deep_value),
    "less": _content(_record_less),
    "name": _content(_record_name),
    "numbers": _content(_record_numbers),
    "seeds": _content(_record_seeds),
    "key": _content(_record_key),
    "deep": _content(lambda content, chance: b'{"config":' * 100_000 + b"1" + b"}" * 100_000),
    "lists": _content(lambda content, chance: b"[" * 200_000 + b"]" * 200_000),
    "digits": _content(lambda content, chance: content.replace(b'"epochs": 1', b'"epochs": ' + b"9" * 5000)),
    "other-json": _content(
        lambda content, chance: chance.choice([b"null", b"[]", b"3", b'"x"', b"NaN", b"{}", b"\xff"])
    ),
    "surrogate": _content(lambda content, chance: content.replace(b'"cell": "', b'"cell": "\\ud800', 1)),
    "wide": _content(lambda content, chance: b"{" + b'"a": 1, ' * 300_000 + content.lstrip(b" {")),
}
"""What may befall `result.json`."""

CLAIM = {
    name: change for name, change in RECORD.items() if name not in ("name", "numbers", "seeds", "digits", "surrogate")
}
"""What may befall `claim.json`."""


def _csv_field(content: bytes, chance: random.Random) -> bytes:
    rows = [row.split(b",") for row in content.splitlines()]
    row = chance.choice(rows)
    row[chance.randrange(len(row))] = chance.choice(
        [
            b"x" * 200_000,
            b"",
            b"nan",
            b"inf",
            b"-1",
            b"1e400",
            b"9" * 5000,
            b'"',
            b"\x00",
            b"\xff\xfe",
            b"epoch",
            b"=1+1",
            b"1.5",
        ]
    )
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def _csv_column(content: bytes, chance: random.Random) -> bytes:
    rows = [row.split(b",") for row in content.splitlines()]
    column = chance.randrange(len(rows[0]))
    return b"\n".join(b",".join(row[:column] + row[column + 1 :]) for row in rows) + b"\n"


CURVES: dict[str, Change] = {
    "field": _content(_csv_field),
    "column": _content(_csv_column),
    "header": _content(lambda content, chance: b"\n".join(content.splitlines()[1:]) + b"\n"),
    "only-header": _content(lambda content, chance: content.splitlines()[0] + b"\n"),
    "ragged": _content(lambda content, chance: content.rstrip() + b",1,2,3\n1\n,,\n"),
    "quote": _content(lambda content, chance: content.replace(b"0,", b'"0,', 1)),
    "blank": _content(lambda content, chance: content.replace(b"\n", b"\n\n\n")),
}
"""What may befall `curves.csv`."""


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _bomb(content: bytes, chance: random.Random) -> bytes:
    """An archive whose array says that it has 2**40 values."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    header = header.ljust(117) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("targets.npy", "predictions.npy"):
            archive.writestr(name, b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return buffer.getvalue()


PREDICTIONS: dict[str, Change] = {
    "other-names": _content(lambda content, chance: _npz(a=np.zeros(3))),
    "other-shapes": _content(
        lambda content, chance: _npz(seeds=np.zeros(9), targets=np.zeros((2, 3)), predictions=1.0)
    ),
    "texts": _content(lambda content, chance: _npz(seeds=np.array(["x"]), targets=np.array(["y"]), predictions=["z"])),
    "nan": _content(lambda content, chance: _npz(targets=np.full((2, 5, 1), np.nan), predictions=np.zeros((2, 5, 1)))),
    "objects": _content(lambda content, chance: _npz(targets=np.array([{}], dtype=object), predictions=np.zeros(1))),
    "no-arrays": _content(lambda content, chance: _npz()),
    "bomb": _content(_bomb),
    "pickled": _content(lambda content, chance: PICKLE),
}
"""What may befall `predictions.npz`."""


def _checkpoint(change: Callable[[dict[str, Any], random.Random], Any]) -> Change:
    def apply(path: Path, chance: random.Random) -> None:
        import torch

        state = torch.load(path, weights_only=True)
        torch.save(change(state, chance), path)

    return apply


def _less(state: dict[str, Any], chance: random.Random) -> Any:
    del state[chance.choice(sorted(state))]
    return state


def _other(state: dict[str, Any], chance: random.Random) -> Any:
    state[chance.choice(sorted(state))] = chance.choice([None, 1, "x", [], {}, {"a": 1}, -1, 10**30])
    return state


def _shapes(state: dict[str, Any], chance: random.Random) -> Any:
    name = chance.choice(sorted(state["state_dict"]))
    state["state_dict"][name] = state["state_dict"][name].flatten()[1:]
    return state


def _names(state: dict[str, Any], chance: random.Random) -> Any:
    state["state_dict"] = {f"x.{name}": value for name, value in state["state_dict"].items()}
    return state


CHECKPOINT: dict[str, Change] = {
    "pickled": _content(lambda content, chance: PICKLE),
    "less-keys": _checkpoint(_less),
    "other-values": _checkpoint(_other),
    "shapes": _checkpoint(_shapes),
    "names": _checkpoint(_names),
    "not-a-dictionary": _checkpoint(lambda state, chance: chance.choice([None, 3, "x", [1], {}])),
}
"""What may befall a checkpoint."""

ALL = {**ANY, **RECORD, **CURVES, **PREDICTIONS, **CHECKPOINT}


def damage(home: Path, pattern: str, how: str, chance: int) -> Path | None:
    """Damages the first file that a pattern finds.

    Args:
        home: the case's folder.
        pattern: a glob below it.
        how: a name of `ANY`, `RECORD`, `CURVES`, `PREDICTIONS` or `CHECKPOINT`, or `rename:NAME` for a folder.
        chance: seeds what is drawn.

    Returns:
        The file; None where there is none.
    """
    found = sorted(home.glob(pattern))
    if not found:
        return None
    path = found[0]
    if how.startswith("rename:"):
        os.rename(path, os.path.join(os.fsencode(path.parent), bytes.fromhex(how.removeprefix("rename:"))))
    else:
        ALL[how](path, random.Random(chance))
    return path
