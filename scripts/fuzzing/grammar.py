"""The command lines: a small grammar over tables of keys and values, drawn with a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fuzzing.case import Case, Chance
from fuzzing.strangers import stranger
from fuzzing.values import (
    EXAMPLES,
    FLAGS,
    GROUPS,
    HUGE,
    HYDRA,
    KEYS,
    LISTS,
    NODES,
    NUMBERS,
    SPACES,
    SPELLINGS,
    TRAINER,
    WORK,
)

TINY = ("data.length=60", "num_seeds=2", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")
"""What makes a run short; a line that sets one of these keys has its own word."""

Rule = Callable[[Chance], list[str]]


def _choices(chance: Chance) -> list[str]:
    """Some groups, chosen rightly."""
    return [f"{group}={chance.choice(names)}" for group, names in GROUPS.items() if chance.random() < 0.4]


def _right(chance: Chance, most: int = 3) -> list[str]:
    """Some keys with values that are right, though perhaps not together."""
    names = chance.sample(sorted(KEYS), chance.randint(0, most))
    return [f"{name}={chance.choice(KEYS[name])}" for name in names]


def _pairs(table: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name in sorted(table) for value in table[name]]


def ordinary(chance: Chance) -> list[str]:
    """One run, as people want it."""
    return [*_choices(chance), *_right(chance)]


def sweep(chance: Chance) -> list[str]:
    """A multirun of two, as people want it."""
    swept = chance.choice([f"{name}={values}" for name, values in LISTS.items()])
    more = chance.choice(
        [
            [],
            ["sweep.name=mine"],
            ["sweep.dry=true"],
            ["sweep.fail_fast=true"],
            ["compare.by=cell"],
            ["data_seed=1", "model_seed=2"],
            ["vary=order"],
            ["compare.margin=5%"],
            [],
            ["sweep.fresh_seeds=true"],
            ["sweep.fresh_seeds=true", "sweep.name=mine"],
            ["sweep.fresh_seeds=true", "sweep.dry=true"],
            ["sweep.fresh_seeds=true", "optimizer.lr=0.01,0.1"],
        ]
    )
    return ["--multirun", swept, *more, *_right(chance, 1)]


def look(chance: Chance) -> list[str]:
    """Hydra's flags."""
    return [*chance.deal(FLAGS, "flags"), *(_choices(chance) if chance.random() < 0.5 else [])]


def example(chance: Chance) -> list[str]:
    """What has once ended in a traceback."""
    return list(chance.deal(EXAMPLES, "examples"))


def number(chance: Chance) -> list[str]:
    """A number that is too large, too small or none."""
    name, value = chance.deal(NUMBERS, "numbers"), chance.deal(HUGE, "huge")
    if name == "cell.hidden_size" and chance.random() < 0.3:
        value = f"match:{chance.choice(['', 'lstm-', 'gru-', 'nosuch-', '-'])}{value}"
    limit = ["trainer.max_steps=2"] if name in WORK else []
    return [*_choices(chance)[:1], f"{name}={value}", *limit]


def node(chance: Chance) -> list[str]:
    """A node of the wrong kind, for every key."""
    if chance.random() < 0.4:
        name, value = chance.deal(_pairs({name: values for name, values in NODES.items() if name != "*"}), "nodes")
    else:
        name = chance.deal(sorted({*KEYS, *NUMBERS, *NODES} - {"*"}), "keys")
        value = chance.deal(NODES["*"], "any node")
    sign = chance.choice(["", "", "", "+", "++"])
    return [f"{sign}{name}={value}"]


def trainer(chance: Chance) -> list[str]:
    """A flag of Lightning's Trainer, with values right and wrong; two, sometimes."""
    pairs = [chance.deal(_pairs(TRAINER), "trainer") for _ in range(chance.choice([1, 1, 1, 2]))]
    names = [name for name, _ in pairs]
    given = [f"trainer.{name}={value}" for name, value in pairs]
    limit = ["trainer.max_steps=2"] if {"max_epochs", "min_epochs", "min_steps"} & set(names) else []
    swept = ["--multirun", "cell=rnn,lstm"] if chance.random() < 0.1 else []
    return [*swept, *given, *(each for each in limit if "max_steps" not in names)]


def space(chance: Chance) -> list[str]:
    """What is meant for a search, with and without --multirun."""
    name = chance.choice(
        ["optimizer.lr", "cell.hidden_size", "seed", "data.noise", "cell", "trainer.max_epochs", "data"]
    )
    flag = ["--multirun"] if chance.random() < 0.6 else []
    return [*flag, f"{name}={chance.deal(SPACES, 'spaces')}"]


def spelling(chance: Chance) -> list[str]:
    """Quotes, brackets, interpolations, letters from anywhere."""
    name = chance.choice(["cell", "seed", "data.window", "optimizer.lr", "sweep.name", "allowed_packages", "x", ""])
    text = chance.deal(SPELLINGS, "spellings")
    whole = [text, f"{name}={text}", f"{name}={text}", f"+{name}={text}", f"'{name}={text}", f"{name}={text}={text}"]
    flag = ["--multirun"] if chance.random() < 0.2 else []
    return [*flag, chance.choice(whole)]


def hydra_key(chance: Chance) -> list[str]:
    """Hydra's own keys."""
    name, value = chance.deal(_pairs(HYDRA), "hydra")
    flag = ["--multirun", "cell=rnn,lstm"] if chance.random() < 0.3 or "sweep" in name or "launcher" in name else []
    return [*flag, f"{chance.choice(['', '', '', '+', '++'])}{name}={value}"]


def delete(chance: Chance) -> list[str]:
    """Keys and groups taken away, added, given twice."""
    name = chance.choice([*sorted(KEYS), *GROUPS, *HYDRA, "hydra/output", "hydra/help", "hydra", "sweep", "nosuch"])
    plain = name.replace("hydra.output", "hydra/output")
    forms = [f"~{plain}", f"~{plain}", f"~{plain}=1", f"+{plain}=1", f"++{plain}=1", f"+{plain}/x=1", f"{plain}@x=1"]
    return [chance.choice(forms)]


def beside(chance: Chance) -> list[str]:
    """The finished sweep's own name and folders, by every spelling."""
    run = "outputs/beside/cell=rnn"
    first = chance.choice(["sweep.name=beside", "sweep.name=beside", "hydra.sweep.dir=outputs/beside"])
    subdir = chance.choice(
        [
            *("${hydra.job.num}", "x", "${hydra.job.id}", "${cell._target_}", "..", ".", "a/b", "cell=rnn", "${seed}"),
            *(
                "'${hydra.job.override_dirname}'",
                "/tmp",
                "../beside2",
                "${hydra.job.num}/${hydra.job.num}",
                "~",
                "a::b",
            ),
        ]
    )
    cells = f"cell={chance.choice(['rnn', 'rnn,lstm', 'lstm,gru,rnn', 'gru', 'rnn,rnn'])}"
    forms = [
        ["--multirun", first, cells],
        ["--multirun", first, cells, f"num_seeds={chance.randint(1, 4)}", f"seed={chance.randint(0, 3)}"],
        ["--multirun", first, cells, f"hydra.sweep.subdir={subdir}"],
        ["--multirun", first, cells, "sweep.dry=true"],
        ["--multirun", first, cells, "optimizer.lr=0.01,0.1", f"sweep.fresh_seeds={chance.choice(['true', '1', 'x'])}"],
        ["--multirun", first, cells, f"sweep.judges={chance.choice(['1', '-1', 'null', '2.5'])}"],
        ["--multirun", first, cells, chance.choice(["data=sine", "trainer.max_epochs=2", "optimizer.lr=1e30"])],
        ["hydra.run.dir=outputs/beside"],
        [f"hydra.run.dir={run!r}"],
        [f"hydra.run.dir='{run},num_seeds=2'"],
        ["hydra.run.dir=outputs/beside/new"],
        ["--multirun", "hydra.sweep.dir=outputs", cells],
        ["--multirun", first, cells, "hydra.mode=RUN"],
        [first.replace("hydra.sweep.dir", "hydra.run.dir"), cells.split(",")[0]],
        [first, "hydra.mode=MULTIRUN", cells],
    ]
    return chance.choice(forms)


def experiment(chance: Chance) -> list[str]:
    """The shipped experiments, cut short."""
    name = chance.choice(["lab_sine", "lab_sum", "rnn_vs_lstm", "equal_parameters", "lab_sine,lab_sum", "nosuch"])
    line = [f"experiment={name}", *_right(chance, 1)]
    flag = ["--multirun", "cell=rnn"] if "," in name else []
    return [*flag, *line, chance.choice(["sweep.dry=true", "seed=1", "seed=1"])] if flag else line


def search(chance: Chance) -> list[str]:
    """A search of two trials."""
    key = chance.choice(
        ["optimizer.lr", "cell.hidden_size", "cell.nonlinearity", "seed", "data.noise", "trainer.max_epochs"]
    )
    more = chance.choice(
        [
            *([], [], ["search.sampler=random"], ["search.pruner=none"], ["search.final_seeds=1"], ["search.trials=0"]),
            *(["search.trials=1.5"], ["search.final_seeds=-1"], ["search.sampler=nosuch"], ["search=1"]),
            *(
                ["search.dir=outputs/x"],
                ["search.name=a/b"],
                ["search.nosuch=1"],
                ["hydra.run.dir=x"],
                ["search.trials=x"],
            ),
            *(
                ["search.dir=/proc/nosuch"],
                ["search.name=beside"],
                ["sweep.name=x"],
                ["sweep.dry=true"],
                ["search.dir=''"],
            ),
        ]
    )
    given = [f"{key}={chance.deal(SPACES, 'spaces')}", *more]
    trials = [] if any("trials" in each for each in more) else ["search.trials=2"]
    return [*given, *trials, "search.name=mine"] if "search.name" not in str(more) else [*given, *trials]


def both(chance: Chance) -> list[str]:
    """Two of the others on one line."""
    first, second = chance.sample(PARTS, 2)
    return list(dict.fromkeys([*first(chance), *second(chance)]))


def api(chance: Chance) -> list[str]:
    """`seqexp.run.run` from Python: one run, so what is a sweep is refused."""
    return chance.choice([ordinary, number, node, trainer, experiment])(chance)


PARTS: tuple[Rule, ...] = (ordinary, number, node, trainer, space, spelling, hydra_key, delete, experiment)

RULES: tuple[tuple[Rule, int], ...] = (
    *((ordinary, 20), (sweep, 5), (look, 12), (number, 11), (node, 8), (trainer, 13), (space, 5), (spelling, 6)),
    *((hydra_key, 12), (delete, 4), (beside, 5), (experiment, 2), (search, 3), (both, 4), (example, 2), (api, 4)),
)
"""Each rule, and how often it is used among `sum` lines; `stranger` joins them in `lines`."""

STRANGERS = 9
"""How many of a hundred lines meet files of a stranger's."""


def lines(seed: int, count: int, whole: bool = False) -> list[Case]:
    """So many command lines.

    Args:
        seed: the same seed gives the same lines.
        count: how many.
        whole: for processes of their own.
    """
    chance = Chance(f"{seed} {whole}")
    cases: list[Case] = []
    for number in range(count):
        if chance.random() < STRANGERS / 100:
            cases.append(stranger(chance, number, whole))
            continue
        (rule,) = chance.choices([rule for rule, _ in RULES], [weight for _, weight in RULES])
        given = rule(chance)
        name = rule.__name__
        program = "seqexp.search" if rule is search else "run" if rule is api and not whole else "seqexp"
        cases.append(Case(number, name, program, tuple(complete(given)), whole=whole))
    return cases


def complete(given: list[str]) -> list[str]:
    """A line with what makes it short."""
    keys = {each.split("=")[0].lstrip("+~") for each in given}
    short = [each for each in TINY if each.split("=")[0] not in keys and each.split("=")[0].split(".")[0] not in keys]
    if any(each.startswith("data=sum") or "lab_sum" in each for each in given):
        short = [each for each in short if not each.startswith("data.length")]
        short += ["data.num_sequences=60"] if "data.num_sequences" not in keys else []
    return [*given, *short]
