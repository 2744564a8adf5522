"""
Commands, the state of a run, and its exit code.

The exit codes are

- 0: everything that was asked for is here (this may be nothing);
- 1: a part of it is missing, and standard error names the part and the reason;
- 2: wrong use: a word, a value or a file that is not allowed; nothing was sent;
- 3: nothing came: the archive did not respond, it refused, the dataset does not cover the time, or the output could not
  be written;
- 4: another run holds the lock of the folder;
- 130: interrupted by Ctrl-C; 141: the reader of a pipe closed it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import click

__all__ = [
    "INTERRUPTED", "LOCKED", "NOTHING", "PARTLY", "WHOLE", "WRONG_USE", "Command", "Group", "Root", "Run", "WrongUse",
    "current_run", "one_line",
]  # fmt: skip

WHOLE, PARTLY, WRONG_USE, NOTHING, LOCKED, INTERRUPTED, CLOSED = 0, 1, 2, 3, 4, 130, 141
"""The exit codes."""

_PACKAGE = "sunpy_helio_plugins"

_MEANT_WRONGLY = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}
)
"""Numbers of the system's errors for a path that does not exist or is not of the right kind."""


class WrongUse(click.ClickException):
    """A value that is not allowed, which is found before anything is sent."""

    exit_code = WRONG_USE


@dataclass
class Run:
    """
    What one run of the command was told, and what is missing from its result.

    Attributes
    ----------
    quiet : bool
        Whether only errors and missing parts are told on standard error.
    verbose, debug : bool
        Whether waits and retries, or also requests and tracebacks are told.
    problems : list of str
        Missing parts; any of them makes the exit code 1.
    notes : list of str
        Remarks on a complete result.
    warned : list of str
        Warnings of missing parts, most of which repeat the problems of a table.
    secrets : list of str
        Keys and passwords of the command line, which are removed from everything that is printed about errors.
    """

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list, repr=False)

    @property
    def shows_progress(self) -> bool:
        """Whether progress bars are drawn: on a terminal only."""
        return sys.stderr is not None and sys.stderr.isatty() and not self.quiet

    def add(self, result: Any) -> None:
        """Take over the problems and notes of a table or another result."""
        meta = getattr(result, "meta", None) or {}
        for name, texts in (("problems", self.problems), ("notes", self.notes)):
            given = getattr(result, name, None) or (meta.get(name) if hasattr(meta, "get") else None) or ()
            texts += [str(one) for one in given if str(one) not in texts]

    @property
    def missing(self) -> list[str]:
        """The missing parts, each once: a warning joins the first problems of a table in one text."""
        alone = [text for text in self.warned if not any(one.rstrip(".") in text for one in self.problems)]
        return list(dict.fromkeys([*self.problems, *alone]))

    def say(self, text: str) -> None:
        """Print a line for people on standard error, unless the run is quiet."""
        if not self.quiet:
            click.echo(one_line(text), err=True)

    def tell(self) -> int:
        """Print what is missing and the remarks on standard error, and return the exit code."""
        missing = self.missing
        for text in missing:
            click.echo(f"Missing: {one_line(text)}", err=True)
        for text in self.notes:
            self.say(f"Note: {text}")
        return PARTLY if missing else WHOLE


def current_run() -> Run:
    """Return the state of this run."""
    return click.get_current_context().ensure_object(Run)


def one_line(text: object) -> str:
    """Return a text on one line, without the control characters that a terminal would obey."""
    words = " ".join(str(text).split())
    return words if words.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in words)


def _level_options() -> list[click.Option]:
    return [
        _flag(("-q", "--quiet"), "quiet", "Show errors and missing parts only."),
        _flag(("-v", "--verbose"), "verbose", "Log waits and retries."),
        _flag(("--debug",), "debug", "Log every request, and show tracebacks of errors."),
    ]


def _flag(words: tuple[str, ...], name: str, text: str) -> click.Option:
    def remember(context: click.Context, _: click.Parameter, is_given: bool) -> None:
        if is_given:
            run = context.ensure_object(Run)
            setattr(run, name, True)
            _log_to_stderr(run)

    return click.Option(words, is_flag=True, expose_value=False, is_eager=True, callback=remember, help=text)


class _Log(logging.StreamHandler[TextIO]):
    """Writes requests and waits to standard error; what is missing is told at the end of the run."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.addFilter(lambda record: record.levelno < logging.WARNING)


def _log_to_stderr(run: Run) -> None:
    """Let the logger of this package write to standard error."""
    logger = logging.getLogger(_PACKAGE)
    if run.debug or run.verbose:
        if not any(isinstance(one, _Log) for one in logger.handlers):
            logger.addHandler(_Log())
        logger.setLevel(logging.DEBUG if run.debug else logging.INFO)


@contextlib.contextmanager
def _kept_log() -> Iterator[None]:
    """
    Keep what is missing, which is told at the end of the run, out of the log within the block.

    Other packages give handlers to the root logger, unless it has one, and parfive's logger repeats what is missing.
    """
    logger, other, root = logging.getLogger(_PACKAGE), logging.getLogger("parfive"), logging.getLogger()
    before = logger.handlers.copy(), logger.propagate, logger.level
    was_disabled, other.disabled = other.disabled, True
    logger.propagate = False
    silent = logging.NullHandler()
    root.addHandler(silent)
    try:
        yield
    finally:
        root.removeHandler(silent)
        other.disabled = was_disabled
        logger.handlers[:], logger.propagate = before[:2]
        logger.setLevel(before[2])


@contextlib.contextmanager
def _silent_loggers() -> Iterator[None]:
    """
    Silence the loggers of astropy and sunpy within the block.

    Both are imported first: each of them takes all warnings when it is imported.
    """
    import astropy
    import sunpy

    loggers = (astropy.log, sunpy.log)
    before = [one.disabled for one in loggers]
    for one in loggers:
        one.disabled = True
    try:
        yield
    finally:
        for one, was_disabled in zip(loggers, before, strict=True):
            one.disabled = was_disabled


class _Documented:
    """Adds examples to the help of a command."""

    examples: Sequence[str] = ()

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the names of the option for help; click remembers those of the first context, however it was made."""
        return ["-h", "--help"]


_CONTEXT = {"max_content_width": 100}


class Command(_Documented, click.Command):
    """A command with ``--quiet``, ``--verbose``, ``--debug`` and examples in its help."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", _CONTEXT)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params += _level_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it warns of is told by the run, and not by the loggers of other packages."""
        with _silent_loggers(), _told_warnings(ctx.ensure_object(Run)):
            return super().invoke(ctx)


class Group(_Documented, click.Group):
    """A group of commands; close names are suggested for one that does not exist."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", _CONTEXT)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params += _level_options()

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the first word."""
        if args and not args[0].startswith("-") and self.get_command(context, args[0]) is None:
            raise click.UsageError(self.refusal(context, args[0]), context)
        return super().resolve_command(context, args)

    def refusal(self, context: click.Context, word: str) -> str:
        """Return the sentence for a word that is not a command."""
        from difflib import get_close_matches

        known = self.list_commands(context)
        near = get_close_matches(word.lower(), known, n=2)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        return f"There is no command {word!r}; the commands are: {', '.join(known)}.{meant}"


Group.group_class = Group


class Root(Group):
    """The main command: it turns every error into one sentence and an exit code."""

    def main(self, args: Sequence[str] | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Run the command, and exit with its code."""
        if not kwargs.pop("standalone_mode", True):
            return super().main(args, standalone_mode=False, **kwargs)
        run = Run()
        if sys.stdout is None:
            sys.stdout = _Closed()
        with _told_warnings(run), _kept_log():
            code = _guarded(run, lambda: super(Root, self).main(args, standalone_mode=False, obj=run, **kwargs))
        sys.exit(code)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; a closed pipe is not left to click, whose exit code would be that of a missing part."""
        try:
            result = super().invoke(context)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _PipeClosedError from error
        return result


class _Closed(io.TextIOBase):
    """Standard output that was closed before the start: nothing can be written to it."""

    def write(self, text: str) -> int:
        """Raise the error of a file that is not open."""
        raise OSError(errno.EBADF, "standard output is closed")


class _PipeClosedError(Exception):
    """The reader of a pipe closed it."""


def _guarded(run: Run, work: Callable[[], Any]) -> int:
    """Do the work of a run and return its exit code; print one sentence for an error."""
    try:
        code = work()
        told = run.tell()
    except _PipeClosedError:
        _discard_output()
        return CLOSED
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place that can turn an error into a sentence
        return _reported(run, error)
    return code if isinstance(code, int) and code else told


def _reported(run: Run, error: Exception) -> int:
    """Print an error as one sentence, and return its exit code."""
    if run.debug:
        click.echo(_without_secrets(run, "".join(traceback.format_exception(error))), err=True, nl=False)
    if isinstance(error, OSError):
        _discard_output()
    text, code = _described(error)
    for one in run.missing:
        if str(error).rstrip(".") not in one and one.rstrip(".") not in str(error):
            click.echo(f"Missing: {one_line(one)}", err=True)
    click.echo(f"Error: {one_line(_without_secrets(run, text))}", err=True)
    return code


_SECRET_VARIABLES = ("IMAP_API_KEY", "IMAP_ACCESS_TOKEN", "IMAP_WEBPODA_TOKEN", "SWE_CLIENT_SECRET", "HEK_PASSWORD")


def _without_secrets(run: Run, text: str) -> str:
    """Return a text without the secrets of this run: a traceback contains the messages of other packages too."""
    from sunpy_helio_plugins.errors import printable
    from sunpy_helio_plugins.transport.secrets import Hidden, Secret

    given = [*run.secrets, *(os.environ.get(name, "") for name in _SECRET_VARIABLES)]
    known = [Secret(one) for one in given if one.strip() and one.strip().isprintable()]
    return printable(Hidden(known).text(text))


def _discard_output() -> None:
    """Send what is still buffered to nowhere, so that Python does not report the closed pipe at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def _code(error: Exception) -> int:
    """Return the exit code of an error of this package."""
    from sunpy_helio_plugins import errors

    if isinstance(error, errors.LockedError):
        return LOCKED
    if isinstance(error, errors.DiskError):
        return WRONG_USE if error.errno in _MEANT_WRONGLY else NOTHING
    if isinstance(error, errors.CoverageError):
        return NOTHING
    is_meant = isinstance(error, errors.QueryError | errors.SettingError | errors.MissingDependencyError)
    return WRONG_USE if is_meant else NOTHING


def _described(error: Exception) -> tuple[str, int]:
    """Return the sentence and the exit code of an error."""
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "sunpy-helio"
        text = error.format_message()
        end = f" See {path} --help." if text.endswith("?") else f"; see {path} --help."
        return f"{text.rstrip('.')}{end}", WRONG_USE
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    from sunpy_helio_plugins import errors

    if isinstance(error, errors.HelioPluginsError):
        return str(error), _code(error)
    if isinstance(error, OSError) and error.errno is not None:
        path = error.filename if isinstance(error.filename, str) else "The output"
        return str(errors.disk_error(error, path, "read or written")), NOTHING
    return f"{type(error).__name__}: {error} (this should not happen; --debug shows where)", NOTHING


@contextlib.contextmanager
def _told_warnings(run: Run) -> Iterator[None]:
    """Collect warnings of missing parts, and print the others as one line each, within the block."""
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *_: Any) -> None:
        if category.__name__ in ("IncompleteAnswerWarning", "IncompleteFetchWarning"):
            run.warned.append(str(message))
        elif category.__name__ != "ErfaWarning" or run.verbose:  # leap seconds of far years are not known yet
            run.say(f"Warning: {message}")

    warnings.showwarning = show  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = before
