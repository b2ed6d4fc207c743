"""Writes small model repositories."""

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

FLOAT_X = (("x", "FP32", [-1, 4]),)
FLOAT_Y = (("y", "FP32", [-1, 2]),)


def write_model(
    repository: Path,
    name: str = "m",
    version: int = 1,
    *,
    backend: str = "echo",
    model: bytes = b"",
    sha256: str = "",
    inputs=FLOAT_X,
    outputs=FLOAT_Y,
    keys: str = "",
    tables: str = "",
) -> Path:
    """Writes one version of a model and returns its folder; `keys` go before the tables of the TOML file."""
    folder = repository / name / str(version)
    folder.mkdir(parents=True)
    lines = [f'backend = "{backend}"', keys]
    if model:
        (folder / "model.onnx").write_bytes(model)
        lines += ['file = "model.onnx"', f'sha256 = "{sha256 or hashlib.sha256(model).hexdigest()}"']
    for kind, tensors in (("inputs", inputs), ("outputs", outputs)):
        for tensor, datatype, shape in tensors:
            lines += [f"[[{kind}]]", f'name = "{tensor}"', f'datatype = "{datatype}"', f"shape = {shape}"]
    (folder / "model.toml").write_text("\n".join([*lines, tables, ""]))
    return folder


def affine_model(n_in: int = 4, n_out: int = 2) -> bytes:
    """ONNX: y = x W + b with W[i, j] = i + j / 2 and b[j] = j."""
    weights = [i + j / 2 for i in range(n_in) for j in range(n_out)]
    initializers = [
        helper.make_tensor("w", TensorProto.FLOAT, [n_in, n_out], weights),
        helper.make_tensor("b", TensorProto.FLOAT, [n_out], [float(j) for j in range(n_out)]),
    ]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "affine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", n_in])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", n_out])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
