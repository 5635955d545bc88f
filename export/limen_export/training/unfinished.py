"""The folder in which a training grows: beside its target, under another name, until it is whole.
One that was interrupted is found again by what it was to become.
"""

import json
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from limen.errors import InputError, OutputError

from limen_export.training.examples import Examples
from limen_export.training.settings import TrainSettings

RECORD = "training.json"
"""In every folder that a training has finished."""
_FINGERPRINT = "fingerprint"


def fingerprint(settings: TrainSettings, parts: tuple[Examples, ...]) -> str:
    """Return what two trainings with the same result share: SHA-256 over settings, labels, texts
    (by their hashes, in order) and truth.
    """
    digest = sha256(json.dumps(settings.to_json(), sort_keys=True).encode())
    for part in parts:
        digest.update(json.dumps([len(part), part.task, *part.labels]).encode())
        digest.update(part.keys.tobytes())
        digest.update(part.truth.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Unfinished:
    """A training's folder before it is whole.

    Attributes:
        folder: where it grows.
        target: what it will be called.
        goes_on: an interrupted run of the same settings and texts left something in it.
    """

    folder: Path
    target: Path
    goes_on: bool

    def finish(self) -> None:
        """Give the folder its name; an older training of that name is removed when the new one
        stands.

        Raises:
            OutputError: it cannot be renamed.
        """
        older = self.folder.with_name(f".{self.target.name}.replaced")
        try:
            (self.folder / _FINGERPRINT).unlink(missing_ok=True)
            shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
            if self.target.exists():
                self.target.rename(older)
            self.folder.rename(self.target)
        except OSError as error:
            raise OutputError(
                f"{self.target}: the finished training cannot be put there "
                f"({error.strerror or error}); it is whole in {self.folder}"
            ) from error
        shutil.rmtree(older, ignore_errors=True)


def begin(target: Path, mark: str, *, overwrite: bool) -> Unfinished:
    """Make the folder in which a training grows, or find that of an interrupted one.

    What an interrupted run with other settings or texts left is removed.

    Args:
        target: the folder that the training will be.
        mark: from `fingerprint`.
        overwrite: a folder that an earlier training has finished may be replaced.

    Raises:
        InputError: the target is there, and may not be replaced.
        OutputError: the folder cannot be made.
    """
    check_target(target, overwrite=overwrite)
    folder = target.with_name(f".{target.name}.unfinished")
    try:
        goes_on = folder.is_dir() and (folder / _FINGERPRINT).read_text("utf-8") == mark
    except OSError:
        goes_on = False
    try:
        if folder.exists() and not goes_on:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FINGERPRINT).write_text(mark, "utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder (-o)"
        ) from error
    return Unfinished(folder, target, goes_on)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that holds something else than what may be replaced, before texts are read.

    Raises:
        InputError: as above.
    """
    if target.is_dir() and not any(target.iterdir()):
        target.rmdir()
    if not target.exists():
        return
    if not (target / RECORD).is_file():
        raise InputError(
            f"{target}: is there already, and holds no training of limen's; name another folder"
        )
    if not overwrite:
        raise InputError(
            f"{target}: holds a finished training; name another folder, or replace it (--overwrite)"
        )
