"""ONNX folders as other tools write them, made by torch's older exporter, which Optimum uses."""

import shutil
import warnings

PORTS = ("input_ids", "attention_mask", "token_type_ids")


def written_by_torch(checkpoint, folder, ports):
    """Write what `optimum-cli export onnx` writes: mask and token types as inputs, free axes."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        str(checkpoint), attn_implementation="eager"
    )

    class Positional(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model.eval()

        def forward(self, *given):
            return self.model(**dict(zip(ports, given, strict=True))).logits

    folder.mkdir()
    ids = torch.full((2, 9), 5)
    given = dict(zip(PORTS, (ids, torch.ones_like(ids), torch.zeros_like(ids)), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Positional(),
            tuple(given[port] for port in ports),
            str(folder / "model.onnx"),
            dynamo=False,
            input_names=list(ports),
            output_names=["logits"],
            dynamic_axes={port: {0: "batch", 1: "tokens"} for port in ports},
            opset_version=17,
        )
    for file in checkpoint.glob("*.json"):
        shutil.copy(file, folder)
    return folder
