"""Folders of a stranger's YAML files, given with `--config-dir`: wrong, odd, or meant to run code."""

from __future__ import annotations

from fuzzing.case import Case, Chance

MINE = (
    "_target_: seqexp.cell.lstm.LSTM\nhidden_size: 4\nnum_layers: 1\ndropout: 0.0\nbidirectional: false\n"
    "forget_bias: null\n"
)
SINE = (
    "_target_: seqexp.data.sine.Sine\nlength: 60\ntime_range: 40.0\nfrequency: 1.0\namplitude: 1.0\nnoise: 0.1\n"
    "window: 5\nhorizon: 1\nbatch_size: 32\ntrain_fraction: 0.7\nval_fraction: 0.15\ntest_fraction: 0.15\n"
)
GLOBAL = "# @package _global_\n"

ORDINARY: tuple[tuple[str, str, str], ...] = (
    ("cell/mine.yaml", MINE, "cell=mine"),
    ("cell/lstm.yaml", MINE, "cell=lstm"),
    ("cell/lstm.yaml", MINE.replace("lstm.LSTM", "gru.GRU").replace("forget_bias: null\n", ""), "cell=lstm"),
    ("data/mine.yaml", SINE, "data=mine"),
    ("data/sine.yaml", SINE, "data=sine"),
    ("optimizer/mine.yaml", "_target_: torch.optim.Adagrad\nlr: 0.01\n", "optimizer=mine"),
    ("optimizer/adam.yaml", "_target_: torch.optim.SGD\nlr: 0.01\n", "optimizer=adam"),
    ("trainer/mine.yaml", "defaults:\n  - default\nmax_epochs: 1\n", "trainer=mine"),
    ("experiment/mine.yaml", GLOBAL + "seed: 3\ncell:\n  hidden_size: 4\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults:\n  - override /cell: lstm\nseed: 3\n", "experiment=mine"),
    ("experiment/mine.yaml", "seed: 3\ncell:\n  hidden_size: 4\n", "experiment=mine"),
    ("experiment/mine.yaml", "# @package cell\nhidden_size: 4\n", "experiment=mine"),
    ("experiment/mine.yaml", "# @package _group_\nseed: 4\n", "experiment=mine"),
    ("experiment/mine.yaml", "", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL, "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults:\n  - /cell: lstm\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults:\n  - override /nosuch: lstm\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults:\n  - mine\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults: {}\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "defaults: [1, {a: {b: c}}, [x]]\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "nosuch: 3\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "cell: lstm\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "cell: null\n", "experiment=mine"),
    (
        "experiment/mine.yaml",
        GLOBAL + "hydra: {mode: MULTIRUN, sweeper: {params: {cell: 'rnn,lstm'}}}\n",
        "experiment=mine",
    ),
    ("experiment/mine.yaml", GLOBAL + "hydra: {mode: MULTIRUN, sweeper: {params: {cell: 3}}}\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "hydra: {sweeper: {params: null}}\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "sweep: {name: theirs}\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "allowed_packages: stranger\n", "experiment=mine"),
    ("experiment/mine.yaml", GLOBAL + "seed: ${num_seeds}\nnum_seeds: ${seed}\n", "experiment=mine"),
    ("search.yaml", "trials: 1\n", "seed=1"),
    ("config.yaml", "seed: 1\n", "seed=1"),
    ("hydra/output/seqexp.yaml", "# @package hydra\nrun:\n  dir: elsewhere\n", "seed=1"),
    ("hydra/launcher/basic.yaml", "_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher\n", "seed=1"),
    ("nosuch/mine.yaml", "a: 1\n", "+nosuch=mine"),
    ("cell/mine.yml", MINE, "cell=mine"),
    ("cell/odd name.yaml", MINE, "cell='odd name'"),
    ("cell/sub/mine.yaml", MINE, "cell=sub/mine"),
    ("cell/é.yaml", MINE, "cell=é"),
    ("cell/null.yaml", MINE, "cell='null'"),
)
"""File, text, and the override that chooses it: what people do, rightly and wrongly."""

TEXTS: tuple[str, ...] = (
    *(
        "",
        "\n",
        "---\n---\n",
        "- a\n- b\n",
        "3\n",
        "null\n",
        "'x'\n",
        "a: [1\n",
        "a: b: c\n",
        "\ta: 1\n",
        "a: 1\na: 2\n",
    ),
    *(
        "{" * 3000,
        "[" * 2000 + "]" * 2000,
        "a: &a [*a]\n",
        "a: *nosuch\n",
        "<<: {a: 1}\n",
        "? [1, 2]\n: 3\n",
        "{1: 2}\n",
    ),
    *(
        "a: !!python/object/apply:os.mkdir [ran]\n",
        "a: !!python/name:os.mkdir ''\n",
        "a: !nosuch 1\n",
        "a: !!binary x\n",
    ),
    *("_target_: !!python/object/new:os.mkdir [ran]\n", "%YAML 9.9\n---\na: 1\n", "a: 2001-01-01\n", "a: !!set {x}\n"),
    *(
        "a: 1e400\n",
        "a: " + "9" * 5000 + "\n",
        "a: .inf\n",
        "a: 0x" + "f" * 400 + "\n",
        "a: 1:2:3\n",
        "a: 0o17\n",
        "a: ~\n",
    ),
    *(
        "_target_: null\n",
        "_target_: [x]\n",
        "_target_: {a: b}\n",
        "_target_: ''\n",
        "_target_: 3\n",
        "_target_: ${seed}\n",
    ),
    *("_target_: ${cell}\n", "_target_: ${nowhere}\n", "'': 1\n", "'a.b': 1\n", "'a b': 1\n", "true: 1\n", "null: 1\n"),
    *(
        "x" * 100_000 + ": 1\n",
        "a: " + "x" * 300_000 + "\n",
        "_target_: " + "a." * 5000 + "b\n",
        "a: '\ud800'\n",
        "a: \x07\n",
    ),
    *("a: '\x1b[31m'\n", 'a: "\\ud800"\n', 'a: "\\x00"\n', "\ufeffa: 1\n", "a: é\n", "# @package nosuch.place\na: 1\n"),
    *(
        "# @package _global_.cell\na: 1\n",
        "# @package\na: 1\n",
        "# @package [\na: 1\n",
        "defaults:\n  - _self_\n  - _self_\n",
    ),
    *(
        "!hex:ff",
        "!hex:fffe6100",
        "!hex:00",
        "!fifo",
        "!folder",
        "!link:nowhere",
        "!link:/dev/zero",
        "!sparse:21474836480",
    ),
    *(
        "!pickle",
        "a: &x "
        + "[1]\n"
        + "".join(f"b{n}: &x{n} [*x{n - 1 if n else ''}, *x{n - 1 if n else ''}]\n" for n in range(12)),
    ),
    *(
        "_target_: seqexp.cell.lstm.LSTM\n_partial_: true\n",
        "_target_: seqexp.cell.lstm.LSTM\n_args_: [1]\n",
        "_args_: 3\n",
    ),
    *(
        "_target_: seqexp.cell.lstm\n",
        "_target_: torch.nn.LSTM\nhidden_size: 4\n",
        "_target_: torch.os.mkdir\npath: ran\n",
    ),
    *("_target_: seqexp.run.run\n", "_target_: torch.hub.load\n", "_target_: stranger.Thing\n", "_recursive_: x\n"),
)
"""Files of a group that are no settings, or settings of something else."""

CALLBACK = GLOBAL + "evil: {_target_: %s}\nhydra: {callbacks: {zz: '${evil}'}}\n"
ATTACKS: tuple[str, ...] = (
    *("_target_: torch.load, f: conf/pickle, weights_only: false", "_target_: os.mkdir, path: ran"),
    *("_target_: stranger.Thing", "_target_: hydra.utils.get_object, path: stranger.Thing"),
    *(
        "_target_: hydra._internal.utils._locate, path: stranger.Thing",
        "_target_: hydra.utils.get_class, path: stranger.Thing",
    ),
    *("_target_: hydra.test_utils.test_utils.run_python_script, cmd: [-c, 'import os; os.mkdir(\"ran\")']",),
    *(
        "_target_: hydra.test_utils.test_utils.run_process, cmd: [mkdir, ran]",
        "_target_: numpy.load, file: conf/pickle",
    ),
    *("_target_: hydra.utils.call, config: {_target_: os.mkdir, path: ran}", "_target_: builtins.exec, _args_: [x]"),
    *("_target_: seqexp.sweep.os.mkdir, path: ran", "_target_: seqexp.startup.importlib.import_module, name: stranger"),
    *("_target_: hydra.utils.importlib.import_module, name: stranger", "_target_: torch.ops.load_library, path: x.so"),
)
"""Nodes that run something when they are built."""

HYDRA_ATTACKS: tuple[str, ...] = (
    "hydra: {job: {env_set: {PATH: 'conf/bin:/usr/bin:/bin'}}}\n",
    "hydra: {job: {env_set: {PYTHONPATH: conf, LD_PRELOAD: conf/x.so}}}\n",
    "hydra: {hydra_logging: {version: 1, root: {handlers: [f], level: INFO}, handlers: {f: {class: logging.FileHandler,"
    " filename: victim, mode: w}}}}\n",
    "hydra: {job_logging: {version: 1, root: {handlers: [f]}, handlers: {f: {class: logging.FileHandler,"
    " filename: victim, mode: w}}}}\n",
    "hydra: {hydra_logging: {version: 1, handlers: {f: {class: 'ext://stranger.Handler'}}, root: {handlers: [f]}}}\n",
    "hydra: {hydra_logging: {version: 1, handlers: {f: {class: logging.StreamHandler, stream: 'ext://stranger.Thing'}},"
    " root: {handlers: [f]}}}\n",
    "hydra: {hydra_logging: {version: 1, formatters: {f: {'()': stranger.Thing}}, root: {handlers: []}}}\n",
    "hydra: {hydra_logging: {version: 1, formatters: {f: {'()': 'ext://stranger.Thing'}}, root: {handlers: []}}}\n",
    "name: '()'\nhydra: {hydra_logging: {version: 1, filters: {f: {'()': '${where}'}}}}\nwhere: stranger.Thing\n",
    "hydra: {launcher: {_target_: stranger.Thing}}\n",
    "hydra: {sweeper: {_target_: stranger.Thing}, mode: MULTIRUN}\n",
    "hydra: {sweeper: '${evil}', mode: MULTIRUN}\nevil: {_target_: stranger.Thing}\n",
    "hydra: {launcher: '${evil}', mode: MULTIRUN}\nevil: {_target_: stranger.Thing}\n",
    "hydra: {callbacks: '${evil}'}\nevil: {zz: {_target_: stranger.Thing}}\n",
    "hydra: {callbacks: {zz: {_target_: '${evil}'}}}\nevil: stranger.Thing\n",
    "hydra: {callbacks: {zz: {_target_: 'hydra.${evil}'}}}\nevil: utils.get_object\n",
    "hydra: {callbacks: {zz: '${oc.create:\"_target_: stranger.Thing\"}'}}\n",
    "hydra: {callbacks: {zz: '${oc.decode:\"{_target_: stranger.Thing}\"}'}}\n",
    "hydra: {callbacks: {zz: {_target_: hydra.experimental.callback.Callback, x: {_target_: stranger.Thing}}}}\n",
    "hydra: {run: {dir: /proc/self/cwd/elsewhere}}\n",
    "hydra: {searchpath: ['file://{home}/conf2']}\ndefaults: [{override /cell: evil}]\n",
    "cell: {_target_: '${evil}'}\nevil: stranger.Thing\n",
    "optimizer: {_target_: torch.load, f: conf/pickle}\n",
    "trainer: {profiler: {_target_: stranger.Thing}}\n",
    "trainer: {plugins: [{_target_: stranger.Thing}]}\n",
    "trainer: {callbacks: [{_target_: stranger.Thing}]}\n",
    "data: {noise: '${oc.env:SEQEXP_FUZZ_SECRET}'}\n",
    "hydra: {job: {name: '${oc.env:SEQEXP_FUZZ_SECRET}'}}\n",
    "data: {distribution: '${oc.env:SEQEXP_FUZZ_SECRET}'}\n",
    "trainer: {model_registry: '${oc.env:SEQEXP_FUZZ_SECRET}'}\n",
    "hydra: {run: {dir: 'outputs/${oc.env:SEQEXP_FUZZ_SECRET}'}}\n",
    "hydra: {sweep: {dir: 'outputs/${oc.env:SEQEXP_FUZZ_SECRET}'}}\n",
    "hydra: {sweep: {subdir: '${oc.env:SEQEXP_FUZZ_SECRET}-${hydra.job.num}'}}\n",
    "sweep: {name: '${oc.env:SEQEXP_FUZZ_SECRET}'}\nhydra: {mode: MULTIRUN}\n",
    "hydra: {job: {config: {override_dirname: {kv_sep: '${oc.env:SEQEXP_FUZZ_SECRET}'}}}}\n",
    "allowed_packages: [stranger]\ncell: {_target_: stranger.Thing}\n",
    '"allowed\\x5fpackages": [stranger]\ncell: {_target_: stranger.Thing}\n',
    "hydra: {mode: MULTIRUN, sweeper: {params: {+allowed_packages: '[stranger]'}}}\ncell: {_target_: stranger.Thing}\n",
    "allowed_environment: [SEQEXP_FUZZ_SECRET]\nhydra: {job: {name: '${oc.env:SEQEXP_FUZZ_SECRET}'}}\n",
    "cell: {hidden_size: 4}\nearly_stopping: {patience: '${oc.env:SEQEXP_FUZZ_SECRET}'}\n",
)
"""The rest of an experiment's file that reaches for code, files or the environment."""


def stranger(chance: Chance, number: int, whole: bool) -> Case:
    """A line with `--config-dir` and the files that it meets."""
    rule = chance.choices([_ordinary, _odd, _attack], [3, 3, 6])[0]
    kind, files, given = rule(chance)
    short = ["num_seeds=1", "trainer.max_epochs=1", "trainer.enable_progress_bar=false"]
    short += [] if any("data" in each for each in given) else ["data.length=60"]
    return Case(number, kind, "seqexp", ("--config-dir", "conf", *given, *short), files, whole=whole)


Parts = tuple[str, dict[str, str], list[str]]


def _ordinary(chance: Chance) -> Parts:
    path, text, given = chance.deal(ORDINARY, "their files")
    sweep = [["--multirun", "seed=1,2"], [], []][chance.randrange(3)]
    return "their files", {f"conf/{path}": text}, [*(sweep if given != "seed=1" else []), given]


def _odd(chance: Chance) -> Parts:
    group = chance.choice(["cell", "data", "optimizer", "trainer", "experiment"])
    text = chance.deal(TEXTS, "texts")
    if group == "experiment" and not text.startswith(("!", "#", "%")) and chance.random() < 0.7:
        text = GLOBAL + text
    return "odd files", {f"conf/{group}/mine.yaml": text}, [f"{group}=mine"]


def experiment(text: str) -> dict[str, str]:
    """The files of `--config-dir conf` in which `experiment=mine` has this text, and `experiment=ok` is harmless."""
    return {"conf/experiment/ok.yaml": GLOBAL + "seed: 1\n", "conf/experiment/mine.yaml": text}


def _attack(chance: Chance) -> Parts:
    draw = chance.random()
    if draw < 0.35:
        text = CALLBACK.replace("{_target_: %s}", "{" + chance.deal(ATTACKS, "attacks") + "}")
    elif draw < 0.45:
        text = GLOBAL + "hydra: {callbacks: {zz: {" + chance.deal(ATTACKS, "attacks") + "}}}\n"
    else:
        text = GLOBAL + chance.deal(HYDRA_ATTACKS, "Hydra attacks")
    return "hostile files", experiment(text), list(chance.deal(MET, "met"))


MET = (
    *(("experiment=mine",), ("experiment=mine",), ("--multirun", "experiment=mine,ok")),
    *(("--multirun", "experiment=ok,mine"), ("--multirun", "experiment=mine", "seed=1,2")),
)
