"""An estimator as an ONNX graph, from float32 features to ``prediction`` and ``probabilities``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ballast.bundles.graphs.parts import OPSETS, PREDICTION, PROBABILITIES, GraphError, Piece, needed
from ballast.bundles.graphs.trees import with_thresholds_below
from ballast.words import one_line


def estimating(estimator: Any, features: str, width: int) -> Any:
    """Gives the ONNX model of a fitted estimator over (n, width) `features`.

    Its outputs are plain arrays: ``prediction`` (n,), and ``probabilities`` (n, K) in the order of ``classes_`` where
    it has ``predict_proba``. GraphError where no converter knows it.
    """
    if hasattr(estimator, "to_tensors"):
        return _of_network(estimator, features).model()
    if type(estimator).__module__.startswith("ballast.") and hasattr(getattr(estimator, "model_", None), "coef_"):
        return _of_line(estimator, features).model()
    return _converted(estimator, features, width)


def embedding(network: Any, features: str, output: str) -> Any:
    """Gives the ONNX model of what a network's last hidden layer makes of `features`."""
    piece = _taking("embedder", features, len(network.mean_))
    made = _layers(piece, network, features, len(network.hidden))
    piece.then("Identity", made, output=output)
    piece.outputs[output] = (needed("onnx").TensorProto.FLOAT, ["n", network.hidden[-1]])
    return piece.model()


def _taking(name: str, features: str, width: int) -> Piece:
    return Piece(name, {features: (needed("onnx").TensorProto.FLOAT, ["n", width])})


def _of_network(network: Any, features: str) -> Piece:
    piece = _taking("estimator", features, len(network.mean_))
    outputs = _layers(piece, network, features, len(network.hidden) + 1)
    if network.task_ == "regression":
        doubles = piece.cast(outputs, needed("onnx").TensorProto.DOUBLE)
        doubles = piece.then("Mul", doubles, piece.constant(network.y_scale_))
        _number(piece, piece.then("Add", doubles, piece.constant(network.y_mean_)))
        return piece
    return _classes(piece, outputs, piece.then("Softmax", outputs, axis=1), network.classes_)


def _layers(piece: Piece, network: Any, features: str, depth: int) -> str:
    """Gives what the first linear layers of a network make of features, all but the very last through ReLU."""
    tensor = needed("onnx").TensorProto
    value = piece.cast(_standardised(piece, network.mean_, network.scale_, features), tensor.FLOAT)
    arrays = [parameter.detach().cpu().numpy() for parameter in network.network_.parameters()]
    for layer in range(depth):
        weight, bias = arrays[2 * layer : 2 * layer + 2]
        value = piece.then("Gemm", value, piece.constant(weight), piece.constant(bias), transB=1)
        if layer < len(network.hidden):
            value = piece.then("Relu", value)
    return value


def _standardised(piece: Piece, mean: np.ndarray, scale: np.ndarray, features: str) -> str:
    """Gives features in doubles, less their mean and by their scale."""
    doubles = piece.cast(features, needed("onnx").TensorProto.DOUBLE)
    centred = piece.then("Sub", doubles, piece.constant(np.asarray(mean, np.float64)))
    return piece.then("Div", centred, piece.constant(np.asarray(scale, np.float64)))


def _of_line(learner: Any, features: str) -> Piece:
    """Gives the graph of Ballast's own linear learners, in doubles."""
    scaler, line = learner.scaler_, learner.model_
    piece = _taking("estimator", features, len(scaler.mean_))
    rows = _standardised(piece, scaler.mean_, scaler.scale_, features)
    coefficients = np.atleast_2d(np.asarray(line.coef_, np.float64))
    outputs = piece.then("MatMul", rows, piece.constant(coefficients.T))
    outputs = piece.then("Add", outputs, piece.constant(np.atleast_1d(np.asarray(line.intercept_, np.float64))))
    if not hasattr(learner, "classes_"):
        _number(piece, outputs)
        return piece
    if len(coefficients) == 1:  # two classes, of log-odds z: [-z / 2, z / 2]
        half = piece.then("Mul", outputs, piece.constant(np.array([0.5])))
        outputs = piece.then("Concat", piece.then("Neg", half), half, axis=1)
    return _classes(piece, outputs, piece.then("Softmax", outputs, axis=1), learner.classes_)


def _number(piece: Piece, value: str) -> None:
    tensor = needed("onnx").TensorProto
    rounded = piece.cast(value, tensor.FLOAT)
    piece.then("Reshape", rounded, piece.constant(np.array([-1])), output=PREDICTION)
    piece.outputs[PREDICTION] = (tensor.FLOAT, ["n"])


def _classes(piece: Piece, scores: str, probabilities: str, classes: np.ndarray) -> Piece:
    onnx = needed("onnx")
    labels = np.asarray(classes)
    labels = labels.astype(str) if labels.dtype == object else labels
    best = piece.then("ArgMax", scores, axis=1, keepdims=0)
    piece.then("Gather", piece.constant(labels), best, output=PREDICTION, axis=0)
    piece.cast(probabilities, onnx.TensorProto.FLOAT, PROBABILITIES)
    kind = onnx.TensorProto.STRING if labels.dtype.kind == "U" else onnx.helper.np_dtype_to_tensor_dtype(labels.dtype)
    piece.outputs |= {
        PREDICTION: (kind, ["n"]),
        PROBABILITIES: (onnx.TensorProto.FLOAT, ["n", len(labels)]),
    }
    return piece


def _converted(estimator: Any, features: str, width: int) -> Any:
    """Gives what skl2onnx makes of an estimator, its outputs named and shaped as here."""
    skl2onnx, types = needed("skl2onnx"), needed("skl2onnx.common.data_types")
    probable = hasattr(estimator, "predict_proba")
    estimator = with_thresholds_below(estimator)
    options = {id(estimator): {"zipmap": False}} if probable else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = skl2onnx.convert_sklearn(
                estimator, "estimator", [(features, types.FloatTensorType([None, width]))], options=options,
                target_opset=OPSETS,
            )  # fmt: skip
    except Exception as error:  # of its many kinds: one says that there is no converter, others what it lacks
        raise _unknown(estimator, one_line(" ".join(str(error).split()), 200)) from error
    model.ir_version = 9
    del model.opset_import[:]  # it names the oldest that its operators need, and these are as in ours
    model.opset_import.extend(needed("onnx.helper").make_opsetid(*opset) for opset in OPSETS.items())
    return _renamed(model, [PREDICTION, PROBABILITIES] if probable else [PREDICTION])


def _renamed(model: Any, names: list[str]) -> Any:
    """Gives a model with its first outputs under these names, the first of one axis, and without the others."""
    onnx = needed("onnx")
    model = onnx.compose.add_prefix(model, "estimator/", rename_inputs=False)  # its own outputs may have these names
    graph = model.graph
    kept = list(graph.output)[: len(names)]
    del graph.output[:]
    for name, output in zip(names, kept, strict=True):
        flat = name == PREDICTION
        shape = onnx.numpy_helper.from_array(np.array([-1] if flat else [0, -1]), f"estimator/shape_of_{name}")
        graph.initializer.append(shape)
        graph.node.append(onnx.helper.make_node("Reshape", [output.name, shape.name], [name]))
        kind = output.type.tensor_type.elem_type
        classes = output.type.tensor_type.shape.dim[-1].dim_value or None
        graph.output.append(onnx.helper.make_tensor_value_info(name, kind, ["n"] if flat else ["n", classes]))
    return model


def _unknown(estimator: Any, why: str) -> GraphError:
    return GraphError(
        f"the estimator {type(estimator).__name__} cannot be a graph ({why}); export it in another format, or take a "
        "learner that can"
    )
