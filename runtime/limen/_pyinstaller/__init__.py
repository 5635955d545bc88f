"""Hooks for programs that PyInstaller freezes; it finds them by itself, through the entry point
`pyinstaller40`
(https://pyinstaller.org/en/stable/hooks.html#providing-pyinstaller-hooks-with-your-package).

Deciding needs none: every import stands in the code. They bring files along that are read by name,
and keep out what only an environment for training has.
"""

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folders with hooks."""
    return [str(Path(__file__).parent)]
