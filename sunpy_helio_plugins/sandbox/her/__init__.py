"""The events registry of the sandbox."""

from __future__ import annotations

from sunpy_helio_plugins.sandbox.her.service import PREFIX, application

__all__ = ["PREFIX", "application"]
