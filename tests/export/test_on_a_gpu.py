"""An export for CUDA where there is a GPU: the file is opened and its golden texts run on it."""

import limen
import numpy as np
import pytest
from limen.engine import available_providers
from limen.format import read
from limen_export import ExportSettings, export
from limen_export.graph.half_precision import require_half_parity

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.skipif(
        "CUDAExecutionProvider" not in available_providers(), reason="no CUDAExecutionProvider"
    ),
]


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "electra"])
@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_a_file_decides_on_the_gpu_as_its_source(
    tmp_path, checkpoint, reference, untimed, texts, easy, family, precision
):
    path = tmp_path / "m.onnx"
    settings = ExportSettings(device="cuda", precision=precision, texts=texts, gate=easy)
    export(str(checkpoint(family)), path, settings)
    assert read(path).metadata.execution.precision == precision
    expected = reference(family).logits(texts.texts)
    model = limen.load(path, device="cuda")
    found = model.logits(texts.texts)
    if precision == "fp16":
        require_half_parity(expected, found, family)
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
    for place in range(0, len(texts.texts), 13):
        one = model.logits([texts.texts[place]])
        np.testing.assert_allclose(one[0], found[place], atol=1e-4 if precision == "fp32" else 0.02)
