"""The declared ancestry as a graph of integers: cycles, reach and order.

Arrays instead of recursion, so that a chain of 100,000 generations or a child with 10,000
parents is only a longer array.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Ancestry:
    """Documents and the links between them.

    Args:
        children: document ids of the children, one a link.
        parents: document ids of the parents, in the same order, without nulls.
    """

    def __init__(self, children: pa.ChunkedArray, parents: pa.ChunkedArray) -> None:
        from scipy.sparse import csr_array

        both = pa.chunked_array([*children.chunks, *parents.chunks], pa.string())
        self.documents: pa.Array = pc.unique(both)
        ends = pc.index_in(both, self.documents).to_numpy()
        self.child, self.parent = ends[: len(children)], ends[len(children) :]
        count = len(self.documents)
        ones = np.ones(len(self.child), np.int8)
        #: row: parent, column: child
        self.down = csr_array((ones, (self.parent, self.child)), shape=(count, count))
        self.down.data[:] = 1  # two links between the same documents are one edge
        self._components: np.ndarray | None = None

    def cyclic(self) -> np.ndarray:
        """For every link whether it lies on a cycle (bool, one a link).

        A link is on a cycle exactly when both ends are in one strongly connected component.
        """
        components = self.components()
        return components[self.child] == components[self.parent]

    def components(self) -> np.ndarray:
        """The strongly connected component of every document (int32)."""
        if self._components is None:
            from scipy.sparse.csgraph import connected_components

            if len(self.documents):
                _, labels = connected_components(self.down, directed=True, connection="strong")
            else:
                labels = np.zeros(0, np.int32)
            self._components = labels
        return self._components

    def cycles(self) -> list[list[str]]:
        """The documents of every cycle: components with more than one, and self-parents."""
        components = self.components()
        inside = np.unique(components[self.child[self.cyclic()]])
        members: dict[int, list[str]] = {int(label): [] for label in inside}
        for index in np.flatnonzero(np.isin(components, inside)):
            members[int(components[index])].append(self.documents[int(index)].as_py())
        return sorted(sorted(names) for names in members.values())

    def index(self, document: str) -> int | None:
        """The number of a document, or None where it has no links."""
        found = pc.index(self.documents, pa.scalar(document, pa.string())).as_py()
        return None if found < 0 else found

    def indices(self, documents: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """The numbers of those documents that have links."""
        found = pc.drop_null(pc.index_in(documents, self.documents))
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)

    def reach(self, roots: np.ndarray, *, up: bool = False, both: bool = False) -> np.ndarray:
        """The numbers of `roots` and of all that follow from them, nearest first.

        Args:
            roots: numbers of documents.
            up: follow links to parents instead of to children.
            both: follow links both ways (the whole family).
        """
        from scipy.sparse import block_array, csr_array
        from scipy.sparse.csgraph import breadth_first_order

        count = len(self.documents)
        if not len(roots):
            return np.zeros(0, np.int64)
        graph = self.down.T.tocsr() if up else self.down
        # one more node that leads to all roots makes many starts one
        start = csr_array(
            (np.ones(len(roots), np.int8), (np.zeros(len(roots), np.int64), roots)),
            shape=(1, count),
        )
        start.data[:] = 1
        if both:
            graph = graph + graph.T
        whole = block_array([[graph, None], [start, csr_array((1, 1), dtype=np.int8)]]).tocsr()
        order = breadth_first_order(whole, count, directed=True, return_predecessors=False)
        return order[order != count].astype(np.int64)

    def topological(self, members: np.ndarray) -> list[int]:
        """`members` so that parents come before children; ties and cycles by document id.

        Documents on a cycle come together, where the first of them may come.
        """
        components = self.components()
        inside = np.zeros(len(self.documents), bool)
        inside[members] = True
        links = inside[self.child] & inside[self.parent]
        above, below = components[self.parent[links]], components[self.child[links]]
        between = above != below
        edges = np.unique(np.stack([above[between], below[between]], axis=1), axis=0)
        waiting = np.bincount(edges[:, 1], minlength=int(components.max(initial=0)) + 1)
        names = self.documents.take(pa.array(members, pa.int64())).to_pylist()
        grouped: dict[int, list[tuple[str, int]]] = {}
        for name, index in sorted(zip(names, members.tolist(), strict=True)):
            grouped.setdefault(int(components[index]), []).append((name, index))
        starts = np.searchsorted(edges[:, 0], np.arange(len(waiting) + 1))
        ready = [(group[0][0], label) for label, group in grouped.items() if not waiting[label]]
        heapq.heapify(ready)
        order: list[int] = []
        while ready:
            _, label = heapq.heappop(ready)
            order.extend(index for _, index in grouped[label])
            for below_label in edges[starts[label] : starts[label + 1], 1].tolist():
                waiting[below_label] -= 1
                if not waiting[below_label]:
                    heapq.heappush(ready, (grouped[below_label][0][0], below_label))
        return order

    def names(self, indices: Iterable[int]) -> list[str]:
        """The document ids of these numbers."""
        return self.documents.take(pa.array(list(indices), pa.int64())).to_pylist()
