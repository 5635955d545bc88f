"""What a rival is made from."""

from limen.errors import InputError

from limen_bench.engines.engine import OpenJob


def source_folder(job: OpenJob) -> str:
    """Return the source's folder, or file, as the libraries take it.

    Raises:
        InputError: the user gave none.
    """
    if job.source is None:
        raise InputError(f"{job.name} is made from the source of the file; give it with --source")
    return str(job.source)
