"""What `limen bench` may be asked on the command line, and the settings it means."""

import argparse
from dataclasses import replace
from pathlib import Path

from limen.corpus import sentences
from limen.errors import InputError
from limen.evaluation.labelled_texts import read_labels
from limen.format import read
from limen.text_files import read_texts

from limen_bench.commands.rival_choice import choose_rivals
from limen_bench.engines.table import ENGINES, RIVALS
from limen_bench.settings import MEASURES, QUICK, BenchSettings, BenchTexts, Measure, Patience

_QUICK = Patience(timed=1.0, warm_up=1.0, swept=0.5, count=10.0, rate=2.0, process=60.0)
_QUICK_ROUNDS, _QUICK_CHECKED = 5, 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a classifier file")
    texts = parser.add_argument_group("texts")
    texts.add_argument(
        "--texts",
        type=Path,
        metavar="FILE",
        help="real texts (.txt, .jsonl, .csv; default: limen's own emotion corpus)",
    )
    texts.add_argument("--column", default="text", help="field or column of --texts")
    texts.add_argument(
        "--labels", metavar="COLUMN", help="field or column with the true labels, to judge quality"
    )
    rivals = parser.add_argument_group("rivals")
    rivals.add_argument(
        "--rivals",
        metavar="NAMES",
        help=f"comma-separated, or all that fit FILE: {', '.join(RIVALS)} (default: with --source "
        "the usual one of its kind and the control, else none)",
    )
    rivals.add_argument(
        "--source",
        type=Path,
        metavar="SOURCE",
        help="what FILE was made from: a checkpoint, a .skops file, a Model2Vec folder",
    )
    rivals.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the Python of an environment that make rivals built, such as "
        "optimum=.venv-optimum/bin/python; may be repeated",
    )
    rivals.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep converted models here for the next run"
    )
    _add_method(parser.add_argument_group("method"))
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("limen-bench.jsonl"),
        metavar="RESULTS.jsonl",
        help="rows are added to this file (default: limen-bench.jsonl)",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def _add_method(method: argparse._ArgumentGroup) -> None:
    method.add_argument(
        "--measures",
        metavar="NAMES",
        help=f"comma-separated: {', '.join(MEASURES)} (default: all; "
        f"with --quick {', '.join(QUICK)})",
    )
    method.add_argument(
        "--rounds", type=int, metavar="N", help="processes of each engine, in turns"
    )
    method.add_argument(
        "--quick", action="store_true", help="under a minute for FILE alone: no sweep, short rounds"
    )
    method.add_argument("--no-sweep", action="store_true", help="all cores, usual batches")
    method.add_argument(
        "--rates", metavar="LIST", help="open-loop load: texts per second, comma-separated"
    )
    method.add_argument(
        "--limit-ms", type=float, default=50.0, help="p99 that load may not exceed (default: 50)"
    )
    method.add_argument(
        "--checked",
        type=int,
        metavar="N",
        help="texts on which engines are compared and judged before anything is timed",
    )
    method.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="length of a timed stretch; warm-up takes at most that, a point of the sweep half",
    )
    method.add_argument(
        "--rate-seconds", type=float, metavar="S", help="length of one rate of load"
    )
    method.add_argument(
        "--count-limit", type=float, metavar="S", help="longest bulk call of the measure counts"
    )
    method.add_argument(
        "--time-limit", type=float, metavar="S", help="end a measuring process after this long"
    )


def settings_of(arguments: argparse.Namespace) -> BenchSettings:
    """Return the settings that the arguments mean.

    Raises:
        InputError: an argument cannot be used, or texts or labels cannot be read.
        FormatError: FILE is no classifier file, and labels are asked for, or rivals that fit it.
    """
    quick = arguments.quick
    rounds = BenchSettings.rounds if arguments.rounds is None else arguments.rounds
    source = _source(arguments.source)
    choice = choose_rivals(arguments.rivals, arguments.file, source)
    return BenchSettings(
        file=arguments.file,
        texts=_texts(arguments),
        engines=choice.engines,
        left_out=choice.left_out,
        source=source,
        pythons=_pythons(arguments.python),
        measures=_measures(arguments.measures, QUICK if quick else MEASURES),
        rounds=_QUICK_ROUNDS if quick and arguments.rounds is None else rounds,
        sweep=not (quick or arguments.no_sweep),
        checked=_checked(arguments),
        rates=_rates(arguments.rates),
        limit_ms=_positive(arguments.limit_ms, "--limit-ms"),
        work=arguments.work,
        patience=_patience(arguments),
    )


def _patience(arguments: argparse.Namespace) -> Patience:
    patience = _QUICK if arguments.quick else Patience()
    if arguments.seconds is not None:
        timed = _positive(arguments.seconds, "--seconds")
        patience = replace(patience, timed=timed, warm_up=timed, swept=timed / 2)
    if arguments.rate_seconds is not None:
        patience = replace(patience, rate=_positive(arguments.rate_seconds, "--rate-seconds"))
    if arguments.count_limit is not None:
        patience = replace(patience, count=_positive(arguments.count_limit, "--count-limit"))
    if arguments.time_limit is not None:
        patience = replace(patience, process=_positive(arguments.time_limit, "--time-limit"))
    return patience


def _texts(arguments: argparse.Namespace) -> BenchTexts:
    if arguments.texts is None:
        if arguments.labels is not None:
            raise InputError("--labels needs --texts")
        rows = [row.text for language in ("en", "ko") for row in sentences(language)]
        return BenchTexts("limen emotion corpus, English and Korean", tuple(rows))
    name = arguments.texts.name.encode("utf-8", "replace").decode("utf-8")
    texts = tuple(read_texts(arguments.texts, arguments.column))
    if arguments.labels is None:
        return BenchTexts(name, texts)
    labels = read(arguments.file).metadata.decision.labels
    return BenchTexts(name, texts, read_labels(arguments.texts, arguments.labels, labels))


def _pythons(given: list[str]) -> dict[str, Path]:
    pythons = {}
    for word in given:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise InputError(f"--python {word}: expected NAME=PATH, such as optimum=/path/python")
        known = sorted({kind.python for kind in ENGINES.values()} - {""})
        if name not in known:
            raise InputError(f"--python {word}: no environment {name!r}; {', '.join(known)}")
        if not Path(path).is_file():
            raise InputError(f"--python {word}: no such file; make rivals builds the environments")
        pythons[name] = Path(path).absolute()
    return pythons


def _checked(arguments: argparse.Namespace) -> int:
    if arguments.checked is None:
        return _QUICK_CHECKED if arguments.quick else BenchSettings.checked
    if arguments.checked < 1:
        raise InputError(f"--checked {arguments.checked}: expected 1 or more")
    return int(arguments.checked)


def _source(given: Path | None) -> Path | None:
    if given is not None and not given.exists():
        raise InputError(f"--source {given}: not there; expected what FILE was made from")
    return given


def _measures(given: str | None, usual: tuple[Measure, ...]) -> tuple[Measure, ...]:
    if given is None:
        return usual
    wanted = _words(given)
    for word in wanted:
        if word not in MEASURES:
            raise InputError(f"no measure {word!r}; there are {', '.join(MEASURES)}")
    return tuple(measure for measure in MEASURES if measure in wanted)


def _rates(given: str | None) -> tuple[float, ...] | None:
    if given is None:
        return None
    try:
        rates = sorted(float(word) for word in _words(given))
    except ValueError as error:
        raise InputError(f"--rates {given}: expected numbers such as 10,50,100") from error
    return tuple(_positive(rate, "--rates") for rate in rates)


def _words(given: str) -> list[str]:
    return [word.strip() for word in given.split(",")]


def _positive(number: float, option: str) -> float:
    if not 0 < number < float("inf"):
        raise InputError(f"{option} {number:g}: expected a number above 0")
    return number
