"""Helioviewer of the sandbox."""

from __future__ import annotations

from sunpy_helio_plugins.sandbox.helioviewer.service import PREFIX, application

__all__ = ["PREFIX", "application"]
