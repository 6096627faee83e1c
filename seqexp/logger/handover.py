"""The program that hands one run to Trackio: JSON on standard input, as `trackio.py` writes it."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any


def hand_over(content: dict[str, Any]) -> None:
    """Gives a run to Trackio, in place of a former one of the same name.

    Args:
        content: `project`, `name`, `group`, `config` and `rows`, which are pairs of an epoch and numbers by name.
    """
    import trackio  # type: ignore[import-not-found, unused-ignore]

    with contextlib.suppress(ValueError):  # that there is no such project yet
        for former in list(trackio.Api().runs(content["project"])):
            if former.name == content["name"]:
                former.delete()
    run = trackio.init(
        project=content["project"],
        name=content["name"],
        group=content["group"],
        config=content["config"],
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    for step, metrics in content["rows"]:
        run.log(metrics, step=step)
    run.finish()


if __name__ == "__main__":
    hand_over(json.load(sys.stdin))
