"""The IMAP Science Data Center of the sandbox."""

from __future__ import annotations

from sunpy_helio_plugins.sandbox.imap.service import PREFIX, application

__all__ = ["PREFIX", "application"]
