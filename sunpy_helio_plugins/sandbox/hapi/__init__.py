"""HAPI servers of the sandbox."""

from __future__ import annotations

from sunpy_helio_plugins.sandbox.hapi.service import PREFIX, application

__all__ = ["PREFIX", "application"]
