"""What may be meant by a key that seqexp lacks and other programs have: one table of the words of the field."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Hint(NamedTuple):
    """What some words mean here.

    Attributes:
        meant: a key in full, a group, or the choice of a file.
        words: how others call it, divided by spaces; the key's own name after its last dot counts as one.
        note: a sentence that is said beside it.
    """

    meant: str
    words: str
    note: str = ""


HINTS = (
    Hint(
        "num_seeds",
        "seeds n_seeds nseeds seed_count n_runs num_runs runs repeats repetitions replicates n_repeats members",
        "num_seeds is how many there are; seed is the first of them.",
    ),
    Hint("seed", "random_seed random_state manual_seed rng first_seed start_seed base_seed"),
    Hint("trainer.max_epochs", "epochs epoch n_epochs num_epochs nepochs nb_epochs max_epoch"),
    Hint("trainer.max_steps", "steps n_steps num_steps max_iter max_iters iterations n_iter num_iterations updates"),
    Hint(
        "cell",
        "model net network arch architecture cell_type rnn_type model_type model_name backbone",
        "The model is chosen by its cell, such as cell=lstm.",
    ),
    Hint(
        "cell.hidden_size",
        "hidden units hidden_units hidden_dim hidden_dims hidden_sizes n_hidden num_hidden nhid num_units n_units "
        "neurons width size dim d_model",
    ),
    Hint("cell.num_layers", "layers n_layers nlayers num_layer depth"),
    Hint("cell.dropout", "drop dropout_rate dropout_p p_dropout"),
    Hint("cell.bidirectional", "bidir birnn bi"),
    Hint(
        "data",
        "task dataset problem datamodule task_name dataset_name",
        "The task is chosen by data=, such as data=sum.",
    ),
    Hint(
        "data.score",
        "loss loss_fn loss_function criterion objective metric metrics score",
        "It is what is minimised and compared.",
    ),
    Hint("data.batch_size", "batch batchsize bs minibatch mini_batch_size train_batch_size"),
    Hint("data.length", "seq_len seq_length sequence_length timesteps time_steps"),
    Hint("data.window", "lookback look_back window_size context context_length"),
    Hint("data.horizon", "steps_ahead forecast_horizon pred_len"),
    Hint("data=csv", "csv csv_file csv_path dataframe", "Your own series; data.path names the file."),
    Hint("data.path", "file files filename file_path data_file data_path"),
    Hint("data.target", "y target_column target_col y_col"),
    Hint("data.inputs", "x features feature_columns columns cols usecols exog x_cols"),
    Hint("data.time", "date dates datetime timestamp date_column time_column date_col time_col index_col parse_dates"),
    Hint("data.delimiter", "sep separator"),
    Hint("data.missing", "na_values nan_values"),
    Hint("data.fill", "fillna ffill dropna impute imputation"),
    Hint("data.scaling", "scale scaler normalize normalise normalization standardize standardise"),
    Hint("data.season", "period seasonality seasonal_period"),
    Hint("data.noise", "sigma noise_std noise_level"),
    Hint("data.train_fraction", "train_split train_size train_ratio"),
    Hint("data.val_fraction", "val_split validation_split val_size val_ratio valid_fraction validation"),
    Hint("data.test_fraction", "test_split test_size test_ratio"),
    Hint("optimizer", "optim opt optimiser solver"),
    Hint("optimizer.lr", "learning_rate learningrate eta step_size"),
    Hint("optimizer.weight_decay", "wd l2 decay regularization"),
    Hint("early_stopping.patience", "early_stop earlystopping stop_after"),
    Hint(
        "trainer.gradient_clip_val",
        "clip grad_clip gradient_clip clip_grad clip_norm clipnorm max_norm max_grad_norm clip_value clipvalue",
    ),
    Hint("trainer=gpu", "gpus cuda use_gpu use_cuda num_gpus"),
    Hint("trainer.accelerator", "device", "trainer=gpu and trainer=cpu set it."),
    Hint("trainer.precision", "dtype amp fp16 bf16 float32 float64 half mixed_precision"),
    Hint("trainer.enable_progress_bar", "verbose verbosity quiet silent progress progress_bar"),
    Hint("print_every", "log_every log_interval print_interval print_freq print_epochs"),
    Hint("trainer.check_val_every_n_epoch", "eval_every val_every eval_interval val_interval"),
    Hint(
        "sweep.name",
        "run_name experiment_name exp_name project tag",
        "A sweep may have a name; the folder of a single run is hydra.run.dir.",
    ),
    Hint("sweep.dry", "dry_run dryrun"),
    Hint("experiment", "exp preset recipe study"),
    Hint("hydra.run.dir", "out output output_dir outdir out_dir save_dir folder logdir log_dir root_dir"),
    Hint("hydra/launcher=joblib", "n_jobs jobs workers num_workers parallel", "It is for a sweep, with --multirun."),
    Hint("search.trials", "n_trials num_trials trial", "It belongs to a search."),
    Hint("checkpoint.every_seconds", "checkpoint_every save_every save_interval"),
)


def _words(hint: Hint) -> set[str]:
    last = hint.meant.replace("=", ".").replace("/", ".").rpartition(".")[2]
    return {*hint.words.split(), *(() if hint.meant.startswith("hydra/") else (last,))}


TABLE = {word: hint for hint in reversed(HINTS) for word in _words(hint)}
"""Each word, and what it means; where two hints share one, the first."""


def find(name: str, keys: Collection[str] = ()) -> Hint | None:
    """What a name means that no key has.

    Args:
        name: without the place that it was given in; capitals and hyphens count as small letters and underscores.
        keys: all dotted keys of the configuration, as far as they are known; a hint to a key that is none of them is
            of no use there.
    """
    hint = TABLE.get(name.lower().replace("-", "_"))
    if hint is None or not keys or "." not in hint.meant or hint.meant.startswith(("hydra.", "search.")):
        return hint
    return hint if hint.meant in keys else None
