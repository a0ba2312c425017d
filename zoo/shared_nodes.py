"""Makes the graph of a SavedModel smaller, so that it loads and compiles sooner."""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

# What most of a traced graph is made of, whose results depend on inputs and
# attributes alone.
_PURE = {"Cast", "ConcatV2", "Const", "ExpandDims", "GatherV2", "Pack", "Prod"}
_PURE |= {"Range", "Reshape", "Shape", "StridedSlice", "Sub"}
# What an attribute says about the place in the program, not about the result.
_NO_MATTER = ("_output_shapes", "_has_manual_control_dependencies")


def share_equal_nodes(directory):
    """Computes once what functions of the SavedModel in `directory` compute twice.

    Traced Python repeats constants and arithmetic of shapes wherever it is run through:
    half of a translator's nodes. TensorFlow finds them again at each first call, after
    it has read and built them all.
    """
    path = Path(directory) / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            _share_within(function)
    path.write_bytes(saved_model.SerializeToString(deterministic=True))
    # It is a checksum of the graph as it was; nothing needs it to load a model.
    Path(directory, "fingerprint.pb").unlink(missing_ok=True)


def _share_within(function):
    """Merges the equal nodes of one FunctionDef, whose order is not that of running."""
    while merged := _equal_nodes(function.node_def):
        kept = [node for node in function.node_def if node.name not in merged]
        for node in kept:
            inputs = [_renamed(name, merged) for name in node.input]
            data = [name for name in inputs if not name.startswith("^")]
            node.input[:] = data + sorted({*inputs} - {*data})
        for results in (function.ret, function.control_ret):
            for key, name in results.items():
                results[key] = _renamed(name, merged)
        del function.node_def[:]
        function.node_def.extend(kept)


def _equal_nodes(nodes):
    """Dict of a node's name to that of an earlier one which gives the same."""
    first, merged = {}, {}
    for node in nodes:
        if node.op not in _PURE or any(name.startswith("^") for name in node.input):
            continue
        attributes = {
            key: value.SerializeToString(deterministic=True)
            for key, value in node.attr.items()
            if key not in _NO_MATTER
        }
        key = node.op, node.device, *node.input, *sorted(attributes.items())
        if first.setdefault(key, node.name) != node.name:
            merged[node.name] = first[key]
    return merged


def _renamed(tensor, merged):
    """`"add:z:0"` or `"^add"` with the name of the node that it was merged into."""
    mark = "^" if tensor.startswith("^") else ""
    name, colon, output = tensor.removeprefix("^").partition(":")
    return mark + merged.get(name, name) + colon + output
