"""Pieces of ONNX graphs, put together by the names of their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ballast.bundles import extras
from ballast.errors import BallastError

PREDICTION, PROBABILITIES = "prediction", "probabilities"
"""The outputs of a graph."""
OPSETS = {"": 18, "ai.onnx.ml": 3}
"""The versions of the operators that all pieces keep to, so that they can be put together."""


class GraphError(BallastError, ValueError):
    """A part of a model cannot be a graph, or is not the same as one."""


needed = partial(extras.needed, extra="onnx")
"""Gives a module of the extra `onnx`; MissingDependencyError where that is not installed."""


@dataclass
class Piece:
    """A graph while it is put together, whose own values are named after it.

    Attributes
    ----------
    name : what stands before the names of its values.
    inputs, outputs : value -> its ONNX type and shape.
    """

    name: str
    inputs: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)
    _nodes: list[Any] = field(default_factory=list)
    _constants: list[Any] = field(default_factory=list)

    def constant(self, value: Any) -> str:
        """Gives the name of an array that the graph holds."""
        numpy_helper = needed("onnx.numpy_helper")
        array = np.asarray(value)
        array = array.astype(object) if array.dtype.kind == "U" else array
        name = f"{self.name}/constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def then(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Adds an operator, and gives the name of its output, by default one of its own."""
        output = output or f"{self.name}/{len(self._nodes)}_{operator}"
        helper = needed("onnx.helper")
        domain = "ai.onnx.ml" if operator == "LabelEncoder" else ""
        self._nodes.append(helper.make_node(operator, list(inputs), [output], domain=domain, **attributes))
        return output

    def cast(self, value: str, kind: int, output: str | None = None) -> str:
        """Gives a value in another ONNX type."""
        return self.then("Cast", value, output=output, to=kind)

    def model(self) -> Any:
        """Gives the ONNX model."""
        helper = needed("onnx.helper")
        took, gives = (
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in values.items()]
            for values in (self.inputs, self.outputs)
        )
        graph = helper.make_graph(self._nodes, self.name, took, gives, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)
