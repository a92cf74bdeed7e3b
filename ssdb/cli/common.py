"""What all commands share: the group ``ssdb`` and its errors, the database, printing, progress."""

from __future__ import annotations

import errno
import io
import json
import logging
import math
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import Field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ssdb import __version__
from ssdb.cli.digits import as_text, texts
from ssdb.config import option_of
from ssdb.errors import ConfigError, SsdbError, UsageError, one_line, shown, speaking_of_options, without_passwords
from ssdb.io import limits
from ssdb.io.arriving import STANDARD_INPUT
from ssdb.io.input_file import TYPES, called, sniffed

if TYPE_CHECKING:
    from ssdb.store.database import Database
    from ssdb.store.transfer.write import Progress

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

DEFAULT_URL = "sqlite:///ssdb.db"

UNEXPECTED = 70
"""Exit code of an error that ssdb does not know (EX_SOFTWARE of sysexits.h)."""

_ECHOED = re.compile(r"(Got unexpected extra argument|No such command)")
_LIKE_A_URL = re.compile(r"[^\s'\"()]*(?:://|@|=)[^\s'\"()]*")


def _of_all(command: click.Command) -> None:
    """Adds the options of ssdb itself to a command, so that they may follow it."""

    def database(ctx: click.Context, _option: click.Parameter, url: str | None) -> None:
        if url is not None:
            ctx.obj = url

    def verbose(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted:
            ctx.find_root().params["verbose"] = True
            logging.getLogger().setLevel(logging.INFO)

    def memory(ctx: click.Context, _option: click.Parameter, size: str | None) -> None:
        if size is not None:
            with wrong_usage():
                ctx.with_resource(limits.max_memory(size))

    said: dict[str, Any] = {"help": "As before the command: see `ssdb --help`.", "expose_value": False}
    command.params += [
        click.Option(["--db"], metavar="URL", callback=database, **said),
        click.Option(["-v", "--verbose"], is_flag=True, callback=verbose, **said),
        click.Option(["--max-memory"], metavar="SIZE", callback=memory, **said),
    ]


class _Command(click.Command):
    """A command, for which a UsageError is wrong usage: exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(str(error), ctx) from None


class _Group(click.Group):
    """A group of commands, each of which also takes the options of ssdb itself."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        _of_all(cmd)
        super().add_command(cmd, name)


_Group.group_class = _Group
_Group.command_class = _Command


class _Commands(_Group):
    """A group whose commands end an error of ssdb with one line on stderr and exit code 1.

    Any other error, which should not be, is one line too, and exit code :data:`UNEXPECTED`.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        _print_what_can_be_printed()
        try:
            return super().main(*args, **extra)
        except OSError as error:  # of --help and the like, which come before invoke
            _fail(_of_system(error))
            sys.exit(1)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """A command's name may be of two words, the first of which is a command, too: ``export ades``."""
        name = " ".join(args[:2])
        command = self.get_command(ctx, name)
        return super().resolve_command(ctx, args) if command is None else (name, command, args[2:])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # A URL, perhaps, where none belongs.
            said = error.format_message()
            hidden = _LIKE_A_URL.sub("***", said) if _ECHOED.match(said) else without_passwords(said)
            if hidden == said:
                raise
            raise click.UsageError(hidden, error.ctx) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("verbose"):
                logging.getLogger("ssdb").exception("the error, in full")
            if isinstance(error, SsdbError):
                line, code = str(error), 1
            elif isinstance(error, MemoryError):
                line, code = "there is not enough memory", 1
            elif isinstance(error, OSError):
                line, code = _of_system(error), 1
            elif isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
                # As Python has the bytes of an argument that are no text; of paths they may be.
                line, code = f"{shown([error.object])}: this is no text in UTF-8", 1
            else:
                about = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                line = (
                    f"this should not happen, please report it ({about}; ssdb {__version__}; "
                    "the traceback: ssdb -v ...)"
                )
                code = UNEXPECTED
            _fail(line)
            ctx.exit(code)


def _fail(line: str) -> None:
    click.echo(f"ssdb: {one_line(without_passwords(line))}", err=True)


def _of_system(error: OSError) -> str:
    """The message of an error of the operating system; a full device is most likely that of the output."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC and not where:
        where = "the output cannot be written: "
        # Or Python would try once more at its end, and say so in lines of its own.
        sys.stdout = io.StringIO()
    return f"{where}{error.strerror or error}"


def _print_what_can_be_printed() -> None:
    """Writes characters that a terminal cannot show as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and (stream.errors == "strict" or "utf" not in stream.encoding.lower()):
            stream.reconfigure(errors="backslashreplace")


class _WithoutPasswords(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_passwords(super().format(record))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--db",
    "url",
    envvar="SSDB_URL",
    default=DEFAULT_URL,
    metavar="URL",
    help=f"The database: sqlite:///FILE or postgresql://HOST/NAME. Default: $SSDB_URL, else {DEFAULT_URL}.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr; show errors with their traceback.")
@click.option(
    "--max-memory",
    metavar="SIZE",
    help="Most memory for a file that is compressed, or claims to be large: 4GB. Default: 1GB.",
)
@click.version_option(__version__, message="ssdb %(version)s")
@click.pass_context
def main(ctx: click.Context, url: str, max_memory: str | None, verbose: bool) -> None:
    """Find which known asteroid or comet each detection of a sky survey is.

    The usual order: init, ingest visits, ingest sources, ingest predictions, associate; then status, query, export.
    These options may also follow the command.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutPasswords("%(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    # Of libraries: their words on one line, without where in their code they stand.
    warnings.formatwarning = lambda message, *_: f"{one_line(str(message))}\n"
    ctx.obj = url
    ctx.with_resource(speaking_of_options())
    if max_memory is not None:
        with wrong_usage():
            ctx.with_resource(limits.max_memory(max_memory))


def open_database(ctx: click.Context) -> Database:
    """Opens the database of ``--db``; it is closed at the end of the command."""
    from ssdb.store.ddl.migrate import connect

    database = connect(ctx.obj)
    ctx.call_on_close(database.close)
    return database


@contextmanager
def wrong_usage() -> Iterator[None]:
    """Within the block a ConfigError is wrong usage: exit code 2."""
    try:
        yield
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def is_given(ctx: click.Context, parameter: str) -> bool:
    """Whether an option is on the command line, even with its default value."""
    return ctx.get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def several(option: str, parameter: str, help: str, *, type: Any = int, metavar: str = "N") -> Decorator:
    """An option that may be given more than once; the parameter is a tuple."""
    return click.option(option, parameter, type=type, multiple=True, metavar=metavar, help=help)


def config_option(item: Field[Any], parameter: str) -> Decorator:
    """The option of a field of a configuration; what is a tuple is a text with commas."""
    choices = item.metadata["choices"]
    default: Any = item.default
    several = isinstance(default, tuple)
    return click.option(
        option_of(item),
        parameter,
        type=click.Choice(choices) if choices else str if several else type(default),
        is_flag=isinstance(default, bool),
        default=",".join(default) if several else default,
        show_default=not isinstance(default, bool),
        help=f"{item.metadata['help'][0].upper()}{item.metadata['help'][1:]}.",
    )


def chosen_format(formats: Sequence[str], help: str) -> Decorator:
    """The option ``--format``: one of these, of which ``auto`` is the default."""
    return click.option("--format", type=click.Choice(formats), default="auto", show_default=True, help=help)


def table_options(command: Command) -> Command:
    """Adds the options that say which table of a file to read, and in which format it is."""
    table = "Of a file with several tables, the one that is meant: FITS HDU, TABLE of a VOTable, key of HDF5."
    type_ = "The format of the file, where its ending does not say it."
    command = click.option("--type", type=click.Choice(list(TYPES), case_sensitive=False), help=type_)(command)
    return click.option("--table", "--hdu", "table", metavar="NAME|NUMBER", help=table)(command)


@contextmanager
def input_path(file: str, type_: str | None) -> Iterator[tuple[str, str | None]]:
    """The path and the type of a file; ``-`` is standard input, which is copied to a file that can be read twice."""
    if file != "-":
        yield file, type_
        return
    with tempfile.TemporaryDirectory(prefix="ssdb-") as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        with called(str(path), STANDARD_INPUT):
            yield str(path), type_ or sniffed(path)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Prints a value as JSON: times in ISO 8601, bytes as hexadecimal text, NaN and infinities as null."""
    click.echo(_json(value))


def print_json_list(values: Iterable[Any]) -> None:
    """Prints values as a JSON list, each as soon as it comes."""
    before = "["
    for value in values:
        click.echo(f"{before}{_json(value)}", nl=False)
        before = ", "
    click.echo("[]" if before == "[" else "]")


def _json(value: Any) -> str:
    return json.dumps(_finite(value), default=as_text, allow_nan=False)


def _finite(value: Any) -> Any:
    # JSON has no NaN: programs refuse it.
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Prints names and values in two columns, numbers with thousands separated."""
    shown = [
        (name, f"{value:,}" if isinstance(value, int) else texts([name], [[value]])[0][0]) for name, value in pairs
    ]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        click.echo(f"{name:{width}}  {value}".rstrip())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table: numbers right-aligned and rounded for people, NULL as nothing."""
    rows = [list(row) for row in rows]
    cells_of_rows = texts(columns, rows)
    numeric = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(columns))]
    widths = [max([len(name), *(len(row[i]) for row in cells_of_rows)]) for i, name in enumerate(columns)]
    for line in [list(columns), ["-" * width for width in widths], *cells_of_rows]:
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


@contextmanager
def progress_bars(*labels: str) -> Iterator[list[Progress]]:
    """Bars on stderr, one after the other: for each label a function (done now, of all) that moves its bar.

    A single bar is there at once; one of several begins when it is first moved, and ends the one before. Where stderr
    is no terminal, nothing is shown.
    """
    hidden = not sys.stderr.isatty()
    with ExitStack() as stack:
        shown: dict[str, Any] = {}

        def begin(label: str) -> None:
            stack.close()
            shown.clear()
            bar = click.progressbar(length=0, label=label, file=sys.stderr, hidden=hidden, show_pos=True)
            shown[label] = stack.enter_context(bar)

        def move(label: str, done: int, of_all: int) -> None:
            if label not in shown:
                begin(label)
            shown[label].length = of_all
            shown[label].update(done)

        if len(labels) == 1:
            begin(*labels)
        yield [partial(move, label) for label in labels]


def by_reason(reasons: Iterable[tuple[Any, str]]) -> dict[str, list[Any]]:
    """Groups pairs of a thing and its reason by the reason."""
    found: dict[str, list[Any]] = {}
    for what, reason in reasons:
        found.setdefault(reason, []).append(what)
    return found


def tell_failures(lines: Iterable[str]) -> None:
    """Prints what failed on stderr; if anything did, the command ends with exit code 1."""
    failures = list(lines)
    for line in failures:
        click.echo(f"ssdb: {line}", err=True)
    if failures:
        raise click.exceptions.Exit(1)
