"""The demonstration shows what the README promises."""

from __future__ import annotations

from sunpy_helio_plugins import demo


def test_the_demonstration_searches_fetches_prints_and_draws(tmp_path, capsys):
    demo.main([str(tmp_path)])
    said = capsys.readouterr().out
    for client in ("HAPIClient", "IMAPClient", "HelioviewerClient", "HERClient"):
        assert f"Results from the {client}" in said
    for reader in ("QTable.read(", "TimeSeries(", "imap.read(", "Map("):
        assert f"=== {reader}" in said
    assert "could not be shown" not in said
    assert "3 coronal holes and 12 reports of flares" in said
    for figure in ("solar-wind.png", "sun-with-events.png"):
        assert (tmp_path / figure).stat().st_size > 20_000
    assert {path.suffix for path in (tmp_path / "data").iterdir()} == {".hapi", ".cdf", ".jp2"}


def test_one_dead_archive_does_not_end_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "_show_wind", lambda files, folder: None)

    def fail(name, query):
        with demo._reported(name):
            raise OSError("nobody is there")

    monkeypatch.setattr(demo, "_search", fail)
    demo.main([str(tmp_path)])
    assert "HAPI could not be shown: nobody is there" in capsys.readouterr().out
