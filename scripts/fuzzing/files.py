"""How the files of a case are written: texts, and what is no file."""

from __future__ import annotations

import os
from pathlib import Path

RAN = "ran"
"""What hostile files make in the home, if anything takes them for code."""

PICKLE = b"cos\nmkdir\n(V" + RAN.encode() + b"\ntR."
"""A pickle that makes the folder `ran`."""

CODE = f"import os\nos.mkdir({RAN!r})\nclass Thing:\n    def __init__(self, *a, **k): pass\nclass Handler: pass\n"

THEIRS = {
    "stranger/__init__.py": CODE,  # importable, as it lies in the working directory
    "conf/pickle": "!pickle",
    "conf/bin/git": "!program",
    "conf/cell/.keep": "",
    "conf2/cell/evil.yaml": "_target_: stranger.Thing\n",
    "victim": "kept\n",
}
"""What lies in a home beside the files of a `--config-dir`."""


def write(home: Path, path: str, text: str) -> None:
    """Writes one file of a case.

    Args:
        home: the case's folder.
        path: below it.
        text: the content; or `!fifo`, `!folder`, `!pickle`, `!program` (makes `ran`), `!link:TARGET`, `!sparse:BYTES`,
            `!hex:BYTES`.
    """
    place = home / path
    place.parent.mkdir(parents=True, exist_ok=True)
    kind, _, value = text.partition(":")
    if kind == "!fifo":
        os.mkfifo(place)
    elif kind == "!folder":
        place.mkdir()
    elif kind == "!pickle":
        place.write_bytes(PICKLE)
    elif kind == "!program":
        place.write_text(f"#!/bin/sh\nmkdir -p {home / RAN}\n")
        place.chmod(0o755)
    elif kind == "!link":
        place.symlink_to(value)
    elif kind == "!sparse":
        place.touch()
        os.truncate(place, int(value))
    elif kind == "!hex":
        place.write_bytes(bytes.fromhex(value))
    else:
        place.write_text(text.replace("{home}", str(home)), encoding="utf-8", errors="surrogatepass")
