"""Test the main command: help, exit codes, pipes, interruptions, warnings and secrets."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sunpy_helio_plugins
from sunpy_helio_plugins import errors, hapi, imap
from sunpy_helio_plugins.cli.command import Command, Group, Root, Run, current_run, one_line
from sunpy_helio_plugins.cli.main import command, main
from sunpy_helio_plugins.cli.output import Output, show_value
from sunpy_helio_plugins.sandbox.imap import service


def commands(group=command, path="sunpy-helio"):
    """Yield all commands with their paths."""
    for name, one in group.commands.items():
        yield f"{path} {name}", one
        if isinstance(one, click.Group):
            yield from commands(one, f"{path} {name}")


EVERY = dict(commands())


def failing(error):
    """Return a command line of one command that raises an error, and click's result."""

    @click.command("fail", cls=Command)
    def fail():
        raise error

    group = Root("sunpy-helio", commands={"fail": fail})
    return lambda *words: CliRunner().invoke(group, [*words, "fail"])


class TestHelp:
    @pytest.mark.parametrize("path", EVERY)
    def test_every_command_has_examples_that_are_its_own(self, run, path):
        assert EVERY[path].examples
        said = run(f"{path.removeprefix('sunpy-helio ')} --help").stdout
        assert "Examples:" in said
        assert all(line in said for line in EVERY[path].examples)
        assert any(path in line for line in EVERY[path].examples)

    @pytest.mark.parametrize("path", EVERY)
    def test_every_command_and_option_is_explained(self, path):
        assert EVERY[path].help
        options = [one for one in EVERY[path].params if isinstance(one, click.Option)]
        assert [one.name for one in options if not one.help] == []

    @pytest.mark.parametrize("path", EVERY)
    def test_every_command_takes_the_levels(self, path):
        assert {"quiet", "verbose", "debug"} <= {one.name for one in EVERY[path].params}

    def test_neither_help_nor_completion_imports_what_takes_long(self):
        code = (
            "import sys\n"
            "from sunpy_helio_plugins.cli.main import command, main\n"
            "from click.testing import CliRunner\n"
            "for line in (['--help'], ['imap', 'query', '--help'], ['hapi', 'data', '--help'], ['--version']):\n"
            "    assert CliRunner().invoke(command, line).exit_code == 0\n"
            "env = {'_SUNPY_HELIO_COMPLETE': 'bash_complete', 'COMP_WORDS': 'sunpy-helio imap query --instrument m',"
            " 'COMP_CWORD': '4'}\n"
            "done = CliRunner().invoke(command, [], env=env, prog_name='sunpy-helio')\n"
            "print(done.stdout.split(), {'sunpy', 'astropy', 'numpy'} & set(sys.modules))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "['plain,mag'] set()\n"


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("", "hapi"),
            ("imap ", "query"),
            ("imap query --data-level l0,l1", "l0,l1a"),
            ("imap kernels 20260110 --type att", "attitude_history"),
            ("imap query --out", "--output-format"),
            ("hapi catalog cda", "cdaweb"),
        ],
    )
    def test_words_are_completed(self, monkeypatch, words, expected):
        line = f"sunpy-helio {words}"
        env = {
            "_SUNPY_HELIO_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1),
        }  # fmt: skip
        done = CliRunner().invoke(command, [], env=env, prog_name="sunpy-helio")
        assert f"plain,{expected}" in done.stdout.split()

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_of_each_shell_is_printed(self, monkeypatch, shell):
        monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda *args: None)
        env = {"_SUNPY_HELIO_COMPLETE": f"{shell}_source"}
        assert "sunpy-helio" in CliRunner().invoke(command, [], env=env, prog_name="sunpy-helio").stdout


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code", "said"),
        [
            (errors.QueryError("No."), 2, "Error: No."),
            (errors.CoverageError("Nothing."), 3, "Error: Nothing."),
            (errors.SettingError("No."), 2, "Error: No."),
            (errors.MissingDependencyError("It", "x"), 2, "Error: It needs packages that are missing"),
            (errors.FileError("Damaged."), 3, "Error: Damaged."),
            (errors.ServiceUnreachable("HER", "http://x", "refused"), 3, "Error: HER: refused [asked: http://x]"),
            (errors.TransferError("Cut."), 3, "Error: Cut."),
            (errors.disk_error(OSError(28, ""), "/x"), 3, "Error: /x cannot be written: the disk is full"),
            (errors.disk_error(OSError(30, ""), "/x"), 3, "Error: /x cannot be written: the disk is read-only"),
            (errors.disk_error(OSError(2, ""), "/x"), 2, "Error: /x cannot be written: its folder does not exist"),
            (OSError(28, "No space left on device", "/y"), 3, "Error: /y cannot be read or written: the disk is full"),
            (ZeroDivisionError("by zero"), 3, "Error: ZeroDivisionError: by zero (this should not happen"),
            (click.UsageError("Wrong"), 2, "Error: Wrong; see sunpy-helio fail --help."),
            (click.UsageError("Did you mean x?"), 2, "Error: Did you mean x? See sunpy-helio fail --help."),
            (KeyboardInterrupt(), 130, "Interrupted."),
            (BrokenPipeError(), 141, ""),
        ],
    )
    def test_every_error_is_a_sentence_and_a_code(self, error, code, said):
        result = failing(error)()
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.strip().startswith(said)
        assert "Traceback" not in result.stderr
        assert len(result.stderr.strip().splitlines()) == bool(said)

    def test_tracebacks_are_for_debugging(self):
        result = failing(errors.QueryError("No."))("--debug")
        assert result.exit_code == 2
        assert "Traceback" in result.stderr
        assert result.stderr.endswith("Error: No.\n")

    def test_a_result_without_problems_is_whole(self, run):
        assert run("cache path").exit_code == 0

    def test_words_of_servers_cannot_control_the_terminal(self):
        result = failing(errors.ServiceRefused("HER", "http://x", "\x1b[2J\x07bad\nline\x9b1m"))()
        assert result.stderr == "Error: HER: \ufffd[2J\ufffdbad line\ufffd1m [asked: http://x]\n"

    @pytest.mark.parametrize("words", ["", "imap", "her"])
    def test_a_group_alone_is_wrong_use(self, run, words):
        assert run(words).exit_code == 2

    @pytest.mark.parametrize(("word", "meant"), [("hapy", "hapi"), ("helio", "helioviewer"), ("signin", "sign-in")])
    def test_close_commands_are_suggested(self, run, word, meant):
        assert meant in run(word).stderr.partition("Did you mean")[2]

    def test_the_version_is_printed(self, run):
        assert run("--version").stdout.startswith("sunpy-helio ")


class TestRun:
    def test_warnings_of_missing_parts_are_problems(self):
        @click.command("warn", cls=Command)
        def warn():
            errors.warn_incomplete("The second half is missing.")
            warnings.warn("Something else.", UserWarning, stacklevel=1)
            click.echo("rows")

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            result = CliRunner().invoke(Root("sunpy-helio", commands={"warn": warn}), ["warn"])
            quiet = CliRunner().invoke(Root("sunpy-helio", commands={"warn": warn}), ["warn", "-q"])
        assert (result.exit_code, result.stdout) == (1, "rows\n")
        assert result.stderr == "Warning: Something else.\nMissing: The second half is missing.\n"
        assert (quiet.exit_code, quiet.stderr) == (1, "Missing: The second half is missing.\n")

    def test_a_warning_that_repeats_a_problem_is_told_once(self):
        run = Run(problems=["One is missing."], warned=["One is missing. Two is missing.", "Another file is cut."])
        assert run.missing == ["One is missing.", "Another file is cut."]

    def test_problems_are_those_of_tables_and_of_their_meta(self):
        from astropy.table import Table

        run = Run()
        run.add(Table(meta={"problems": ["a"], "notes": ["b"]}))
        run.add(imap.Synced(errors=[], notes=["c"]))
        assert (run.problems, run.notes) == (["a"], ["b", "c"])

    def test_progress_is_for_terminals(self, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        assert Run().shows_progress
        assert not Run(quiet=True).shows_progress
        monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
        assert not Run().shows_progress

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], []),
            (["-v"], ["INFO sunpy_helio_plugins.transport: waiting"]),
            (
                ["--debug", "-v"],
                ["DEBUG sunpy_helio_plugins.transport: one request", "INFO sunpy_helio_plugins.transport: waiting"],
            ),
        ],
    )
    def test_the_log_of_the_package_is_written_while_it_runs(self, words, said):
        @click.command("log", cls=Command)
        def log():
            own = logging.getLogger("sunpy_helio_plugins.transport")
            own.debug("one request")
            own.info("waiting")
            own.warning("what is missing is told at the end")

        logger = logging.getLogger("sunpy_helio_plugins")
        before = logger.handlers.copy(), logger.propagate, logger.level
        result = CliRunner().invoke(Root("sunpy-helio", commands={"log": log}), ["log", *words])
        assert result.stderr.splitlines() == said
        assert (logger.handlers, logger.propagate, logger.level) == before

    def test_the_log_of_parfive_does_not_repeat_what_is_missing(self):
        seen = []
        group = Root("sunpy-helio")
        group.command("log")(lambda: seen.append(logging.getLogger("parfive").disabled))
        assert CliRunner().invoke(group, ["log"]).exit_code == 0
        assert seen == [True]
        assert not logging.getLogger("parfive").disabled

    @pytest.mark.parametrize("name", ["astropy", "sunpy", "matplotlib.font_manager"])
    def test_the_logs_of_other_packages_are_silent(self, name):
        @click.command("log", cls=Command)
        def log():
            logging.basicConfig(level=logging.INFO)
            logging.getLogger(name).warning("a record")
            logging.getLogger(name).info("a remark")

        root = logging.getLogger()
        before = root.handlers.copy()
        result = CliRunner().invoke(Root("sunpy-helio", commands={"log": log}), ["log"])
        assert (result.exit_code, result.output) == (0, "")
        assert root.handlers == before
        assert not logging.getLogger(name).disabled

    def test_an_error_that_repeats_a_warning_is_told_once(self):
        @click.command("load", cls=Command)
        def load():
            errors.warn_incomplete("ACE covers 1997 to 2026.")
            raise errors.QueryError("There is nothing to load: ACE covers 1997 to 2026.")

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            result = CliRunner().invoke(Root("sunpy-helio", commands={"load": load}), ["load"])
        assert result.stderr == "Error: There is nothing to load: ACE covers 1997 to 2026.\n"

    def test_files_that_failed_are_told_once(self):
        class IncompleteFetchWarning(UserWarning):
            pass

        def warn(*failures):
            text = "2 of 3 files could not be downloaded; the first: HER: refused. See the errors of the results."
            warnings.warn(text, IncompleteFetchWarning, stacklevel=1)
            for text in failures[1:]:
                current_run().problems.append(text)
            if failures:
                raise errors.TransferError(failures[0])
            current_run().problems.append("HER: refused.")

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            group = Root("sunpy-helio")
            group.command("partly")(warn)
            group.command("nothing")(lambda: warn("HER: refused.", "HER: gone."))
            partly, nothing = (CliRunner().invoke(group, [word]) for word in ("partly", "nothing"))
        assert (partly.exit_code, partly.stderr) == (1, "Missing: HER: refused.\n")
        assert (nothing.exit_code, nothing.stderr) == (3, "Missing: HER: gone.\nError: HER: refused.\n")

    def test_one_line_is_one_line(self):
        assert one_line("a\n  b\x1b[1m") == "a b\ufffd[1m"

    def test_a_run_outside_of_main_has_its_own_state(self):
        with click.Context(click.Command("x")):
            assert current_run().missing == []

    def test_groups_within_groups_have_the_same_behaviour(self):
        group = Group("outer")
        assert isinstance(group.group("inner")(lambda: None), Group)


SECRETS = {"key": "canary-key-7cb1f0e2", "id": "canary-client-1f3a", "secret": "canary-secret-99d0c4"}


class TestSecrets:
    @pytest.mark.parametrize(
        "line",
        [
            "imap --api-key {key} --debug query --instrument mag",
            "imap --api-key {key} --data-dir . --debug download imap_mag_l2_norm-gse_20260110_v001.0002.cdf",
            "--debug imap --api-key {key} sync files --instrument mag --recent 30000 --json",
            "hapi token --debug -s -i {id} -x {secret}",
        ],
    )
    def test_a_debug_run_contains_none(self, archive, run, line):
        result = run(line.format(**SECRETS))
        assert result.exit_code == 3
        assert "Traceback" in result.stderr
        assert [one for one in ("key", "secret") if SECRETS[one] in result.output] == []

    def test_nor_does_one_whose_error_repeats_it(self, archive, run, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError(f"key {SECRETS['key']}")

        monkeypatch.setattr(imap, "rows", fail)
        result = run(f"imap --api-key {SECRETS['key']} --debug query --instrument mag")
        assert result.exit_code == 3
        assert SECRETS["key"] not in result.output

    def test_nor_does_one_with_a_key_of_the_environment(self, archive, run, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", SECRETS["key"])
        result = run("imap --debug query --instrument mag")
        assert result.exit_code == 3
        assert SECRETS["key"] not in result.output

    def test_a_key_of_the_command_line_does_not_outlive_it(self, archive, run):
        assert run(f"imap --api-key {service.API_KEY} query --instrument mag").exit_code == 0
        archive.log.clear()
        assert run("imap query --instrument mag").exit_code == 0
        assert [request.path for request in archive.log] == ["/imap/query"]

    def test_help_does_not_show_values_of_the_environment(self, run, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", SECRETS["key"])
        assert SECRETS["key"] not in run("imap --help").output


class TestProcess:
    """The few cases that need a process of their own."""

    def test_a_pipe_that_is_closed_ends_it_quietly(self):
        code = (
            "import click, sys\n"
            "from sunpy_helio_plugins.cli.command import Command, Root\n"
            "@click.command('many', cls=Command)\n"
            "def many():\n"
            "    for number in range(10**6):\n"
            "        print(number)\n"
            "Root('sunpy-helio', commands={'many': many}).main(['many'])\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"0\n"
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 141

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system does not have /dev/full")
    def test_a_full_disk_behind_standard_output_is_told(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "sunpy_helio_plugins", "--version"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == 3
        assert done.stderr.startswith("Error: The output cannot be read or written: the disk is full")
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.skipif(os.name != "posix", reason="the shell of this system cannot close standard output")
    def test_standard_output_that_is_closed_is_told(self):
        line = f"'{sys.executable}' -m sunpy_helio_plugins cache path >&-"
        done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 3
        assert done.stderr == "Error: The output cannot be read or written: standard output is closed.\n"

    def test_a_failure_is_told_once(self, archive):
        """Other packages take warnings and add handlers when they are imported, which they are in this process."""
        words = ["--sandbox", archive.url, "-q", "her", "show", "ivo://helio-informatics.org/NOSUCH"]
        line = [sys.executable, "-m", "sunpy_helio_plugins", *words]
        done = subprocess.run(line, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (3, "")
        (said,) = done.stderr.splitlines()
        assert said.startswith("Error: ")
        assert "no event with ivorn" in said

    def test_ctrl_c_ends_it_with_its_code(self):
        code = (
            "import click, sys, time\n"
            "from sunpy_helio_plugins.cli.command import Command, Root\n"
            "@click.command('wait', cls=Command)\n"
            "def wait():\n"
            "    print('waiting', flush=True)\n"
            "    time.sleep(60)\n"
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "Root('sunpy-helio', commands={'wait': wait}).main(['wait'])\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"waiting\n"
            process.send_signal(signal.SIGINT)
            assert process.stderr.read().strip() == b"Interrupted."
        assert process.returncode == 130


def test_the_command_is_installed_under_its_name():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    module, name = project["scripts"]["sunpy-helio"].split(":")
    assert getattr(sys.modules[module], name) is main


def test_the_command_as_a_module(capsys, monkeypatch):
    import runpy

    monkeypatch.setattr(sys, "argv", ["x", "--help"])
    with pytest.raises(SystemExit, match="0"):
        # By its path: the import hook of pytest cannot run the modules of packages with plugins.
        runpy.run_path(str(Path(sunpy_helio_plugins.__file__).with_name("__main__.py")), run_name="__main__")
    assert capsys.readouterr().out.startswith("Usage: python -m sunpy_helio_plugins ")


def test_json_documents_have_a_version(archive, run):
    found = json.loads(run("hapi catalog cdaweb --json").stdout)
    assert found["version"] == 1
    assert [row["id"] for row in found["rows"]] == list(hapi.catalog("cdaweb")["id"])


class TestOtherCallers:
    def test_a_python_program_gets_results_and_errors(self):
        """As click's own commands, without an exit of the process."""

        @click.command("count", cls=Command)
        def count():
            return 7

        group = Root("sunpy-helio", commands={"count": count})
        assert group.main(["count"], standalone_mode=False, obj=Run()) == 7
        with pytest.raises(click.UsageError):
            group.main(["cuont"], standalone_mode=False, obj=Run())

    def test_a_standard_output_that_is_closed_is_an_error(self, monkeypatch, capsys):
        @click.command("write", cls=Command)
        def write():
            sys.stdout.write("lost")

        monkeypatch.setattr(sys, "stdout", None)
        with pytest.raises(SystemExit) as ended:
            Root("sunpy-helio", commands={"write": write}).main(["write"])
        monkeypatch.undo()
        assert ended.value.code == 3
        assert capsys.readouterr().err.startswith("Error: The output cannot be read or written: ")

    def test_a_command_without_examples_has_no_heading_for_them(self):
        said = CliRunner().invoke(Command("plain", help="It is plain."), ["--help"], prog_name="plain").stdout
        assert "It is plain." in said
        assert "Examples" not in said

    @pytest.mark.parametrize(("words", "told"), [([], False), (["--verbose"], True)])
    def test_leap_seconds_of_far_years_are_told_on_request(self, words, told):
        from erfa import ErfaWarning

        @click.command("far", cls=Command)
        def far():
            warnings.warn("dubious year", ErfaWarning, stacklevel=1)
            warnings.warn("another one", UserWarning, stacklevel=1)

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            done = CliRunner().invoke(Root("sunpy-helio", commands={"far": far}), ["far", *words])
        assert ("Warning: dubious year" in done.stderr) == told
        assert "Warning: another one" in done.stderr

    def test_a_result_without_text_prints_nothing(self):
        @click.command("silent", cls=Command)
        def silent():
            show_value({}, "", Output("table"))

        done = CliRunner().invoke(Root("sunpy-helio", commands={"silent": silent}), ["silent"])
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
