"""Integer products as processors without VNNI compute them, in numpy, and graphs run on these.

`vpmaddubsw` multiplies unsigned by signed bytes and adds neighbouring products in 16 bits with
saturation (Intel's instruction set reference); onnxruntime's AVX2 and AVX-512BW kernels then add
those sums in 32 bits. They multiply the bytes as stored and take zero points off afterwards.
"""

import numpy as np
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

LOW, HIGH = -(2**15), 2**15 - 1


def exact_product(left, right):
    """u8 (..., k) times s8 (k, n): int64 (..., n), exact."""
    # Integers below 2^53 are exact in float64, which numpy multiplies far faster than integers.
    return (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)


def saturating_product(left, right):
    """The same with sums of neighbouring pairs along k held to int16."""
    total = exact_product(left, right)
    rows = left.reshape(-1, left.shape[-1]).astype(np.int32)
    flat = total.reshape(-1, right.shape[1])
    weights = right.astype(np.int32)
    for at in range(0, left.shape[-1] - 1, 2):
        a, w = rows[:, at : at + 2], weights[at : at + 2]
        if (a.max(0) * np.abs(w).max(1)).sum() <= HIGH:
            continue
        sums = a @ w
        flat += np.clip(sums, LOW, HIGH) - sums
    return flat.reshape(total.shape)


class GatherElements(OpRun):
    """onnx's own fails beyond 64 columns (numpy's limit of `choose`)."""

    op_domain = ""

    def _run(self, data, indices, axis=0):
        window = tuple(slice(0, size) for size in indices.shape)
        whole = tuple(slice(None) if d == axis % data.ndim else w for d, w in enumerate(window))
        return (np.take_along_axis(data[whole], indices, axis),)


def reference(model, product):
    """Run a graph of standard operators in numpy, its MatMulInteger by this product.

    All float arithmetic is numpy's, so it differs from onnxruntime's as another processor's does.
    """

    class MatMulInteger(OpRun):
        op_domain = ""

        def _run(self, left, right, left_zero=None, right_zero=None):
            assert right_zero is None or not np.any(right_zero)
            zero = 0 if left_zero is None else int(left_zero)
            found = product(left, right) - zero * right.astype(np.int64).sum(0)
            return (found.astype(np.int32),)

    return ReferenceEvaluator(model, new_ops=[MatMulInteger, GatherElements])


def reference_logits(model, feeds, product):
    """Logits of each text, float32 (texts, outputs)."""
    runner = reference(model, product)
    return np.concatenate(
        [runner.run(["logits"], {"input_ids": feed["input_ids"]})[0] for feed in feeds]
    )
