"""The words of the grammar: keys, values that are right, and values that are not."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "cell": ("rnn", "lstm", "gru"),
    "data": ("sine", "sine", "sum"),
    "optimizer": ("adam", "adamw", "sgd", "rmsprop"),
    "trainer": ("default", "cpu", "debug"),
}

KEYS: dict[str, tuple[str, ...]] = {
    "seed": ("0", "7", "123456789"),
    "num_seeds": ("1", "2", "3"),
    "cell.hidden_size": ("1", "4", "16", "33", "match:lstm-4", "match:300"),
    "cell.num_layers": ("1", "2"),
    "cell.dropout": ("0", "0.0", "0.5"),
    "cell.bidirectional": ("true", "false"),
    "optimizer.lr": ("0.01", "1e-3", "0", "1e30"),
    "optimizer.weight_decay": ("0", "0.1"),
    "data.batch_size": ("8", "1000", "null"),
    "data.train_fraction": ("0.7", "0.5"),
    "data.val_fraction": ("0.15", "0"),
    "early_stopping.patience": ("1", "null"),
    "checkpoint.every_seconds": ("0", "30", "1e9"),
    "trainer.max_epochs": ("1", "2"),
    "trainer.gradient_clip_val": ("null", "0.5"),
    "trainer.precision": ("64-true", "32-true", "bf16-true"),
    "trainer.accumulate_grad_batches": ("1", "2"),
    "trainer.max_steps": ("1", "3"),
    "sweep.name": ("null",),
    "allowed_packages": ("[]", "[torch]"),
}
"""Values that are right by themselves."""

LISTS: dict[str, str] = {
    "cell": "rnn,lstm",
    "seed": "0,2",
    "optimizer.lr": "0.01,0.001",
    "cell.hidden_size": "4,8",
    "optimizer": "adam,sgd",
    "data.noise": "0.1,0.2",
    "num_seeds": "1,2",
}
"""What a multirun sweeps."""

FLAGS: tuple[tuple[str, ...], ...] = (
    *(("--cfg", "job"), ("--cfg", "hydra"), ("--cfg", "all"), ("-c", "job"), ("--cfg=job",), ("--cfg", "nosuch")),
    *(("--info",), ("--info", "all"), ("--info", "config"), ("--info", "defaults"), ("--info", "defaults-tree")),
    *(("--info", "plugins"), ("--info", "searchpath"), ("--info", "nosuch"), ("--help",), ("-h",), ("--hydra-help",)),
    *(("--version",), ("--cfg", "job", "--resolve"), ("--cfg", "job", "--package", "cell"), ("--resolve",)),
    *(("--cfg", "job", "--package", "nosuch"), ("--cfg", "hydra", "--package", "hydra.job"), ("--package", "cell")),
    *(("--cfg", "job", "--package", "seed"), ("--cfg", "job", "--package", "_global_"), ("--cfg", "job", "-p", "a..b")),
    *(("--cfg", "all", "--resolve"), ("--cfg", "hydra", "--resolve"), ("--run",), ("--run", "--multirun"), ("-r",)),
    *(("-sc", "install=bash"), ("-sc", "query=bash"), ("-sc", "uninstall=zsh"), ("-sc",), ("-sc", "nosuch=bash")),
    *(("--multirun", "--cfg", "job"), ("--multirun", "--info"), ("--nosuch",), ("--config-dir",), ("--",), ("-",)),
    *(("--config-dir", "nosuch"), ("--config-dir", ""), ("--config-path", "x"), ("--config-name", "search"), ("-cn", "x")),
    *(("--experimental-rerun", "x"), ("--config-dir=outputs/beside",), ("--config-dir", "/dev/null"), ("-cd", ".")),
    *(("--cfg", "job", "experiment=lab_sine"), ("--cfg", "job", "experiment=rnn_vs_lstm"), ("--cfg", "job", "+x=1")),
)

HUGE: tuple[str, ...] = (
    *("9223372036854775807", "9223372036854775808", "18446744073709551616", "4000000000000", "100000000000"),
    *("12345678901234567890", "-9223372036854775809", "1" * 30, "9" * 5000, "-" + "9" * 5000, "1e308", "-1e308"),
    *("1e400", "1e-400", "inf", "-inf", "nan", ".inf", ".nan", "-1", "0", "-0.0", "0.5", "1e3", "1.0", "2147483648"),
    *("5e-324", "1_000", "0x10", "0b1", "1e", "--1", "true", "null", "", "''", "'1'", "1,", "999999999999", "4294967296"),
)

NUMBERS: tuple[str, ...] = (
    *("seed", "num_seeds", "cell.hidden_size", "cell.num_layers", "cell.dropout", "data.length", "data.window"),
    *("data.horizon", "data.noise", "data.time_range", "data.frequency", "data.amplitude", "data.batch_size"),
    *("data.train_fraction", "data.val_fraction", "data.test_fraction", "optimizer.lr", "optimizer.eps"),
    *("optimizer.weight_decay", "early_stopping.patience", "checkpoint.every_seconds", "trainer.max_epochs"),
    *("trainer.max_steps", "trainer.gradient_clip_val", "trainer.accumulate_grad_batches", "trainer.devices"),
    *("trainer.min_epochs", "trainer.limit_train_batches", "trainer.log_every_n_steps", "cell.forget_bias"),
)

WORK = ("trainer.max_epochs", "trainer.min_epochs", "trainer.min_steps")
"""Keys of which a large number is right, and long."""

NODES: dict[str, tuple[str, ...]] = {
    "*": (
        *("[1e308]", ".inf", "{}", "[]", "{a:1}", "[1,2]", "null", "x", "''", "true", "???", "{a:{b:{c:[1,{d:2}]}}}"),
        *("${num_seeds}", "${seed}", "${cell}", "${nowhere}", "${oc.env:HOME}", "${oc.env:NOSUCH}", "${oc.decode:x}"),
        *("${hydra:job.num}", "${hydra.job.num}", "${now:%Y}", "${seqexp.token:}", "${seqexp.name:x}", "${.}", "${..}"),
        *("${trainer.max_epochs}", "${oc.create:{a:1}}", "${oc.select:seed}", "${nosuch:1}", "${", "[null]", "{1:2}"),
        *("{_target_:os.system}", "[${seed},${cell}]", "1:2:3", "{_target_:null}", "{_target_:[]}", "[[[[[[1]]]]]]"),
        *("${oc.dict.keys:cell}", "\\${seed}", "nan", "{}{}", "1e308", "{'':1}", "{a b:1}"),
    ),
    "optimizer": ("[1e308]", "adam2", "{_target_:torch.optim.LBFGS}", "{_target_:torch.nn.Linear}", "{lr:1}", "[adam]"),
    "cell": ("rnn.yaml", "[rnn]", "[rnn,lstm]", "../cell/rnn", "/cell/rnn", "rnn@x", "RNN", "null", "rnn/", "@", "{}"),
    "data": ("null", "[sine]", "sine.yaml", "/data/sine", "../../etc/passwd", "sin*"),
    "trainer": ("null", "[cpu]", "gpu", "none", "{max_epochs:1}"),
    "sweep": (".inf", "x", "{name:a}", "{name:a,dry:1}", "{}", "null", "{name:null,dry:false,fail_fast:false}"),
    "early_stopping": ("3", "{patience:3}", "{patience:[3]}", "null", "{}"),
    "checkpoint": ("0", "{every_seconds:x}", "null", "{}", "{every_seconds:1,x:2}"),
    "num_seeds": ("${num_seeds}", "${seed}", "${oc.decode:'2'}"),
    "allowed_packages": ("x", "{a:1}", "[1]", "[null]", "null", "['']", "[[a]]", "[.]", "[torch.nn]", "[os]", "[${seed}]"),
    "cell._target_": ("os.system", "torch.nn.RNN", "x", "null", "1", "seqexp.cell.lstm.LSTM", "seqexp", "seqexp..", "."),
    "data._target_": ("seqexp.data.sum.Sum", "torch.utils.data.Dataset", "seqexp.nosuch.X", "[a]", "${cell._target_}"),
    "optimizer._target_": ("torch.optim.LBFGS", "torch.optim.Adagrad", "torch.optim.Optimizer", "torch.load", "torch.hub"),
    "trainer._target_": ("lightning.pytorch.Trainer", "lightning.Trainer", "lightning.Fabric", "object", "torch.load"),
    "experiment": ("null", "lab_sine", "nosuch", "[lab_sine]", "[lab_sine,lab_sum]", "/experiment/lab_sine", "{}", "''"),
    "optimizer.betas": ("[0.9]", "[0.9,0.99,0.999]", "[2,3]", "x", "[null,null]", "0.9", "[0.9,nan]", "{a:1}"),
    "optimizer.fused": ("null", "x", "false", "1"),
    "cell.nonlinearity": ("relu", "tanh", "sigmoid", "null", "[tanh]"),
    "cell.hidden_size": ("match:", "match:lstm", "match:lstm-", "match:lstm-0", "match:-5", "match:1e3", "match:x-y-z"),
    "data.distribution": ("uniform", "normal", "x"),
}
"""Nodes of the wrong kind: those for any key, and some of each key's own."""

TRAINER: dict[str, tuple[str, ...]] = {
    "accelerator": ("cpu", "auto", "tpu", "gpu", "cuda", "mps", "hpu", "nosuch", "null", "1", "[cpu]"),
    "strategy": ("auto", "ddp", "ddp_spawn", "fsdp", "deepspeed", "nosuch", "null", "ddp_notebook"),
    "devices": ("1", "2", "auto", "[0]", "[0,1]", "-1", "0", "'1'", "null", "x", "1.5", "''"),
    "num_nodes": ("1", "2", "0", "-1", "null", "x"),
    "precision": ("32", "64", "16", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "transformer-engine", "null", "8"),
    "logger": ("true", "false", "null", "[]", "x"),
    "callbacks": ("null", "[]", "[1]", "{}"),
    "fast_dev_run": ("true", "false", "1", "3", "-1", "0", "x"),
    "max_epochs": ("1", "0", "-1", "-2", "null", "1.5"),
    "min_epochs": ("1", "2", "null", "-1", "x"),
    "max_steps": ("1", "3", "0", "-1", "-2", "null", "1.5"),
    "min_steps": ("1", "5", "null", "-1"),
    "max_time": ("00:00:01:00", "{seconds:30}", "{days:0,hours:1}", "x", "1", "'00:00:00:00'", "{nosuch:1}", "null", "-1"),
    "limit_train_batches": ("1", "1.0", "0.5", "0", "0.0", "2", "-1", "1.5", "0.001", "null", "x", "1000"),
    "limit_val_batches": ("1", "1.0", "0.5", "0", "0.0", "2", "-1", "1.5", "0.001", "null", "x"),
    "limit_test_batches": ("1", "1.0", "0.5", "0", "0.0", "2", "-1", "1.5", "0.001", "null", "x"),
    "limit_predict_batches": ("1", "0.5", "-1", "null"),
    "overfit_batches": ("0", "0.0", "1", "2", "0.5", "0.001", "1.0", "-1", "1.5", "null", "true"),
    "val_check_interval": ("1", "1.0", "0.5", "100", "0.001", "0", "0.0", "-1", "1.5", "null", "'00:00:00:01'", "{minutes:1}"),
    "check_val_every_n_epoch": ("1", "2", "0", "-1", "null", "100", "x", "1.0"),
    "num_sanity_val_steps": ("0", "1", "2", "-1", "-2", "null", "x"),
    "log_every_n_steps": ("1", "50", "0", "-1", "null", "x"),
    "enable_checkpointing": ("true", "false", "null"),
    "enable_progress_bar": ("true", "false", "null", "x"),
    "enable_model_summary": ("true", "false", "null"),
    "accumulate_grad_batches": ("1", "2", "100", "0", "-1", "1.5", "null", "{0:1}"),
    "gradient_clip_val": ("0.5", "null", "0", "-1", "1", "inf", "x"),
    "gradient_clip_algorithm": ("norm", "value", "null", "x"),
    "deterministic": ("true", "false", "warn", "null", "x"),
    "benchmark": ("true", "false", "null", "x"),
    "inference_mode": ("true", "false", "null"),
    "use_distributed_sampler": ("true", "false"),
    "profiler": ("simple", "advanced", "pytorch", "xla", "null", "x"),
    "detect_anomaly": ("true", "false", "null"),
    "barebones": ("true", "false"),
    "plugins": ("null", "[]", "x", "[x]", "{_target_:lightning.pytorch.plugins.MixedPrecision}"),
    "sync_batchnorm": ("true", "false"),
    "reload_dataloaders_every_n_epochs": ("0", "1", "2", "-1", "x"),
    "default_root_dir": ("null", "{home}/root", "''"),
    "enable_autolog_hparams": ("true", "false"),
    "model_registry": ("null", "x"),
    "nosuch": ("1",),
}

SPACES: tuple[str, ...] = (
    *("interval(1e-4,1e-1)", "tag(log,interval(1e-4,1e-1))", "range(1,5)", "range(4,9,2)", "choice(1,2)", "choice()"),
    *("shuffle(range(1,3))", "sort(3,1,2)", "range(5,1)", "range(1,1)", "range(1,2,0)", "interval(1,2)", "interval(2,1)"),
    *("glob(*)", "glob([r*,l*])", "choice(rnn,lstm)", "choice(0.001,0.01)", "tag(interval(0,1))", "interval(0,1)"),
    *("tag(log,range(1,5))", "tag(nosuch,interval(0,1))", "interval(a,b)", "range(1.5)", "cast_int(interval(1,3))"),
    *("float(choice(1,2))", "interval(1,2),3", "1,2", "1,1", "rnn,nosuch", "0.01,", ",", "int(3.7)", "str(1)", "bool(x)"),
    *("extend_list(1)", "range(0,2)", "interval(nan,1)", "interval(-1e308,1e308)", "range(0,1,0.5)", "json_str(1)"),
    *("choice(${seed},1)", "choice([1],{a:1})", "interval(1e-4,1e-1", "interval()", "interval(1)", "glob(x*)"),
)

SPELLINGS: tuple[str, ...] = (
    *("rnn", "'rnn'", '"rnn"', "''", "'a", '"', "a b", "'a b'", "é", "日本", "\N{GRINNING FACE}", "a\tb", "a\nb", "\\", "\\\\"),
    *("a=b", "a,b", "a:b", "a::b", "~", "~/x", "@", "@x", "x@y", "x@y:z", "%", "#x", "!", "*", "?", "&", "|", ";", "$", "$HOME"),
    *("${", "${}", "${a", "${a:", "${a:}", "${a.b}", "${${seed}}", "${seed", "$${seed}", "}{", "[", "]", "[1,", "{a:", "{", "()"),
    *("f(", "f()", "f(1)", "nosuch(1)", "a(b=c)", "\x1b[31m", "\x07", "\x00"[:0], "\u202e", "\ufeff", "--x", "-x", "- x", "+", "++"),
    *("null", "None", "NULL", "true", "yes", "on", "1e5", "1_0", "01", "0o17", "+1", ".5", "5.", "1e", "nan", "1.2.3", "1/2"),
    *("x" * 300, "x" * 20000, "a." * 200 + "b", "[" * 300 + "]" * 300, "${oc.env:HOME}", "${oc.env:SEQEXP_FUZZ_SECRET}"),
    *("<img src=x>", "=1+1", "$\\frac{$", "..", "../..", "/etc/passwd", "file:///etc/passwd", "pkg://x", "CON", "a/b", "a\\b"),
)

HYDRA: dict[str, tuple[str, ...]] = {
    "hydra.run.dir": (
        *("mine", "outputs/x", "{home}/absolute", ".", "..", "", "''", "~", "'a b'", "a::b", "x/y/z", "null", "[1]", "1"),
        *("${nowhere}", "outputs/${seed}", "${now:%H}", "'a\nb'", "é", "/proc/x", "/dev/null", "x" * 300, "outputs/beside"),
        *("{home}/../../up", "outputs/../mine", "'\\x1b[31m'", "a=b", "'a,b'", "{a:1}", "???", "${hydra.run.dir}", "'~x'"),
    ),
    "hydra.sweep.dir": (
        *("mine", "{home}/absolute", ".", "..", "", "null", "[1]", "a::b", "~", "${hydra.sweep.dir}", "x" * 300, "'a b'"),
        *("outputs", "outputs/beside", "/proc/x", "/dev/null", "${now:%H}", "???"),
    ),
    "hydra.sweep.subdir": (
        *("${hydra.job.num}", "x", "", "null", "..", "/", "a/b", "${cell._target_}", ".", "../x", "{home}/x", "~", "[1]"),
        *("${hydra.job.id}", "a::b", "'a b'", "${hydra.job.num}/x", "x" * 300, "é", "${nowhere}", ".hydra", "comparison"),
    ),
    "hydra.output_subdir": (".hydra", "null", "x", "..", "", "a/b", "[1]", "???", "/x"),
    "hydra.job.chdir": ("true", "false", "null", "x"),
    "hydra.job.name": ("x", "null", "a/b", "..", "[1]", "''"),
    "hydra.job.num": ("3", "x", "-1"),
    "hydra.job.id": ("x", "null"),
    "hydra.job.env_set": ("{A:b}", "{PATH:/nowhere}", "{A:1}", "{A:null}", "x", "[a]", "{LD_PRELOAD:/nowhere}", "{}"),
    "hydra.job.env_set.A": ("b", "1", "${seed}"),
    "hydra.job.env_copy": ("[HOME]", "x", "[]"),
    "hydra.job.config.override_dirname.exclude_keys": ("[cell]", "[]", "x", "null", "[seed,cell,num_seeds]"),
    "hydra.job.config.override_dirname.kv_sep": ("':'", "''", "/", "null"),
    "hydra.job.config.override_dirname.item_sep": ("' '", "''", "/", "null"),
    "hydra.job_logging": ("null", "none", "{}", "{version:1}", "x"),
    "hydra.job_logging.handlers": ("{}", "{f:{class:logging.FileHandler,filename:x}}", "null"),
    "hydra.hydra_logging": ("null", "{version:1}", "{}"),
    "hydra.hydra_logging.handlers": ("{f:{class:logging.FileHandler,filename:victim,mode:w}}", "{}"),
    "hydra/job_logging": ("default", "disabled", "none", "stdout", "nosuch"),
    "hydra/hydra_logging": ("default", "disabled", "none", "hydra_debug", "nosuch"),
    "hydra/launcher": ("basic", "nosuch", "null", "[basic]"),
    "hydra.launcher": ("null", "basic", "{}", "{_target_:os.system}", "x"),
    "hydra.launcher.x": ("1",),
    "hydra/sweeper": ("basic", "nosuch", "optuna"),
    "hydra.sweeper": ("null", "{}", "{_target_:os.system}"),
    "hydra.sweeper.params": ("{seed:'1,2'}", "null", "[1]", "{seed:1}", "{nosuch:'1,2'}", "x", "{'':1}", "{cell:[1]}"),
    "hydra.sweeper.max_batch_size": ("1", "0", "-1", "null", "x"),
    "hydra/output": ("default", "seqexp", "nosuch"),
    "hydra/help": ("default", "seqexp"),
    "hydra/env": ("default",),
    "hydra.mode": ("RUN", "MULTIRUN", "null", "x", "1"),
    "hydra.verbose": ("true", "false", "[seqexp]", "x", "null"),
    "hydra.callbacks": ("null", "{}", "{a:{_target_:os.system}}", "{a:null}", "{a:1}", "x", "{seqexp:null}"),
    "hydra.callbacks.zz": ("{_target_:hydra.experimental.callback.Callback}", "{_target_:torch.load}", "null", "{}", "x"),
    "hydra.callbacks.seqexp": ("null", "{}", "x"),
    "hydra.searchpath": ("[]", "[file://{home}]", "[pkg://nosuch]", "x", "null", "[1]", "[file:///nowhere]"),
    "hydra.runtime.output_dir": ("x", "null"),
    "hydra.runtime.cwd": ("x", "/nowhere"),
    "hydra.overrides.task": ("[]", "[x]", "null"),
    "hydra": ("null", "{}", "x", "[1]"),
    "hydra.nosuch": ("1",),
    "hydra.run": ("null", "x", "{dir:a,b:1}"),
    "hydra.help.template": ("x", "'$CONFIG'", "null"),
}
