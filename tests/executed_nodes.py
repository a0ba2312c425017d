"""What TensorFlow runs, after it has rewritten a graph."""

from tensorflow.python.eager import context


def executed_nodes(call):
    """The nodes of the graphs that `call()` is the first to run.

    Those of functions that they call are left out.
    """
    context.enable_run_metadata()
    try:
        call()
        run = context.export_run_metadata()
    finally:
        context.disable_run_metadata()
    graphs = [g for f in run.function_graphs for g in f.partition_graphs]
    return [node for graph in graphs for node in graph.node]
