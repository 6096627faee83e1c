"""The damaged files: which file of a finished sweep, what befalls it, and who meets it then."""

from __future__ import annotations

from fuzzing.case import Case, Chance
from fuzzing.spoil import ANY, CHECKPOINT, CLAIM, CURVES, PREDICTIONS, RECORD, Change

SWEEP = "outputs/beside"
RUN = f"{SWEEP}/cell=rnn*"
AGAIN = ("--multirun", "sweep.name=beside", "cell=rnn,lstm,gru")

FILES: dict[str, tuple[dict[str, Change], int]] = {
    "result.json": ({**ANY, **RECORD}, 10),
    "claim.json": ({**ANY, **CLAIM}, 4),
    "curves.csv": ({**ANY, **CURVES}, 5),
    "predictions.npz": ({**ANY, **PREDICTIONS}, 4),
    "checkpoints/best.ckpt": ({**ANY, **CHECKPOINT}, 4),
    "checkpoints/last.ckpt": ({**ANY, **CHECKPOINT}, 4),
    "checkpoints": (ANY, 1),
    "seqexp.log": (ANY, 2),
    ".hydra/config.yaml": (ANY, 1),
    ".hydra": (ANY, 1),
    ".lock": (ANY, 2),
    "events.out.tfevents.*": (ANY, 2),
    "": (ANY, 2),
}
"""The files of a run, what may befall each, and how often it is drawn."""

OF_THE_SWEEP = (".lock", "comparison.csv", "comparison", "multirun.yaml", "")

NAMES = (
    *(b"\xff\xfe", b"a\nb", b"\x1b[31mred", b"a::b", b"~", b"x" * 250, b"=1+1", b"$\\frac{$", b"-x", b"[red]", b"%s"),
    *(b"a b ", b"\xed\xa0\x80", b"..x", b".hidden", b"<img src=x>", b"a|b", b"\xf0\x9f\x98\x80", b"'", b'"'),
    *(
        b"\\",
        b"*",
        b"cell=rnn,x",
        b"[nosuch]x[nosuch]",
        b"\xe2\x80\xae",
        b"checkpoints",
        b".hydra",
        b"a:b",
        b"{x}",
        b"${seed}",
    ),
)
"""Folders' names, in bytes."""

OF_FOLDERS = (
    *("gone", "folder", "fifo", "socket", "sparse", "loop", "link-nowhere", "link-zero", "link-parent"),
    *("unreadable", "read-only", "parent-read-only", "anothers"),
)
SPOILS_OTHERS = ("value", "deep-value", "name", "numbers", "seeds", "key")
"""Changes that leave a record which may be read, and then takes part in the comparison."""


def damages(seed: int, count: int) -> list[Case]:
    """So many cases of damaged files."""
    chance = Chance(f"{seed} damage")
    return [_case(chance, number) for number in range(count)]


def _case(chance: Chance, number: int) -> Case:
    draw = chance.random()
    if draw < 0.1:
        called = chance.deal(NAMES, "names")
        return _met(chance, number, "odd name", ((RUN, f"rename:{called.hex()}", 0),), rest=True)
    if draw < 0.16:
        name = chance.choice(OF_THE_SWEEP)
        path = f"{SWEEP}/{name}" if name else SWEEP
        how = chance.choice(sorted(ANY) if "." in name else OF_FOLDERS if name else OF_FOLDERS[-4:-1])
        return _met(chance, number, "damaged sweep", ((path, how, chance.randrange(2**31)),), rest=False)
    (name,) = chance.choices(list(FILES), [weight for _, weight in FILES.values()])
    own = sorted(FILES[name][0].keys() - ANY.keys())
    how = chance.deal(own, f"own {name}") if own and chance.random() < 0.6 else chance.deal(sorted(ANY), f"any {name}")
    if name in ("", "checkpoints", ".hydra"):
        how = chance.choice(OF_FOLDERS)
    path = f"{RUN}/{name}" if name else RUN
    damage: list[tuple[str, str, int]] = [(path, how, chance.randrange(2**31))]
    if chance.random() < 0.25 and name not in ("", "result.json"):
        damage.insert(0, (f"{RUN}/result.json", "gone", 0))  # an unfinished run
    return _met(chance, number, "damaged files", tuple(damage), rest=how not in SPOILS_OTHERS)


def _met(chance: Chance, number: int, kind: str, damage: tuple[tuple[str, str, int], ...], rest: bool) -> Case:
    """Who meets the damage: a comparison, somebody who loads the run, or the same sweep again."""
    draw = chance.random()
    short = ("data.length=60", "num_seeds=2", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")
    if draw < 0.5 or (kind == "odd name" and draw < 0.8):
        return Case(number, kind, "seqexp.compare", (SWEEP,), damage=damage, rest=rest)
    if draw < 0.7:
        return Case(number, kind, "load", (RUN if kind != "odd name" else f"{SWEEP}/*",), damage=damage)
    return Case(number, kind, "seqexp", (*AGAIN, *short), damage=damage, rest=rest)
