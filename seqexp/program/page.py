"""What `--help` shows: the verbs, what can be chosen, and where to look next."""

from __future__ import annotations

from seqexp.config.choices import Choice, groups
from seqexp.config.mistakes import ConfigError, paragraph
from seqexp.config.options import called
from seqexp.program.verbs import VERBS
from seqexp.record.files import printable

PAGE = """\
seqexp trains recurrent networks, many seeds at once, and compares them seed by seed.

  {program} cell=lstm data=sine              one run: 10 seeds, one folder under outputs/
  {program} --multirun cell=rnn,lstm         a sweep: one run for each choice, then their comparison
  {program} cell=lstm cell.hidden_size=32    any setting can be given as key=value
  {program} cell=lstm --cfg job              show the configuration and run nothing
  {program} board                            look at the results in TensorBoard

Verbs, which come first ({program} VERB --help says more):

{verbs}

Groups, of each of which one file is chosen:

{groups}

  {program} list cell         what each of them is
  {program} list cell/lstm    the keys of a file, their values, and what they mean

Experiments, whole comparisons by name ({program} experiment=NAME):

{experiments}

Options:

  --multirun, -m            a run for each combination of the values that are given
  --config-dir, -cd FOLDER  groups of your own
  --cfg, -c job             show the configuration; --package, -p cell: a part of it; --resolve: with values filled in
  --version                 show the version
  --hydra-help              Hydra's other options
"""


def columns(rows: list[tuple[str, str]], most: int = 40) -> str:
    """Two columns, the first as wide as it needs to be, but not wider than `most`."""
    width = max((len(left) for left, _ in rows if len(left) <= most), default=0)
    return "\n".join(f"  {left:<{width}}  {right}".rstrip() for left, right in rows)


def summaries(files: dict[str, Choice], chosen: str | None) -> list[tuple[str, str]]:
    """A row for each file of a group, a star beside the one that is taken where none is named."""
    return [(f"{name} *" if name == chosen else name, _summary(choice)) for name, choice in files.items()]


def _summary(choice: Choice) -> str:
    try:
        return paragraph(choice.summary)
    except ConfigError as error:  # of one file, which hides no other
        return str(error)


def page(config_dir: str | None) -> str:
    """The help of the program as it was called.

    Args:
        config_dir: the user's own folder of groups.
    """
    found = groups(config_dir)
    experiments = summaries(found.pop("experiment"), None)
    program = called()
    text = PAGE.format(
        program=program,
        verbs=columns([(name, verb.says) for name, verb in VERBS.items()]),
        groups=columns([(group, ", ".join(files)) for group, files in found.items()]),
        experiments=columns(experiments),
    )
    return str(printable(text))
