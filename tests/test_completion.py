"""Test the completion of names by IPython, as in its terminal and in notebooks."""

from __future__ import annotations

import pytest

import sunpy_helio_plugins

completer = pytest.importorskip("IPython.core.completer")
traitlets = pytest.importorskip("traitlets.config")


@pytest.fixture(scope="module")
def complete():
    """Return a function that completes a line, in a namespace with the package and sunpy's attrs."""
    from sunpy.net import attrs

    from sunpy_helio_plugins import conf, hapi, helioviewer, her, imap, sandbox, series

    names = {
        "a": attrs, "plugins": sunpy_helio_plugins, "conf": conf, "hapi": hapi, "imap": imap, "her": her,
        "helioviewer": helioviewer, "sandbox": sandbox, "series": series,
    }  # fmt: skip
    configuration = traitlets.Config({"IPCompleter": {"use_jedi": False}})
    made = completer.IPCompleter(shell=None, namespace=names, global_namespace={}, config=configuration)

    def completed(line: str) -> set[str]:
        with completer.provisionalcompleter():
            found = made.completions(line, len(line))
            return {line[: one.start] + one.text for one in found}

    return completed


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("plugins.check_f", "plugins.check_folder"),
        ("hapi.to_par", "hapi.to_parquet"),
        ("imap.to_sk", "imap.to_skymap"),
        ("helioviewer.seq", "helioviewer.sequence"),
        ("her.flar", "her.flares"),
        ("series.al", "series.align"),
        ("sandbox.sta", "sandbox.start"),
        ("conf.hapi.conn", "conf.hapi.connections"),
        ("a.hapi.Par", "a.hapi.Parameters"),
        ("a.imap.Ker", "a.imap.Kernel"),
        ("a.helioviewer.Sou", "a.helioviewer.SourceID"),
        ("a.her.fl_goes", "a.her.fl_goescls"),
        ("a.her.Lat", "a.her.Latest"),
        ("a.hapi.Server.cda", "a.hapi.Server.cdaweb"),
    ],
)
def test_ipython_completes_a_name(complete, line, name):
    assert name in complete(line)


@pytest.mark.parametrize("face", ["hapi", "imap", "helioviewer", "her", "series", "sandbox"])
def test_ipython_offers_exactly_the_public_names(complete, face):
    public = set(getattr(sunpy_helio_plugins, face).__all__)
    offered = {one.removeprefix(f"{face}.") for one in complete(f"{face}.")}
    assert {name for name in offered if not name.startswith("_")} == public


def test_ipython_completes_the_columns_of_a_search_result(complete, archive):
    from sunpy.net import Fido
    from sunpy.net import attrs as a

    table = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)["her"]
    assert "event_starttime" in table._ipython_key_completions_()


def test_ipython_completes_datasets_after_the_index_was_made(complete, archive, tmp_path):
    from sunpy_helio_plugins import conf, hapi

    with conf.set_temp("cache_dir", str(tmp_path)):
        hapi.update_index(progress=False)
        assert "a.hapi.Dataset.ac_h0_mfi" in complete("a.hapi.Dataset.ac_")
