"""How large wheels are: fetched with pip, or estimated for an editable install.

Standard library only: it runs in Pythons that have nothing of limen.
"""

import importlib.util
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import Distribution
from pathlib import Path
from time import monotonic


def wheel_bytes(
    wanted: Sequence[tuple[str, str]], seconds: float
) -> tuple[dict[str, int], dict[str, str]]:
    """Fetch wheels and return their sizes.

    All at once, because pip starts slowly; what that leaves out, one by one, so that one that is
    on no index does not cost the others.

    Args:
        wanted: normalised name and version.
        seconds: how long pip may take, in all.

    Returns:
        Bytes by name, and for a name that is absent there, why.
    """
    if importlib.util.find_spec("pip") is None:
        return {}, {name: "no pip in this environment" for name, _ in wanted}
    end = monotonic() + seconds
    sizes: dict[str, int] = {}
    notes: dict[str, str] = {}
    if wanted:
        sizes, _ = _fetched(wanted, seconds)
    for name, version in wanted:
        if name in sizes:
            continue
        if (left := end - monotonic()) <= 0:
            notes[name] = f"its wheel was not fetched within {seconds:g} s"
            continue
        found, why = _fetched([(name, version)], left)
        sizes |= found
        if name not in found:
            notes[name] = why
    return sizes, notes


def _fetched(wanted: Sequence[tuple[str, str]], seconds: float) -> tuple[dict[str, int], str]:
    """Fetch and return bytes by name, and why some are absent."""
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
        # An index that does not answer must not eat the time of the others.
        command += ["--retries", "1", "--timeout", "15"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", folder]
        try:
            done = subprocess.run(  # noqa: S603  (pip of this Python)
                [*command, *(f"{name}=={version}" for name, version in wanted)],
                cwd=folder,  # empty: no module there can stand in for pip's
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=max(seconds, 0.1),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {}, f"pip took over {seconds:.0f} s"
        sizes = {_name(file): file.stat().st_size for file in Path(folder).glob("*.whl")}
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return sizes, f"pip: {lines[-1][:200]}" if lines else "pip found no wheel"


def _name(wheel: Path) -> str:
    """Take the name out of a wheel's file name, where it has no dash (PEP 427), normalised."""
    return wheel.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")


def source_files(distribution: Distribution) -> list[Path] | None:
    """Return the files of the packages behind an editable install; None for any other.

    Its RECORD holds no more than a .pth file that names the folders of its packages (PEP 660); the
    file direct_url.json says that it is editable (PEP 610).
    """
    if not _is_editable(distribution):
        return None
    folders: list[Path] = []
    for file in distribution.files or ():
        if file.suffix == ".pth":
            lines = Path(str(distribution.locate_file(file))).read_text(encoding="utf-8")
            folders += [Path(line) for line in lines.splitlines() if Path(line).is_dir()]
    packages = {
        marker.parent for folder in folders for marker in sorted(folder.glob("*/__init__.py"))
    }
    files = {file for package in packages for file in package.rglob("*") if file.is_file()}
    return sorted(file for file in files if "__pycache__" not in file.parts)


def _is_editable(distribution: Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable", False))
    except (ValueError, AttributeError):
        return False


def zipped_bytes(files: Sequence[Path]) -> int:
    """Return the size of a zip archive of the files: an estimate of a wheel, metadata left out."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number, file in enumerate(files):
            zipped.writestr(f"{number}/{file.name}", file.read_bytes())
    return len(archive.getvalue())
