"""Evaluating without the graph of nodes. Imports what it needs only when it is used."""


def evaluate_in_process(arguments: list[str]) -> int:
    """`craft evaluate --in-process`: the same episodes without the graph, with all of Bench2Drive's measures."""
    from craft.world.evaluate import main

    return main(arguments)
