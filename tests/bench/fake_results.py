"""Rows of results whose speed and noise are known, and a whole run of every measure.

Noise is log-normal and has two parts, as on a shared machine: one that a round shares between all
engines, one of each figure's own.
"""

import numpy as np
from limen_bench.results import EngineRow, MeasurementRow, RunRow

ENGINES = {
    # name: (title, precision, milliseconds a text, texts a second in bulk)
    "limen": ("limen", "int8", 2.9, 640.0),
    "torch-fp32": ("transformers pipeline on torch, fp32", "fp32", 9.8, 170.0),
    "torch-bf16": ("transformers pipeline on torch, bf16", "bf16", 14.2, 120.0),
    "torch-compile": ("torch.compile, fp32", "fp32", 7.1, 190.0),
    "ort-fp32": ("onnxruntime, fp32, optimised", "fp32", 5.2, 320.0),
    "ort-int8": ("onnxruntime, dynamic int8", "int8", 2.7, 710.0),
    "optimum": ("Optimum ORTModel <int8> & pipeline", "int8", 3.4, 560.0),
    "openvino": ("OpenVINO int8 (NNCF)", "int8", 2.2, 820.0),
    "setfit": ("SetFit head on sentence-transformers", "fp32", 10.4, 160.0),
}
BROKEN = {
    "fastembed": ("fastembed", "own", "missing", "fastembed is not installed here"),
    "ctranslate2": ("CTranslate2 int8", "int8", "failed", "RuntimeError: <no kernel> for | AVX2"),
}
MACHINE = {
    "cpu": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
    "features": ["avx2", "avx512f", "avx512_vnni", "amx_int8"],
    "cores": 2,
    "cores_host": 96,
    "quota": 2.0,
    "governor": None,
    "load_1m": 0.42,
    "os": "Linux 6.8.0 (Debian 12)",
    "memory_gb": 16.0,
    "python": "3.11.9",
    "affinity": [0, 1],
}
LENGTHS = (8, 16, 32, 64, 128, 256, 512)


class Noise:
    """Figures around a known centre, the same for the same seed."""

    def __init__(self, seed, shared=0.05, own=0.02):
        self._random = np.random.default_rng(seed)
        self._shared, self._own = shared, own

    def round(self):
        """A factor that all engines of one round share."""
        return float(np.exp(self._random.normal(0, self._shared)))

    def own(self):
        """A factor of one figure."""
        return float(np.exp(self._random.normal(0, self._own)))


def run_row(run="r1", model="minilm-emotions", texts="감정 말뭉치 (ko).txt", **machine):
    return RunRow(
        run=run,
        date="2025-11-03T09:12:44Z",
        baseline="limen",
        machine={**MACHINE, **machine},
        versions={"limen": "0.2.0", "onnxruntime": "1.31.1", "numpy": "2.4.6"},
        model={
            "name": model,
            "precision": "int8",
            "size_mb": 59.4,
            "digest": "sha256:0f3a9c",
            "rule": "multilabel",
            "labels": 28,
        },
        texts={
            "name": texts,
            "count": 2000,
            "distinct": 1984,
            "labelled": True,
            "histogram": [[1, 8, 120], [9, 16, 610], [17, 32, 830], [33, 64, 330], [65, 128, 110]],
        },
        settings={"rounds": 5, "rivals": [*ENGINES, *BROKEN], "limit_ms": 50},
    )


def engine_row(name, run="r1", status="measured", reason=None, title=None):
    chosen = {"one": {"threads": 2}, "bulk": {"threads": 2, "batch": 16, "sorted": True}}
    return EngineRow(
        run=run,
        engine=name,
        title=title or ENGINES.get(name, (name,))[0],
        precision=ENGINES.get(name, (name, "fp32"))[1],
        status=status,
        reason=reason,
        chosen=chosen if status == "measured" else {},
        set_up=f"as https://example.org/docs/{name}?a=1&b=2 advises, threads set before the load",
        versions={"onnxruntime": "1.31.1"},
    )


def speed_rows(speeds, rounds=5, seed=0, run="r1", noise=None):
    """Rows of `one`, `bulk`, `cold`, `memory` for engines of known milliseconds a text."""
    noise = noise or Noise(seed)
    for number in range(rounds):
        machine = noise.round()
        for name, ms in speeds.items():
            p50 = ms * machine * noise.own()
            one = {"p50_ms": p50, "p90_ms": 1.3 * p50, "p99_ms": 2 * p50 * noise.own()}
            one |= {"max_ms": 4 * p50 * noise.own(), "spread_ms": 0.2 * p50, "calls": 400}
            yield MeasurementRow(run, name, "one", one, {}, number)
            seconds = 2000 * ms * machine * noise.own() / 2000
            bulk = {"texts_per_s": 2000 / seconds, "texts": 2000, "seconds": seconds}
            yield MeasurementRow(run, name, "bulk", bulk, {}, number)
            cold = {"interpreter_ms": 21 * noise.own(), "import_ms": 80 * ms * noise.own()}
            cold |= {"load_ms": 400 * noise.own(), "first_ms": 2 * ms * noise.own()}
            cold["total_ms"] = sum(cold.values())
            yield MeasurementRow(run, name, "cold", cold, {}, number)
            memory = {"loaded_mb": 110 * noise.own(), "resident_mb": 140 * noise.own()}
            memory["peak_mb"] = 180 * noise.own() + 20 * ms
            yield MeasurementRow(run, name, "memory", memory, {}, number)
        yard = {
            f"{name}{kind}_gmacs_per_core": speed / machine
            for name, speed in (("int8", 180), ("fp32", 45))
            for kind in ("", "_typical")
        }
        yield MeasurementRow(run, "machine", "yardstick", yard, {}, number)


def small_run(speeds, rounds=5, seed=0, run="r1", **machine):
    """A run with the four measures that are compared."""
    yield run_row(run, **machine)
    yield from speed_rows(speeds, rounds, seed, run)
    for name in speeds:
        yield engine_row(name, run)


def full_run(seed=0, run="r1", labelled=True, **row):
    """A run of every measure, with engines that are missing and that failed."""
    noise = Noise(seed)
    yield run_row(run, **row)
    yield from speed_rows({name: ms for name, (_, _, ms, _) in ENGINES.items()}, 5, seed, run)
    for name, (title, precision, status, reason) in BROKEN.items():
        yield EngineRow(run, name, title, precision, status, reason)
    for name, (_, precision, ms, per_s) in ENGINES.items():
        yield engine_row(name, run)
        for measure, at, values, note in _details(name, precision, ms, per_s, noise):
            yield MeasurementRow(run, name, measure, values, at, None, note)
        if labelled:
            values = {"macro_f1": 0.57 * noise.own(), "micro_f1": 0.61, "subset_accuracy": 0.44}
            yield MeasurementRow(run, name, "quality", values)
    for tokens in LENGTHS:
        yield MeasurementRow(
            run, "raw-session", "lengths", {"p50_ms": tokens / 9}, {"tokens": tokens}
        )


def _details(name, precision, ms, per_s, noise):
    for tokens in LENGTHS:
        values = {"p50_ms": ms * (0.4 + tokens / 50) * noise.own(), "calls": 50}
        yield "by_length", {"tokens": tokens}, values, None
    for texts in (1, 10, 100, 1000, 10_000, 100_000):
        if texts == 100_000 and per_s < 200:
            yield "counts", {"texts": texts}, {}, "left out: it would take over 5 minutes"
            continue
        rate = per_s * texts / (texts + 3) * noise.own()
        yield "counts", {"texts": texts}, {"texts_per_s": rate, "seconds": texts / rate}, None
    yield from _sweeps(ms, per_s, noise)
    for rate in (10, 20, 50, 100, 200):
        p50 = ms * (1 + rate * ms / 900)
        values = {"p50_ms": p50, "p90_ms": 2 * p50, "p99_ms": 4 * p50, "max_ms": 9 * p50}
        yield "load", {"rate": rate}, {**values, "achieved_per_s": rate, "calls": 600}, None
    broken = None if ms < 5 else 200.0
    values = {"limit_ms": 50, "held_per_s": 100 if broken else 200, "broken_per_s": broken}
    yield "load_limit", {}, values, None if broken else "not broken at the highest rate tried"
    if name == "limen":
        stages = {"encode_ms": 0.11, "session_ms": 2.6, "decide_ms": 0.04, "rest_ms": 0.15}
        yield "stages", {}, stages, None
    limit = {"share": per_s / 1600, "gmacs_per_text": 0.21, "bulk_texts_per_s": per_s}
    limit |= {"limit_texts_per_s": 1600, "gemm_gmacs_per_core": 170, "cores": 2}
    yield "limit", {}, limit, None
    exact = precision == "fp32"
    agreement = {"texts": 2000, "max_logit_difference": 8.5e-6 if exact else 0.96}
    agreement |= {"texts_alike": 1.0 if exact else 0.977, "cells_alike": 1.0 if exact else 0.99918}
    yield "agreement", {}, agreement, "compared with transformers on torch, fp32"
    size = {"file_mb": 91.2 if exact else 59.4, "install_mb": 61.3 if name == "limen" else None}
    yield "size", {}, {**size, "installed_mb": 190.5, "distributions": 14}, None
    share = {"job_alone_per_s": 41.0, "job_beside_idle_share": 0.998}
    share |= {"job_beside_busy_share": 0.52, "engine_beside_job_share": 0.49}
    yield "co_running", {}, share, None


def _sweeps(ms, per_s, noise):
    for threads in (1, 2):
        yield "threads", {"threads": threads}, {"texts_per_s": per_s * threads / 2}, None
        values = {"p50_ms": ms * (1.6 if threads == 1 else 1)}
        yield "sweep_one", {"threads": threads}, values, None
        for batch in (1, 4, 8, 16, 32, 64):
            for order in (0, 1):
                at = {"threads": threads, "batch": batch, "sorted": order}
                rate = per_s * threads / 2 * (0.5 + 0.2 * order + 0.1 * min(batch, 16) ** 0.5)
                values = {"texts_per_s": rate * noise.own(), "seconds": 1.2, "texts": 400}
                yield "sweep", at, values, None
