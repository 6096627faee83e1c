"""Nested settings as dotted keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(node: Any, key: str = "", into_lists: bool = True) -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, value) of everything in nested dictionaries; empty ones are values.

    Args:
        node: plain dictionaries, lists and values.
        key: the node's own.
        into_lists: whether lists are taken apart as well, their positions being names; else they are values.
    """
    kinds = dict | list if into_lists else dict
    if not isinstance(node, kinds) or not node:
        yield key, node
        return
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield from leaves(value, f"{key}.{name}".lstrip("."), into_lists)
