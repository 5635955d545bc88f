"""What the tiny classifier files of this folder decide, and texts that reach every cell of it."""

from dataclasses import dataclass

from limen.format import (
    AbstainPolicy,
    Curve,
    DecisionBlock,
    FitRecord,
    FittedBlock,
    Isotonic,
    OperatingPoint,
    Platt,
    Promise,
    Temperature,
)

PULLS = (
    ("happy", "bright", "행복", "설레"),
    ("angry", "mad", "화", "짜증"),
    ("sad", "tears", "슬프", "눈물"),
    ("wow", "sudden", "깜짝", "놀라"),
)
"""Words that pull the logits of label 0, 1, 2 and 3 up."""
LONG = "the day is a day and the day is a day and the day is a sad day and wow"
COMMON = ("", " \t\n ", "a\0day", "\0", "the day is", "오늘 행복해요!", "슬프고 눈물")
COMMON += ("[MASK] happy [SEP]", "[PAD]", LONG, "wow " + LONG)


@dataclass(frozen=True)
class Recipe:
    """One file, and texts that reach every cell."""

    name: str
    decision: DecisionBlock
    seed: int
    bias: tuple[float, ...]
    texts: tuple[str, ...]
    side: str = "right"
    special_tokens_in_text: bool = True
    fits: tuple[FitRecord, ...] = ()


MULTILABEL = Recipe(
    "tiny_multilabel.onnx",
    DecisionBlock(
        "multilabel",
        ('joy, "bright"', "anger/disgust", "슬픔", "🙂 surprise"),
        "sigmoid",
        (
            OperatingPoint("f1", (0.55, 0.4, 0.6, 0.3)),
            OperatingPoint("half", (0.5, 0.5, 0.5, 0.5)),
        ),
        "f1",
    ),
    seed=11,
    bias=(-1.5, -1.5, -1.5, -1.5),
    texts=(
        *COMMON,
        "happy bright",
        "angry mad 짜증",
        "wow sudden",
        "happy mad wow tears 화 눈물",
    ),
)
MULTICLASS = Recipe(
    "tiny_multiclass.onnx",
    DecisionBlock(
        "multiclass",
        ("positive", "negative", "sorrow"),
        "softmax",
        (OperatingPoint("argmax", None), OperatingPoint("custom", (0.5, 0.6, 0.7))),
        "argmax",
    ),
    seed=12,
    bias=(0.1, 0.0, -0.1),
    texts=(*COMMON, "happy bright happy", "angry mad", "sad tears sad", "happy angry sad"),
    side="left",
)
BINARY = Recipe(
    "tiny_binary.onnx",
    DecisionBlock(
        "multiclass",
        ("other", "happy"),
        "sigmoid",
        (OperatingPoint("argmax", None), OperatingPoint("sure", (0.55, 0.7))),
        "argmax",
    ),
    seed=13,
    bias=(-0.4,),
    texts=(*COMMON, "happy bright", "happy", "the and", "a happy day", "is is is is"),
    special_tokens_in_text=False,
)
ONE_VS_REST = Recipe(
    "tiny_one_vs_rest.onnx",
    DecisionBlock(
        "one_vs_rest",
        ("기쁨", "anger", "sorrow"),
        "sigmoid",
        (
            OperatingPoint("argmax", None),
            OperatingPoint(
                "coverage@0.90", (0.3, 0.25, 0.4), True, Promise("coverage", 0.9, None, 200)
            ),
            OperatingPoint("custom", (0.5, 0.6, None)),
        ),
        "argmax",
        calibration=Isotonic(
            (
                Curve((0.4, 0.6, 0.9), (0.1, 0.5, 0.95)),
                Curve((0.4, 0.5, 0.8), (0.1, 0.3, 0.9)),
                Curve((0.35, 0.7), (0.1, 0.8)),
            )
        ),
        abstain=AbstainPolicy(margin=0.1),
    ),
    seed=14,
    bias=(-1.5, -1.4, -1.6),
    texts=(
        *COMMON,
        "happy bright",
        "angry mad 짜증",
        "sad tears sad",
        "happy angry sad mad bright tears",
        "happy mad",
        "a happy mad",
        "a happy bright tears",
        "a mad sad and 화 슬프",
        "bright sudden sad happy",
    ),
    side="left",
)
ONE_VS_ONE = Recipe(
    "tiny_one_vs_one.onnx",
    DecisionBlock(
        "one_vs_one",
        ("joy", "anger", "슬픔", "wow!"),
        "sigmoid",
        (
            OperatingPoint("argmax", None),
            OperatingPoint("custom", (0.8, 0.7, 0.75, None)),
            OperatingPoint(
                "precision@0.90:conf0.95",
                (0.7, 0.7, 0.7, 0.7),
                promise=Promise("precision", 0.9, 0.95, 300),
            ),
        ),
        "custom",
        calibration=Platt((0.8, 1.1, 0.9, 1.0, 0.7, 1.2), (0.1, -0.2, 0.0, 0.3, -0.1, 0.2)),
        block_name="tune 2026-01-01 golden",
        abstain=AbstainPolicy(margin=0.05),
        replaced=(
            FittedBlock("export", (OperatingPoint("argmax", None),), "argmax", Temperature((2.0,))),
        ),
    ),
    seed=15,
    bias=(0.05, -0.1, 0.1, -0.05, 0.15, 0.0),
    texts=(
        *COMMON,
        "happy bright happy",
        "angry mad 짜증",
        "sad tears sad",
        "wow sudden 깜짝",
        "happy mad wow tears",
        "happy mad",
        "the and",
        "is a day",
        "happy sad",
        "mad wow",
        "day and",
        "mad sad",
    ),
    fits=(
        FitRecord(
            "tune 2026-01-01 golden",
            "golden.tsv",
            300,
            (("certify", 100), ("fit", 200)),
            "judged on golden texts",
            (("accuracy at custom", 0.9), ("ece", None)),
            (0.9, 0.8, None, 0.7),
            (100, 90, 60, 50),
            ("wow!: few texts",),
        ),
    ),
)
RECIPES = (MULTILABEL, MULTICLASS, BINARY, ONE_VS_REST, ONE_VS_ONE)
