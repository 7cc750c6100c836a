"""Cycles among messages: which fields close one, so that recursion can be counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.protobuf.descriptor import Descriptor, FieldDescriptor

__all__ = ["Children", "Cycles"]

Children = Callable[[Descriptor], Sequence[tuple[FieldDescriptor, Descriptor]]]
"""Gives the fields of a message that hold messages, each with what it holds."""


class Cycles:
    """The strongly connected components of the messages below a root, and the edges that close cycles.

    Tarjan's algorithm (SIAM J. Comput. 1(2), 1972) without recursion. An edge closes a cycle when it leads
    to a message on the current path; every cycle has at least one such edge.
    """

    def __init__(self, root: Descriptor, children: Children) -> None:
        """Walks all messages below `root`, itself included."""
        self._component: dict[str, int] = {}
        self._closing: set[tuple[str, str]] = set()
        self._walk(root, children)

    def joins(self, first: Descriptor, second: Descriptor) -> bool:
        """Says whether the two lie on a common cycle."""
        component = self._component.get(first.full_name)
        return component is not None and component == self._component.get(second.full_name)

    def closes(self, owner: FieldDescriptor, target: Descriptor) -> bool:
        """Says whether the field, holding `target`, closes a cycle."""
        return (owner.full_name, target.full_name) in self._closing

    def _walk(self, root: Descriptor, children: Children) -> None:
        order: dict[str, int] = {root.full_name: 0}
        low = {root.full_name: 0}
        open_nodes = [root.full_name]
        path = {root.full_name}
        stack = [(root.full_name, iter(children(root)))]
        while stack:
            name, pending = stack[-1]
            following = next(pending, None)
            if following is None:
                stack.pop()
                path.discard(name)
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[name])
                if low[name] == order[name]:
                    while True:
                        member = open_nodes.pop()
                        self._component[member] = order[name]
                        if member == name:
                            break
                continue
            owner, target = following
            if target.full_name in path:
                self._closing.add((owner.full_name, target.full_name))
            if target.full_name not in order:
                order[target.full_name] = low[target.full_name] = len(order)
                open_nodes.append(target.full_name)
                path.add(target.full_name)
                stack.append((target.full_name, iter(children(target))))
            elif target.full_name not in self._component:
                low[name] = min(low[name], order[target.full_name])
