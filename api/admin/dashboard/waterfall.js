// The waterfall: a row for each node of a program, with a bar from when it was queued to when it ended.

import { byId, bytes, count, make, setState, setText, span } from "./format.js";
import { now } from "./daemon.js";
import { Rows } from "./rows.js";

const isOpen = (node) => node.state === "queued" || node.state === "running";
const filters = {
  "": () => true,
  call: (node) => node.kind === "call",
  open: isOpen,
  bad: (node) => node.state === "failed" || node.state === "cancelled",
};

export class Waterfall {
  constructor() {
    this.rows = new Rows(byId("nodes-rows"), "nodes-columns", {
      create: () => {
        const line = make("span", "line", make("i", "wait"), make("i"));
        return [make("span"), make("span", "wide mono muted"), make("span", "number wide"), make("span", "state"),
          make("span", "number wide"), make("span", "number"), line];
      },
      fill: (cells, node) => this.fill(cells, node),
      keyOf: (node) => node.id,
      chosen: (node) => this.choose(node),
    });
    byId("show").addEventListener("input", () => this.arrange());
    this.clear(null);
    setInterval(() => this.tick(), 250);
  }

  /** Another program is to be shown, or none. */
  clear(id) {
    this.id = id;
    this.program = null;
    this.nodes = new Map();
    this.chosen = null;
    this.rows.select(null);
    this.rows.set([]);
    this.rows.view.scrollTop = 0;
    byId("node").hidden = true;
    for (const part of ["legend", "nodes-heads", "nodes-rows"]) {
      byId(part).hidden = true;
    }
    setText(byId("program-title"), "Waterfall");
    setState(byId("program-state"), "");
    setText(byId("program-id"), id ?? "");
    byId("program-note").hidden = false;
    setText(byId("program-note"), id ? "waiting for the daemon" : "Choose a program. Its nodes are recorded from then on.");
  }

  /** An event of the program: its state, and the nodes that have changed. */
  take(program) {
    const isFirst = this.program === null;
    this.program = program;
    this.now = null;
    this.offset = program.finished === null && program.started !== null ? program.started : null;
    let isNew = isFirst;
    for (const node of program.nodes) {
      isNew = isNew || !this.nodes.has(node.id);
      this.nodes.set(node.id, node);
    }
    setText(byId("program-title"), program.name);
    byId("program-title").title = program.name;
    setState(byId("program-state"), program.state);
    byId("program-note").hidden = this.nodes.size > 0;
    setText(byId("program-note"), program.state === "waiting" ? "It waits, and runs nothing yet."
      : "Nobody watched it while it ran: nothing of its nodes was recorded.");
    for (const part of ["legend", "nodes-heads", "nodes-rows"]) {
      byId(part).hidden = this.nodes.size === 0;
    }
    if (isNew || byId("show").value) {
      this.arrange();
    }
    const left = program.nodes_not_recorded;
    setText(byId("node-count"), count(this.nodes.size) + " nodes" + (left > 0 ? `, ${count(left)} more are not recorded` : ""));
    this.tick(true);
  }

  get isRunning() {
    return this.program !== null && ["pending", "waiting", "running"].includes(this.program.state);
  }

  /** Children below their parents, in the order in which they were queued. */
  arrange() {
    const below = new Map();
    for (const node of this.nodes.values()) {
      const list = below.get(node.parent);
      if (list) {
        list.push(node);
      } else {
        below.set(node.parent, [node]);
      }
    }
    const isShown = filters[byId("show").value];
    const shown = [];
    const left = (below.get(null) ?? []).map((node) => [node, 0]).reverse();
    while (left.length > 0) {
      const [node, depth] = left.pop();
      if (isShown(node)) {
        shown.push(node);
        node.depth = depth;
      }
      const children = below.get(node.id) ?? [];
      for (let i = children.length - 1; i >= 0; --i) {
        left.push([children[i], depth + 1]);
      }
    }
    this.order = shown.map((node) => node.id);
    this.depths = new Map(shown.map((node) => [node.id, node.depth]));
    this.rows.set(shown);
  }

  /** Time goes on for what runs. */
  tick(hasChanged = false) {
    if (this.program === null || (!hasChanged && !this.isRunning)) {
      return;
    }
    this.now = this.isRunning && this.offset !== null ? Math.max(0, now() - this.offset) : null;
    let end = 0;
    for (const node of this.nodes.values()) {
      end = Math.max(end, node.ended_at ?? node.started_at ?? node.queued_at);
    }
    this.end = Math.max(end, this.now ?? 0, 1e-6);
    this.drawAxis();
    this.rows.items = (this.order ?? []).map((id) => this.nodes.get(id));
    this.rows.drawSoon();
    if (this.chosen !== null && hasChanged) {
      this.describe(this.nodes.get(this.chosen));
    }
  }

  drawAxis() {
    const ticks = 4;
    const axis = byId("axis");
    while (axis.children.length <= ticks) {
      axis.append(make("b"));
    }
    for (let i = 0; i <= ticks; ++i) {
      setText(axis.children[i], i === 0 ? "0" : span(this.end * i / ticks));
      axis.children[i].style.left = 100 * i / ticks + "%";
    }
  }

  fill([name, path, size, state, start, time, line], node) {
    setText(name, node.function ?? node.kind);
    name.style.paddingLeft = Math.min(this.depths.get(node.id) ?? 0, 12) * 12 + "px";
    name.title = node.function ?? node.kind;
    setText(path, this.shortPath(node) + itemsOf(node));
    path.title = node.path + itemsOf(node);
    setText(size, node.kind === "call" ? bytes(node.arguments_bytes) : "");
    setState(state, node.state);
    setText(start, span(node.started_at));
    const end = node.ended_at ?? Math.max(this.now ?? this.end, node.started_at ?? node.queued_at);
    setText(time, node.started_at === null ? "–" : span(end - node.started_at));
    const [wait, bar] = line.children;
    const place = (element, from, to) => {
      element.style.left = 100 * from / this.end + "%";
      element.style.width = Math.max(0, 100 * (to - from) / this.end) + "%";
    };
    place(wait, node.queued_at, node.started_at ?? end);
    bar.hidden = node.started_at === null && isOpen(node);
    bar.dataset.state = node.state;
    place(bar, node.started_at ?? end, end);
  }

  /** Below its parent, whose row is above, a node's path goes on. */
  shortPath(node) {
    const around = this.nodes.get(node.parent);
    return around && !byId("show").value && node.path !== around.path && node.path.startsWith(around.path)
      ? "…" + node.path.slice(around.path.length) : node.path;
  }

  choose(node) {
    this.chosen = node.id;
    this.describe(node);
  }

  describe(node) {
    const list = make("dl");
    const add = (term, text, className) => list.append(make("dt", "", term), make("dd", className ?? "", text));
    add("Node", node.function ? `${node.kind} ${node.function}` : node.kind);
    add("Path", node.path + itemsOf(node), "mono");
    add("State", node.state);
    if (node.error) {
      add("Error", node.error.message ? `${node.error.type}: ${node.error.message}` : node.error.type, "failed");
    }
    if (node.kind === "call") {
      add("Arguments", bytes(node.arguments_bytes));
    }
    const waited = (node.started_at ?? node.ended_at ?? node.queued_at) - node.queued_at;
    add("Times", `queued at ${span(node.queued_at)}` + (node.started_at === null ? "" : `, started at ${span(node.started_at)} after ${span(waited)}`) +
      (node.ended_at === null ? "" : `, ended at ${span(node.ended_at)}`));
    const details = byId("node");
    if (details.textContent !== list.textContent || details.hidden) {
      details.replaceChildren(list);
      details.hidden = false;
    }
  }
}

function itemsOf(node) {
  return node.items ? ` [${node.items.join(", ")}]` : "";
}
