"""The words of the grammar: keys, values that are right, and values that are not."""

from __future__ import annotations


def words(text: str, *more: str) -> tuple[str, ...]:
    """Words between spaces, and more that are not written so."""
    return (*text.split(), *more)


def lines(text: str) -> tuple[tuple[str, ...], ...]:
    """Several words each, between bars."""
    return tuple(words(each) for each in text.split("|"))


GROUPS: dict[str, tuple[str, ...]] = {
    "cell": words("rnn lstm gru"),
    "data": words("sine sine sum"),
    "optimizer": words("adam adamw sgd rmsprop"),
    "trainer": words("default cpu debug"),
}

KEYS: dict[str, tuple[str, ...]] = {
    "seed": words("0 7 123456789"),
    "num_seeds": words("1 2 3"),
    "cell.hidden_size": words("1 4 16 33 match:lstm-4 match:300"),
    "cell.num_layers": words("1 2"),
    "cell.dropout": words("0 0.0 0.5"),
    "cell.bidirectional": words("true false"),
    "optimizer.lr": words("0.01 1e-3 0 1e30"),
    "optimizer.weight_decay": words("0 0.1"),
    "data.batch_size": words("8 1000 null"),
    "data.train_fraction": words("0.7 0.5"),
    "data.val_fraction": words("0.15 0"),
    "early_stopping.patience": words("1 null"),
    "checkpoint.every_seconds": words("0 30 1e9"),
    "trainer.max_epochs": words("1 2"),
    "trainer.gradient_clip_val": words("null 0.5"),
    "trainer.precision": words("64-true 32-true bf16-true"),
    "trainer.accumulate_grad_batches": words("1 2"),
    "trainer.max_steps": words("1 3"),
    "sweep.name": words("null"),
    "allowed_packages": words("[] [torch]"),
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
    *lines(
        """
        --cfg job | --cfg hydra | --cfg all | -c job | --cfg=job | --cfg nosuch | --info | --info all | --info
        config | --info defaults | --info defaults-tree | --info plugins | --info searchpath | --info nosuch |
        --help | -h | --hydra-help | --version | --cfg job --resolve | --cfg job --package cell | --resolve | --cfg
        job --package nosuch | --cfg hydra --package hydra.job | --package cell | --cfg job --package seed | --cfg
        job --package _global_ | --cfg job -p a..b | --cfg all --resolve | --cfg hydra --resolve | --run | --run
        --multirun | -r | -sc install=bash | -sc uninstall=zsh | -sc | -sc nosuch=bash | --multirun
        --cfg job | --multirun --info | --nosuch | --config-dir | -- | - | --config-dir nosuch | --config-path x |
        --config-name search | -cn x | --experimental-rerun x | --config-dir=outputs/beside | --config-dir /dev/null
        | -cd . | --cfg job experiment=lab_sine | --cfg job experiment=rnn_vs_lstm | --cfg job +x=1
        """
    ),
    ("--config-dir", ""),
)
"""Hydra's flags."""

EXAMPLES: tuple[tuple[str, ...], ...] = lines(
    """
    seed=9223372036854775807 | cell.hidden_size=4000000000000 | data.length=100000000000 | num_seeds=4000000000000
    | cell.hidden_size=match:12345678901234567890 | optimizer=[1e308] | sweep=.inf | num_seeds=${num_seeds}
    | ~hydra/output | ~cell | ~data | ~trainer | ~optimizer.lr | trainer.val_check_interval=100 | data.noise=${seed}
    | trainer.overfit_batches=0.001 | trainer.accelerator=tpu | trainer.check_val_every_n_epoch=null
    | --multirun optimizer.lr=interval(1e-4,1e-1) | optimizer.lr=interval(1e-4,1e-1) | cell.hidden_size=${nowhere}
    | --multirun cell=rnn,lstm trainer.val_check_interval=100 | --multirun cell=rnn,lstm trainer.overfit_batches=0.001
    | --multirun cell=rnn,lstm seed=9223372036854775807 | --multirun cell=rnn,lstm optimizer.lr=1e30
    | cell=null data=null
    """
)
"""What has once ended in a traceback."""

HUGE: tuple[str, ...] = words(
    """
    9223372036854775807 9223372036854775808 18446744073709551616 4000000000000 100000000000 12345678901234567890
    -9223372036854775809 111111111111111111111111111111 1e308 -1e308 1e400 1e-400 inf -inf nan .inf .nan -1 0 -0.0
    0.5 1e3 1.0 2147483648 5e-324 1_000 0x10 0b1 1e --1 true null '' '1' 1, 999999999999 4294967296
    """,
    "9" * 5000,
    "-" + "9" * 5000,
    "",
)

NUMBERS: tuple[str, ...] = words(
    """
    seed num_seeds cell.hidden_size cell.num_layers cell.dropout data.length data.window data.horizon data.noise
    data.time_range data.frequency data.amplitude data.batch_size data.train_fraction data.val_fraction
    data.test_fraction optimizer.lr optimizer.eps optimizer.weight_decay early_stopping.patience
    checkpoint.every_seconds trainer.max_epochs trainer.max_steps trainer.gradient_clip_val
    trainer.accumulate_grad_batches trainer.devices trainer.min_epochs trainer.limit_train_batches
    trainer.log_every_n_steps cell.forget_bias
    """
)

WORK = ("trainer.max_epochs", "trainer.min_epochs", "trainer.min_steps")
"""Keys of which a large number is right, and long."""

NODES: dict[str, tuple[str, ...]] = {
    "*": words(
        """
        [1e308] .inf {} [] {a:1} [1,2] null x '' true ??? {a:{b:{c:[1,{d:2}]}}} ${num_seeds} ${seed} ${cell}
        ${nowhere} ${oc.env:HOME} ${oc.env:NOSUCH} ${oc.decode:x} ${hydra:job.num} ${hydra.job.num} ${now:%Y}
        ${seqexp.token:} ${seqexp.name:x} ${.} ${..} ${trainer.max_epochs} ${oc.create:{a:1}} ${oc.select:seed}
        ${nosuch:1} ${ [null] {1:2} {_target_:os.system} [${seed},${cell}] 1:2:3 {_target_:null} {_target_:[]}
        [[[[[[1]]]]]] ${oc.dict.keys:cell} nan {}{} 1e308 {'':1}
        """,
        "\\${seed}",
        "{a b:1}",
    ),
    "optimizer": words("[1e308] adam2 {_target_:torch.optim.LBFGS} {_target_:torch.nn.Linear} {lr:1} [adam]"),
    "cell": words("rnn.yaml [rnn] [rnn,lstm] ../cell/rnn /cell/rnn rnn@x RNN null rnn/ @ {}"),
    "data": words("null [sine] sine.yaml /data/sine ../../etc/passwd sin*"),
    "trainer": words("null [cpu] gpu none {max_epochs:1}"),
    "sweep": words(
        ".inf x {name:a} {name:a,dry:1} {} null {name:null,dry:false,fail_fast:false} {fresh_seeds:true} {judges:0}"
    ),
    "early_stopping": words("3 {patience:3} {patience:[3]} null {}"),
    "checkpoint": words("0 {every_seconds:x} null {} {every_seconds:1,x:2}"),
    "print_every": words("0 -1 1.5 x true [1] 1e3"),
    "num_seeds": words("${num_seeds} ${seed} ${oc.decode:'2'}"),
    "allowed_packages": words("x {a:1} [1] [null] null [''] [[a]] [.] [torch.nn] [os] [${seed}]"),
    "cell._target_": words("os.system torch.nn.RNN x null 1 seqexp.cell.lstm.LSTM seqexp seqexp.. ."),
    "data._target_": words("seqexp.data.sum.Sum torch.utils.data.Dataset seqexp.nosuch.X [a] ${cell._target_}"),
    "optimizer._target_": words(
        """
        torch.optim.LBFGS torch.optim.Adagrad torch.optim.Optimizer torch.load torch.hub
        """
    ),
    "trainer._target_": words("lightning.pytorch.Trainer lightning.Trainer lightning.Fabric object torch.load"),
    "experiment": words("null lab_sine nosuch [lab_sine] [lab_sine,lab_sum] /experiment/lab_sine {} ''"),
    "optimizer.betas": words("[0.9] [0.9,0.99,0.999] [2,3] x [null,null] 0.9 [0.9,nan] {a:1}"),
    "optimizer.fused": words("null x false 1"),
    "cell.nonlinearity": words("relu tanh sigmoid null [tanh]"),
    "cell.hidden_size": words("match: match:lstm match:lstm- match:lstm-0 match:-5 match:1e3 match:x-y-z"),
    "data.distribution": words("uniform normal x"),
}
"""Nodes of the wrong kind: those for any key, and some of each key's own."""

TRAINER: dict[str, tuple[str, ...]] = {
    "accelerator": words("cpu auto tpu gpu cuda mps hpu nosuch null 1 [cpu]"),
    "strategy": words("auto ddp ddp_spawn fsdp deepspeed nosuch null ddp_notebook"),
    "devices": words("1 2 auto [0] [0,1] -1 0 '1' null x 1.5 ''"),
    "num_nodes": words("1 2 0 -1 null x"),
    "precision": words("32 64 16 16-mixed bf16-mixed 16-true bf16-true transformer-engine null 8"),
    "logger": words("true false null [] x"),
    "callbacks": words("null [] [1] {}"),
    "fast_dev_run": words("true false 1 3 -1 0 x"),
    "max_epochs": words("1 0 -1 -2 null 1.5"),
    "min_epochs": words("1 2 null -1 x"),
    "max_steps": words("1 3 0 -1 -2 null 1.5"),
    "min_steps": words("1 5 null -1"),
    "max_time": words("00:00:01:00 {seconds:30} {days:0,hours:1} x 1 '00:00:00:00' {nosuch:1} null -1"),
    "limit_train_batches": words("1 1.0 0.5 0 0.0 2 -1 1.5 0.001 null x 1000"),
    "limit_val_batches": words("1 1.0 0.5 0 0.0 2 -1 1.5 0.001 null x"),
    "limit_test_batches": words("1 1.0 0.5 0 0.0 2 -1 1.5 0.001 null x"),
    "limit_predict_batches": words("1 0.5 -1 null"),
    "overfit_batches": words("0 0.0 1 2 0.5 0.001 1.0 -1 1.5 null true"),
    "val_check_interval": words("1 1.0 0.5 100 0.001 0 0.0 -1 1.5 null '00:00:00:01' {minutes:1}"),
    "check_val_every_n_epoch": words("1 2 0 -1 null 100 x 1.0"),
    "num_sanity_val_steps": words("0 1 2 -1 -2 null x"),
    "log_every_n_steps": words("1 50 0 -1 null x"),
    "enable_checkpointing": words("true false null"),
    "enable_progress_bar": words("true false null x"),
    "enable_model_summary": words("true false null"),
    "accumulate_grad_batches": words("1 2 100 0 -1 1.5 null {0:1}"),
    "gradient_clip_val": words("0.5 null 0 -1 1 inf x"),
    "gradient_clip_algorithm": words("norm value null x"),
    "deterministic": words("true false warn null x"),
    "benchmark": words("true false null x"),
    "inference_mode": words("true false null"),
    "use_distributed_sampler": words("true false"),
    "profiler": words("simple advanced pytorch xla null x"),
    "detect_anomaly": words("true false null"),
    "barebones": words("true false"),
    "plugins": words("null [] x [x] {_target_:lightning.pytorch.plugins.MixedPrecision}"),
    "sync_batchnorm": words("true false"),
    "reload_dataloaders_every_n_epochs": words("0 1 2 -1 x"),
    "default_root_dir": words("null {home}/root ''"),
    "enable_autolog_hparams": words("true false"),
    "model_registry": words("null x"),
    "nosuch": words("1"),
}
"""Flags of Lightning's Trainer."""

SPACES: tuple[str, ...] = words(
    """
    interval(1e-4,1e-1) tag(log,interval(1e-4,1e-1)) range(1,5) range(4,9,2) choice(1,2) choice()
    shuffle(range(1,3)) sort(3,1,2) range(5,1) range(1,1) range(1,2,0) interval(1,2) interval(2,1) glob(*)
    glob([r*,l*]) choice(rnn,lstm) choice(0.001,0.01) tag(interval(0,1)) interval(0,1) tag(log,range(1,5))
    tag(nosuch,interval(0,1)) interval(a,b) range(1.5) cast_int(interval(1,3)) float(choice(1,2)) interval(1,2),3
    1,2 1,1 rnn,nosuch 0.01, , int(3.7) str(1) bool(x) extend_list(1) range(0,2) interval(nan,1)
    interval(-1e308,1e308) range(0,1,0.5) json_str(1) choice(${seed},1) choice([1],{a:1}) interval(1e-4,1e-1
    interval() interval(1) glob(x*)
    """
)
"""What Hydra's grammar has for a search."""

SPELLINGS: tuple[str, ...] = words(
    """
    rnn 'rnn' '' 'a é 日本 😀 a=b a,b a:b a::b ~ ~/x @ @x x@y x@y:z % #x ! * ? & | ; $ $HOME ${ ${} ${a ${a: ${a:}
    ${a.b} ${${seed}} ${seed $${seed} }{ [ ] [1, {a: { () f( f() f(1) nosuch(1) a(b=c) --x -x + ++ null None NULL
    true yes on 1e5 1_0 01 0o17 +1 .5 5. 1e nan 1.2.3 1/2 ${oc.env:HOME} ${oc.env:SEQEXP_FUZZ_SECRET} =1+1 .. ../..
    /etc/passwd file:///etc/passwd pkg://x CON a/b
    """,
    '"rnn"',
    '"',
    "a b",
    "'a b'",
    "a\tb",
    "a\nb",
    "\\",
    "\\\\",
    "\x1b[31m",
    "\x07",
    "",
    "\u202e",
    "\ufeff",
    "- x",
    "x" * 300,
    "x" * 20000,
    "a." * 200 + "b",
    "[" * 300 + "]" * 300,
    "<img src=x>",
    "$\\frac{$",
    "a\\b",
)

HYDRA: dict[str, tuple[str, ...]] = {
    "hydra.run.dir": words(
        """
        mine outputs/x {home}/absolute . .. '' ~ a::b x/y/z null [1] 1 ${nowhere} outputs/${seed} ${now:%H} é
        /proc/x /dev/null outputs/beside {home}/../../up outputs/../mine a=b 'a,b' {a:1} ??? ${hydra.run.dir} '~x'
        """,
        "",
        "'a b'",
        "'a\nb'",
        "x" * 300,
        "'\\x1b[31m'",
    ),
    "hydra.sweep.dir": words(
        """
        mine {home}/absolute . .. null [1] a::b ~ ${hydra.sweep.dir} outputs outputs/beside /proc/x /dev/null
        ${now:%H} ???
        """,
        "",
        "x" * 300,
        "'a b'",
    ),
    "hydra.sweep.subdir": words(
        """
        ${hydra.job.num} x null .. / a/b ${cell._target_} . ../x {home}/x ~ [1] ${hydra.job.id} a::b
        ${hydra.job.num}/x é ${nowhere} .hydra comparison
        """,
        "",
        "'a b'",
        "x" * 300,
    ),
    "hydra.output_subdir": words(".hydra null x .. a/b [1] ??? /x", ""),
    "hydra.job.chdir": words("true false null x"),
    "hydra.job.name": words("x null a/b .. [1] ''"),
    "hydra.job.num": words("3 x -1"),
    "hydra.job.id": words("x null"),
    "hydra.job.env_set": words("{A:b} {PATH:/nowhere} {A:1} {A:null} x [a] {LD_PRELOAD:/nowhere} {}"),
    "hydra.job.env_set.A": words("b 1 ${seed}"),
    "hydra.job.env_copy": words("[HOME] x []"),
    "hydra.job.config.override_dirname.exclude_keys": words("[cell] [] x null [seed,cell,num_seeds]"),
    "hydra.job.config.override_dirname.kv_sep": words("':' '' / null"),
    "hydra.job.config.override_dirname.item_sep": words("'' / null", "' '"),
    "hydra.job_logging": words("null none {} {version:1} x"),
    "hydra.job_logging.handlers": words("{} {f:{class:logging.FileHandler,filename:x}} null"),
    "hydra.hydra_logging": words("null {version:1} {}"),
    "hydra.hydra_logging.handlers": words("{f:{class:logging.FileHandler,filename:victim,mode:w}} {}"),
    "hydra/job_logging": words("default disabled none stdout nosuch"),
    "hydra/hydra_logging": words("default disabled none hydra_debug nosuch"),
    "hydra/launcher": words("basic nosuch null [basic]"),
    "hydra.launcher": words("null basic {} {_target_:os.system} x"),
    "hydra.launcher.x": words("1"),
    "hydra/sweeper": words("basic nosuch optuna"),
    "hydra.sweeper": words("null {} {_target_:os.system}"),
    "hydra.sweeper.params": words("{seed:'1,2'} null [1] {seed:1} {nosuch:'1,2'} x {'':1} {cell:[1]}"),
    "hydra.sweeper.max_batch_size": words("1 0 -1 null x"),
    "hydra/output": words("default seqexp nosuch"),
    "hydra/help": words("default none"),
    "hydra/env": words("default"),
    "hydra.mode": words("RUN MULTIRUN null x 1"),
    "hydra.verbose": words("true false [seqexp] x null"),
    "hydra.callbacks": words("null {} {a:{_target_:os.system}} {a:null} {a:1} x {seqexp:null}"),
    "hydra.callbacks.zz": words(
        """
        {_target_:hydra.experimental.callback.Callback} {_target_:torch.load} null {} x
        """
    ),
    "hydra.callbacks.seqexp": words("null {} x"),
    "hydra.searchpath": words("[] [file://{home}] [pkg://nosuch] x null [1] [file:///nowhere]"),
    "hydra.runtime.output_dir": words("x null"),
    "hydra.runtime.cwd": words("x /nowhere"),
    "hydra.overrides.task": words("[] [x] null"),
    "hydra": words("null {} x [1]"),
    "hydra.nosuch": words("1"),
    "hydra.run": words("null x {dir:a,b:1}"),
    "hydra.help.template": words("x '$CONFIG' null"),
}
"""Hydra's own keys."""
