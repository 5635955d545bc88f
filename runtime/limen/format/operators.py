"""The operators that a classifier file may hold; no control flow, nothing with state.

They are what the exporter emits for the architectures that the export tests cover, and their near
kin of plain arithmetic, shape and quantisation, so that another architecture needs no new format.
An operator outside the list is refused before a session exists.
"""

ONNX_OPERATORS = frozenset(
    """
    Abs Add And ArgMax Cast Ceil Clip Concat Constant ConstantOfShape Cos CumSum DequantizeLinear
    Div DynamicQuantizeLinear Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu
    Gemm Greater GreaterOrEqual Identity IsNaN LayerNormalization Less LessOrEqual Log LogSoftmax
    MatMul MatMulInteger Max Min Mod Mul Neg Not Or Pow QuantizeLinear Range Reciprocal ReduceMax
    ReduceMean ReduceMin ReduceSum Relu Reshape ScatterND Shape Sigmoid Sign Sin Slice Softmax Split
    Sqrt Squeeze Sub Tanh Tile Transpose Trilu Unsqueeze Where """.split()
)

MICROSOFT_OPERATORS = frozenset(
    """
    BiasGelu DynamicQuantizeMatMul FastGelu FusedGemm FusedMatMul Gelu MatMulIntegerToFloat
    MultiHeadAttention QuickGelu """.split()
)
"""onnxruntime's own, which any build of it knows
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)."""

ALLOWED = {
    "": ONNX_OPERATORS,
    "ai.onnx": ONNX_OPERATORS,
    "com.microsoft": MICROSOFT_OPERATORS,
}
"""Operator names by domain; ONNX's own domain has two spellings."""
