// A conversation that may take several ways from each point: a tree, of which one path is shown.

/** A node: {role, …, parent, children, at}; `at` is the child that is shown. */
export class ChatTree {
  root = { role: "root", children: [], at: -1, parent: null };

  /** What is shown, from the first message on. */
  path() {
    const found = [];
    for (let node = this.root; node.at >= 0; ) {
      node = node.children[node.at];
      found.push(node);
    }
    return found;
  }

  /** Add a message below another (null: as the first), and show it. */
  add(parent, message) {
    const above = parent ?? this.root;
    const node = { ...message, parent: above, children: [], at: -1 };
    above.children.push(node);
    above.at = above.children.length - 1;
    return node;
  }

  /** Show the sibling so many places further. */
  turn(node, places) {
    const above = node.parent;
    above.at = Math.min(Math.max(above.at + places, 0), above.children.length - 1);
  }

  /** Everything, as JSON has it. */
  toJSON() {
    const plain = (node) => ({
      ...Object.fromEntries(Object.entries(node).filter(([name]) => name !== "parent")),
      children: node.children.map(plain),
    });
    return this.root.children.map(plain);
  }
}
