"""How Sphinx builds the documentation: without a network, all code that it runs on the embedded archive."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from unittest import mock

# The examples write files; all of them, and the settings, are removed after the build.
_scratch = tempfile.TemporaryDirectory(prefix="sunpy-helio-plugins-docs-")
# sunpy reads its settings when it is imported, so they are set first. Fido reads its folder from this file only.
os.environ["SUNPY_CONFIGDIR"] = _scratch.name
Path(_scratch.name, "sunpyrc").write_text(f"[downloads]\ndownload_dir = {_scratch.name}\n", encoding="utf-8")
os.environ.setdefault("PARFIVE_HIDE_PROGRESS", "True")

import matplotlib.pyplot as plt
from astropy.utils import iers
from docutils import nodes
from IPython import InteractiveShell

iers.conf.auto_download = False

# -- Project ---------------------------------------------------------------------------------------------------------

project = "sunpy_helio_plugins"
author = "The sunpy_helio_plugins developers"
copyright = f"2026, {author}"
try:
    release = installed_version(project)
except PackageNotFoundError:  # built from a source tree that is not installed
    release = "0+unknown"
version = ".".join(release.split(".")[:2])

# -- Sphinx ----------------------------------------------------------------------------------------------------------

extensions = [
    "IPython.sphinxext.ipython_console_highlighting",
    "IPython.sphinxext.ipython_directive",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_automodapi.automodapi",
    "sphinx_automodapi.smart_resolver",
    "sphinx_changelog",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
default_role = "py:obj"
exclude_patterns = [
    "_build",
    # Sources of the gallery, which sphinx-gallery converts to pages in another folder, and its other output.
    "gallery/*",
    "tutorial/*",
    "generated/tutorial/index.rst",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]
source_suffix = {".rst": "restructuredtext"}

# Links to the documentation of other projects need a network; HELIO_DOCS_ONLINE=1 enables them. Everything else is
# built without a network.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "astropy": ("https://docs.astropy.org/en/stable/", None),
        "sunpy": ("https://docs.sunpy.org/en/stable/", None),
        "parfive": ("https://parfive.readthedocs.io/en/stable/", None),
        "requests": ("https://requests.readthedocs.io/en/stable/", None),
    }
    if os.environ.get("HELIO_DOCS_ONLINE")
    else {}
)

# -- Reference -------------------------------------------------------------------------------------------------------

automodapi_toctreedirnm = "generated/api"
automodapi_inheritance_diagram = False
automodsumm_inherited_members = False
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# -- Tutorial and gallery --------------------------------------------------------------------------------------------

# Ignore warnings of sunpy and its dependencies that a reader of an example cannot change.
warnings.filterwarnings("ignore", message="unclosed event loop", category=ResourceWarning)

sphinx_gallery_conf = {
    "examples_dirs": ["tutorial", "gallery"],
    "gallery_dirs": ["generated/tutorial", "gallery_built"],
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "min_reported_time": 0,
    "write_computation_times": False,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "plot_gallery": "True",
}

# -- How-to pages ----------------------------------------------------------------------------------------------------

ipython_savefig_dir = "generated/figures"
ipython_execlines = []  # a page imports all that it uses


class _Pages:
    """Run each page with code in a folder, a namespace and an embedded archive of its own, and restore all settings."""

    def __init__(self) -> None:
        self._opened = contextlib.ExitStack()

    def begin(self, app, docname, source) -> None:
        if ".. ipython::" not in source[0]:
            return
        from sunpy_helio_plugins import conf, sandbox

        enter = self._opened.enter_context
        # Tables are as wide as the text of a page.
        enter(mock.patch.dict(os.environ, {"COLUMNS": "100", "LINES": "25"}))
        # Databases may still be open, which cannot be removed everywhere.
        folder = enter(tempfile.TemporaryDirectory(dir=_scratch.name, ignore_cleanup_errors=True))
        enter(contextlib.chdir(folder))
        enter(plt.rc_context())
        for section in (conf, conf.hapi, conf.imap, conf.helioviewer, conf.her):
            self._opened.callback(section.reset)
        enter(sandbox.serve())
        # The archive turns the cache off, which other archives would use; this page has one of its own.
        conf.cache_dir, conf.cache = str(Path(folder, "cache")), True
        self._opened.callback(plt.close, "all")

    def end(self, app, doctree) -> None:
        for image in doctree.findall(nodes.image):
            if ipython_savefig_dir in image["uri"]:
                image.setdefault("alt", "The figure that this code makes.")
        if InteractiveShell.initialized():
            InteractiveShell.instance().reset()
        self._opened.close()


# -- HTML ------------------------------------------------------------------------------------------------------------

html_theme = "sunpy"
html_theme_options = {
    "footer_links": [],
    "goatcounter_analytics_url": False,
    "rtd_search": False,
    "sst_is_root": True,
}
html_title = "sunpy_helio_plugins"
html_copy_source = False
ogp_social_cards = {"enable": False}
copybutton_prompt_text = r">>> |\.\.\. |\$ |In \[\d+\]: | +\.{3,}: "
copybutton_prompt_is_regexp = True

# -- The small archive of the development guide ----------------------------------------------------------------------


def _run_small_archive(app) -> None:
    """Run the example, in a process of its own since its client registers itself, and keep its output for the page."""
    folder = Path(app.srcdir, "dev", "small_archive")
    command = [sys.executable, "-W", "ignore", str(folder / "run.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    output = Path(app.srcdir, "generated", "small_archive.txt")
    output.parent.mkdir(exist_ok=True)
    output.write_text(done.stdout, encoding="utf-8")


def setup(app) -> None:
    """Run the example before the pages are read, and the code of each page while it is read."""
    app.connect("builder-inited", _run_small_archive)
    pages = _Pages()
    app.connect("source-read", pages.begin)
    app.connect("doctree-read", pages.end)
