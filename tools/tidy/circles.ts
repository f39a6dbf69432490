/** Circles in a graph of imports. */

/**
 * The strongly connected components of more than one node, and nodes that point to themselves (Tarjan's algorithm).
 * @param graph where each node points; what it has no row for points nowhere
 * @returns each component sorted, in order of their first nodes
 */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];

  /** The earliest node still open that can be reached from `node`. */
  const visit = (node: string): number => {
    const own = order.size;
    order.set(node, own);
    open.push(node);
    let earliest = own;
    for (const next of graph.get(node) ?? []) {
      const seen = order.get(next);
      if (seen === undefined) earliest = Math.min(earliest, visit(next));
      else if (open.includes(next)) earliest = Math.min(earliest, seen);
    }
    if (earliest === own) {
      const component = open.splice(open.indexOf(node));
      if (component.length > 1 || graph.get(node)?.includes(node)) circles.push(component.sort());
    }
    return earliest;
  };

  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return circles.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
}
