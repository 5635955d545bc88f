"""One run of the bench: prepare, compare, sweep, rounds, single measures; every row is written as
soon as it is there.
"""

import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from limen.devices import Device
from limen.errors import InputError, OutputError
from limen.format import ClassifierFile, Precision, read
from limen.progress import Progress
from limen.threads import available_cores

from limen_bench.checking import check_engines
from limen_bench.engines.fitting import device_of, misfit
from limen_bench.machine import describe_machine, library_versions
from limen_bench.measuring import Measuring, Request, SampleFiles, Setup
from limen_bench.results import EngineRow, ResultsFile, RunRow, Status
from limen_bench.rounds import run_rounds
from limen_bench.samples import check_texts, describe_texts, text_lengths, write_samples
from limen_bench.settings import BenchSettings
from limen_bench.single_measures import run_single_measures
from limen_bench.sweep import Chosen, sweep, without_sweep

_IN_ROUNDS = {"cold", "one", "bulk"}
_LIBRARIES = ("limen", "numpy", "onnxruntime", "tokenizers", "scipy", "scikit-learn", "onnx")


def run_bench(settings: BenchSettings, output: Path, told: Progress) -> str:
    """Measure, and append the rows to a file.

    Args:
        settings: what to measure.
        output: JSON lines; an existing file is added to.
        told: is told each step.

    Returns:
        The identifier of the run.

    Raises:
        InputError: no text, no engine, or rounds below 1.
        FormatError: not a classifier file.
        OutputError: `output` cannot be written.
        KeyboardInterrupt: Ctrl-C; what was measured is in the file.
    """
    _check(settings)
    file = read(settings.file)
    lengths = text_lengths(file, settings.texts.texts)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{token_hex(3)}"
    results = ResultsFile(output)
    try:
        with _work_folder(settings) as folder, tempfile.TemporaryDirectory() as temporary:
            row = _run_row(settings, run, file, describe_texts(settings.texts, lengths))
            results.write(row)
            files = write_samples(settings, lengths, file, Path(temporary))
            precision = file.metadata.execution.precision
            settings = _of_this_file(settings, precision, device_of(file))
            measuring = Measuring(settings, run, results, folder, told)
            _run(measuring, file, files, results)
    finally:
        results.close()
    return run


def _run(
    measuring: Measuring, file: ClassifierFile, files: SampleFiles, results: ResultsFile
) -> None:
    settings = measuring.settings
    chosen: dict[str, Chosen] = {}
    end: str | None = None
    try:
        _prepare(measuring, file, files)
        check_engines(measuring, files, file.metadata.decision, measuring.cores)
        _choose(measuring, chosen, files)
        if _IN_ROUNDS & {*settings.measures}:
            run_rounds(measuring, chosen, files, settings.rounds)
        run_single_measures(measuring, chosen, files)
    except KeyboardInterrupt:
        end = "Ctrl-C; finished rounds are kept"
        raise
    except Exception as error:
        end = f"the run ended with {type(error).__name__}"
        raise
    finally:
        for row in _engine_rows(measuring, chosen, end):
            results.write(row)


def _choose(measuring: Measuring, chosen: dict[str, Chosen], files: SampleFiles) -> None:
    """Find how each engine runs; the control runs as the baseline does."""
    base = measuring.settings.engines[0]
    for kind in measuring.standing:
        found: Chosen | None
        if kind.control and base.name in chosen:
            found = chosen[base.name]
        elif measuring.settings.sweep:
            found = sweep(measuring, kind, files, measuring.cores)
        else:
            found = without_sweep(kind, measuring.cores)
        if found is not None:
            chosen[kind.name] = found


def _prepare(measuring: Measuring, file: ClassifierFile, files: SampleFiles) -> None:
    """Convert the source for each engine that needs it, once for a work folder and file."""
    for kind in measuring.standing:
        against = misfit(kind, file, measuring.settings.source)
        if against is not None:
            measuring.drop(kind.name, "failed", against)
            continue
        if kind.needs_source and measuring.settings.source is None:
            measuring.drop(kind.name, "missing", "it needs the model's source; give --source")
            continue
        if not measuring.python(kind).is_file() or (
            kind.python and kind.python not in measuring.settings.pythons
        ):
            reason = f"it needs --python {kind.python}=PATH (make rivals builds that environment)"
            measuring.drop(kind.name, "missing", reason)
            continue
        done = measuring.folder / f"{kind.name}.prepared"
        stamp = f"{file.digest} {measuring.settings.source} {platform.processor()}"
        if kind.needs_source and not (done.is_file() and done.read_text() == stamp):
            done.unlink(missing_ok=True)
            measuring.told.step(f"{kind.name}: converting the source")
            shutil.rmtree(measuring.folder / kind.name, ignore_errors=True)
            measuring.do(Request(kind, Setup(measuring.cores), None, files.checked))
            if kind.name not in measuring.dropped:
                done.write_text(stamp)


def _engine_rows(
    measuring: Measuring, chosen: dict[str, Chosen], end: str | None
) -> Iterator[EngineRow]:
    """Yield how each engine fared; `end` says why the run ended early, None that it did not."""
    for kind in measuring.settings.engines:
        status: Status = "measured" if end is None else "interrupted"
        reason = end
        if kind.name in measuring.dropped:
            status, reason = measuring.dropped[kind.name]
        yield EngineRow(
            run=measuring.run,
            engine=kind.name,
            title=kind.title,
            precision=kind.precision,
            device=kind.device,
            status=status,
            reason=reason,
            chosen=chosen[kind.name].to_json() if kind.name in chosen else {},
            set_up=kind.set_up,
            versions=measuring.versions.get(kind.name, {}),
        )


def _run_row(
    settings: BenchSettings, run: str, file: ClassifierFile, texts: dict[str, Any]
) -> RunRow:
    metadata = file.metadata
    return RunRow(
        run=run,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        baseline=settings.engines[0].name,
        machine=describe_machine(),
        versions=library_versions(_LIBRARIES),
        model={
            "name": file.name,
            "precision": metadata.execution.precision,
            "size_mb": float(f"{len(file.data) / 1e6:.4g}"),
            "digest": file.digest,
            "rule": metadata.decision.rule,
            "labels": len(metadata.decision.labels),
        },
        texts=texts,
        settings={
            "engines": [kind.name for kind in settings.engines],
            **({"left_out": list(settings.left_out)} if settings.left_out else {}),
            "measures": list(settings.measures),
            "rounds": settings.rounds,
            "sweep": settings.sweep,
            "checked": settings.checked,
            "limit_ms": settings.limit_ms,
            "cores": available_cores(),
            **{f"{name}_s": value for name, value in asdict(settings.patience).items()},
        },
    )


def _of_this_file(settings: BenchSettings, precision: Precision, device: Device) -> BenchSettings:
    """Say what the file is to those that run it, and where it will compute; fp32 must compute what
    fp32 rivals compute.
    """
    exact = precision == "fp32"
    shown: Literal["fp32", "fp16", "int8"] = (
        "fp32" if precision == "fp32" else "fp16" if precision == "fp16" else "int8"
    )
    installed: dict[Device, tuple[str, ...]] = {
        "cpu": ("limen",),
        "cuda": ("limen", "onnxruntime-gpu[cuda,cudnn]"),
        "openvino": ("limen", "onnxruntime-openvino"),
    }
    kinds = tuple(
        replace(kind, precision=shown, device=device, exact=exact, distributions=installed[device])
        if kind.precision == "own"
        else kind
        for kind in settings.engines
    )
    return replace(settings, engines=kinds)


@contextmanager
def _work_folder(settings: BenchSettings) -> Iterator[Path]:
    if settings.work is not None:
        try:
            settings.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{settings.work}: cannot be created ({reason})") from error
        yield settings.work.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="limen-bench-") as folder:
        yield Path(folder)


def _check(settings: BenchSettings) -> None:
    check_texts(settings.texts)
    if not settings.engines:
        raise InputError("no engine to measure")
    if settings.rounds < 1:
        raise InputError(f"{settings.rounds} rounds; expected at least 1")
