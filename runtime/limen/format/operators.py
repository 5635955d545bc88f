"""The operators that a classifier file may hold: those that limen's exporter emits, and no control
flow.

The list is the union over the architectures that the export tests cover, fp32 and int8, with the
operators of onnxruntime's own domain that its offline optimisation writes for such graphs. An
operator outside it is refused before a session exists, so a file cannot reach code that no test of
limen has run.
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
    BiasGelu DynamicQuantizeMatMul FastGelu FusedMatMul Gelu MatMulIntegerToFloat MultiHeadAttention
    QuickGelu RotaryEmbedding SkipLayerNormalization """.split()
)

ALLOWED = {
    "": ONNX_OPERATORS,
    "ai.onnx": ONNX_OPERATORS,
    "com.microsoft": MICROSOFT_OPERATORS,
}
"""Operator names by domain."""
