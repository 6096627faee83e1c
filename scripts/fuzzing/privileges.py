"""Root without root's way around permissions, so that a file of mode 000 is one for root as well."""

from __future__ import annotations

import ctypes
import os
import sys

CAPABILITIES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""

_DROP_FROM_BOUNDING_SET = 24
_VERSION = 0x20080522


class _Head(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop() -> None:
    """Gives them up for this process and all that it starts; nothing to do where they are not held."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for each in CAPABILITIES:
        libc.prctl(_DROP_FROM_BOUNDING_SET, each, 0, 0, 0)
    head, sets = _Head(_VERSION, 0), (_Sets * 2)()
    libc.capget(ctypes.byref(head), ctypes.byref(sets))
    for each in CAPABILITIES:
        for name in ("effective", "permitted", "inheritable"):
            setattr(sets[0], name, getattr(sets[0], name) & ~(1 << each))
    libc.capset(ctypes.byref(head), ctypes.byref(sets))
