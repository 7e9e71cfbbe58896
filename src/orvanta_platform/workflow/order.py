"""Orders of a directed graph over small integers, computed without recursion."""

from __future__ import annotations

from collections.abc import Sequence


def topological(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[int]:
    """Return the indexes in topological order, sources first, without nodes on or after a cycle.

    `sources[i]` and `targets[i]` are the two ends of the same edges, including repeated edges.
    """
    open_edges = [len(each) for each in sources]
    order = [index for index, count in enumerate(open_edges) if count == 0]
    for index in order:
        for target in targets[index]:
            open_edges[target] -= 1
            if open_edges[target] == 0:
                order.append(target)
    return order


def cycles(targets: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the strongly connected components that form cycles (Tarjan), each ascending, ordered by first node."""
    return sorted(sorted(group) for group in _components(targets) if len(group) > 1 or group[0] in targets[group[0]])


def _components(targets: Sequence[Sequence[int]]) -> list[list[int]]:
    number = [-1] * len(targets)
    low = [0] * len(targets)
    on_stack = [False] * len(targets)
    stack: list[int] = []
    groups: list[list[int]] = []
    counter = 0
    for root in range(len(targets)):
        if number[root] >= 0:
            continue
        work = [(root, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                number[node] = low[node] = counter
                counter += 1
                stack.append(node)
                on_stack[node] = True
            else:
                low[node] = min(low[node], low[targets[node][position - 1]])
            while position < len(targets[node]):
                target = targets[node][position]
                position += 1
                if number[target] < 0:
                    work += [(node, position), (target, 0)]
                    break
                if on_stack[target]:
                    low[node] = min(low[node], number[target])
            else:
                if low[node] == number[node]:
                    groups.append(_pop_group(stack, on_stack, node))
    return groups


def _pop_group(stack: list[int], on_stack: list[bool], node: int) -> list[int]:
    group: list[int] = []
    while not group or group[-1] != node:
        group.append(stack.pop())
        on_stack[group[-1]] = False
    return group
