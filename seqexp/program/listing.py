"""The verb `list`: what can be chosen, and what each file's keys are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from seqexp import startup
from seqexp.config import CONF, choices, hints, options
from seqexp.config.choices import Choice, Setting
from seqexp.config.mistakes import ConfigError, closest, current_folder, paragraph, refuse, show
from seqexp.program.page import columns, summaries
from seqexp.record.files import printable
from seqexp.show.console import prepare_output, show_start
from seqexp.terminal import columns as columns_of
from seqexp.terminal import hang

USAGE = """\
Shows what can be chosen, with the comments of the files.

  {program}              all groups, and the settings at the top
  {program} data         the files of a group
  {program} cell/lstm    the keys of a file, their values, and what they mean
  {program} search       the settings of a search"""

STAR = "* is taken where no other is named"

Groups = dict[str, dict[str, Choice]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what the command line asks about.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where there is no such thing.
    """
    prepare_output()
    parser = options.parser("list", USAGE.format(program=options.called("list")))
    parser.add_argument("names", metavar="NAME", nargs="*", help="a group, or a file of a group")
    options.add_config_dir(parser)
    given = options.strict(parser).parse_intermixed_args(arguments)
    try:
        current_folder()
        if given.config_dir is not None:
            from seqexp.config.folders import check_config_dir, say_replaced

            check_config_dir(given.config_dir)
            say_replaced(given.config_dir)
        groups = choices.groups(given.config_dir)
        pages = [_about(name, groups) for name in given.names] or [_everything(groups)]
        sys.stdout.write(hang(printable("\n\n".join(pages)), columns_of(sys.stdout)) + "\n")
    except ConfigError as error:
        refuse(error)
    return 0


def _everything(groups: Groups) -> str:
    program, chosen = options.called(), choices.defaults()
    parts = [
        f"Groups, of each of which one file is chosen, as in {program} cell=lstm ({STAR}). "
        f"{program} list cell/lstm shows the keys of a file."
    ]
    parts += [f"{group}\n{columns(summaries(files, chosen.get(group)))}" for group, files in groups.items()]
    top = [
        each
        for each in choices.settings(choices.top()["config"])
        if isinstance(each, str) or not (each.key.startswith("hydra") or each.key in groups)
    ]
    parts.append(f"Settings at the top\n{_rows(top)}")
    return "\n\n".join(parts)


def _about(name: str, groups: Groups) -> str:
    """A group, or a file; `cell=lstm`, as it would be chosen, is `cell/lstm`.

    Raises:
        ConfigError: there is neither.
    """
    wanted = name.replace("=", "/").removesuffix(".yaml").strip("/")
    group, file = _parted(wanted)
    if wanted in groups:
        rows = columns(summaries(groups[wanted], choices.defaults().get(wanted)))
        return f"{wanted}: {options.called()} {wanted}=NAME chooses one ({STAR})\n{rows}"
    files = groups.get(group, {}) if group else choices.top()
    if file not in files:
        raise _nothing(name, wanted, groups)
    return _file(files[file])


def _file(choice: Choice) -> str:
    lines = [choice.title, *(f"  {line}" for line in choice.lines or [choice.summary])]
    if choice.path is not None and not choice.path.is_relative_to(CONF):
        lines.insert(1, f"  {choice.path}")
    if choice.group == "data" and (told := _told(choice)) is not None:
        lines.append(f"  {told}")
    rows = _rows(choices.settings(choice))
    return "\n".join(lines).rstrip() + (f"\n\n{rows}" if rows else "")


def _told(choice: Choice) -> str | None:
    """What a task says of itself, or what it lacks for that, such as a path; None where it is not the program's own."""
    if choice.path is None or not choice.path.is_relative_to(CONF):
        return None
    show_start()  # torch takes longer than a second
    startup.load()
    from seqexp.program.check import looked

    try:
        return looked([f"data={choice.name}", "num_seeds=1"], None)[0]
    except ConfigError as error:
        return f"What its data are is not known yet: {error}."


def _rows(settings: Sequence[Setting | str]) -> str:
    """One row for each key; a comment with lines of its own stands alone, after an empty line."""
    keys = [(f"{each.key}={paragraph(each.value)}", each.comment) for each in settings if isinstance(each, Setting)]
    rows: Iterator[str] = iter(columns(keys, most=44).splitlines())
    return "\n".join(next(rows) if isinstance(each, Setting) else f"\n  {each}" for each in settings).lstrip("\n")


def _parted(wanted: str) -> tuple[str, str]:
    """The group and the file of `cell/lstm`, or of `experiment/lab/sine`, whose files lie in folders."""
    if wanted.startswith(f"{choices.EXPERIMENT}/"):
        return choices.EXPERIMENT, wanted.removeprefix(f"{choices.EXPERIMENT}/")
    group, _, file = wanted.rpartition("/")
    return group, file


def _nothing(name: str, wanted: str, groups: Groups) -> ConfigError:
    group, file = _parted(wanted)
    if group in groups:
        what, allowed = group, list(groups[group])
        near = [f"{group}/{each}" for each in closest(file, allowed)]
    else:
        what, allowed = "group or file", [*groups, *choices.top()]
        paths = {f"{group}/{each}": each for group, files in groups.items() for each in files}
        meant = hints.find(wanted)
        near = [path for path, each in paths.items() if each == wanted]
        near = near or [each for each in groups if meant is not None and meant.meant == each]
        near = near or closest(wanted, allowed) or closest(wanted, list(paths))
        near = near or [each for each in groups if wanted.startswith(f"{each}.")]  # a key, such as cell.hidden_size
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    allowed_text = ", ".join(allowed)
    return ConfigError(
        f"{options.called('list')} {show(name)}: there is no such {what}.{hint} Allowed: {allowed_text}."
    )


if __name__ == "__main__":
    sys.exit(main())
