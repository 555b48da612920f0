// The list of programs: created tasks and requests that run.

import { byId, make, setState, setText, span, count } from "./format.js";
import { now } from "./daemon.js";
import { Rows } from "./rows.js";

const most = 10000; // asked for at a time

export class Programs {
  /** chosen(program): the user wants to see it. */
  constructor(chosen) {
    this.all = [];
    this.rows = new Rows(byId("programs-rows"), "programs-columns", {
      create: () => [make("span", "state"), make("span"), make("span", "number muted")],
      fill: ([state, name, time], program) => {
        setState(state, program.state);
        setText(name, nameOf(program));
        name.title = program.id ?? "";
        setText(time, timeOf(program));
      },
      keyOf: (program) => program.id,
      chosen,
    });
    for (const id of ["find", "find-state"]) {
      byId(id).addEventListener("input", () => this.filter());
    }
  }

  static get most() {
    return most;
  }

  set(all) {
    // The newest first: they are what somebody looks for. A request that waits for a pool has not begun.
    const begin = (program) => program.created ?? program.started ?? Number.MAX_VALUE;
    this.all = all.filter((program) => program.id !== null).sort((a, b) => begin(b) - begin(a));
    this.filter();
  }

  filter() {
    const wanted = byId("find").value.trim().toLowerCase();
    const state = byId("find-state").value;
    const found = this.all.filter((program) => (!state || program.state === state) &&
      (!wanted || program.id.includes(wanted) || nameOf(program).toLowerCase().includes(wanted)));
    this.rows.set(found);
    setText(byId("programs-count"), (found.length === this.all.length ? "" : count(found.length) + " of ") +
      count(this.all.length) + (this.all.length >= most ? ", the others are not listed" : ""));
  }

  select(id) {
    this.rows.select(id);
  }

  find(id) {
    return this.all.find((program) => program.id === id);
  }
}

export function nameOf(program) {
  if (program.request !== undefined) {
    return `request ${JSON.stringify(program.request)} of ${program.client}`;
  }
  return program.name;
}

function timeOf(program) {
  if (typeof program.started !== "number") {
    return "";
  }
  return span((program.finished ?? now()) - program.started);
}
