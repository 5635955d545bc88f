"""Hooks that PyInstaller finds by itself, through the entry point `pyinstaller40`
(https://pyinstaller.org/en/stable/hooks.html#providing-pyinstaller-hooks-with-your-package).
"""

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folders with hooks."""
    return [str(Path(__file__).parent)]
