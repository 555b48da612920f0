// The numbers of the daemon: rates, quantiles and tables, from one snapshot a second.

import { byId, bytes, count, make, rate, setText, span } from "./format.js";

const kept = 60; // snapshots
const window = 10; // seconds of the quantiles
const quantiles = [0.5, 0.9, 0.99, 0.999];
const none = "–";

export class Numbers {
  constructor() {
    this.history = [];
  }

  /** After a gap nothing is compared with what was before. */
  restart() {
    this.history = [];
  }

  take(snapshot) {
    const { stats } = snapshot;
    const last = this.history.at(-1);
    const entry = { time: snapshot.time, snapshot, requests: null, tasks: null, inFlight: stats.tasks_in_flight };
    const seconds = last ? snapshot.time - last.time : 0;
    if (last && seconds > 0 && stats.uptime >= last.snapshot.stats.uptime) {
      const before = last.snapshot.stats;
      const ended = (its) => its.tasks_done + its.tasks_failed + its.tasks_cancelled;
      entry.requests = Math.max(0, stats.requests - before.requests) / seconds;
      entry.tasks = Math.max(0, ended(stats) - ended(before)) / seconds;
    } else {
      this.restart();
    }
    this.history.push(entry);
    this.history.splice(0, this.history.length - kept - 1);
    this.show(entry, last?.snapshot, seconds);
  }

  show(entry, before, seconds) {
    const { snapshot } = entry;
    const { stats } = snapshot;
    const recent = this.latency(snapshot);
    const facts = {
      requests: entry.requests === null ? none : rate(entry.requests), tasks: entry.tasks === null ? none : rate(entry.tasks),
      p50: span(recent[0]), p99: span(recent[2]), "in-flight": count(stats.tasks_in_flight),
      connections: count(stats.connections), memory: bytes(stats.memory.allocated_bytes), uptime: span(stats.uptime),
    };
    for (const [name, text] of Object.entries(facts)) {
      setText(byId("fact-" + name), text);
    }
    for (const [name, of] of [["requests", "requests"], ["tasks", "tasks"], ["in-flight", "inFlight"]]) {
      setText(byId("now-" + name), entry[of] === null ? none : rate(entry[of]));
      chart(byId("chart-" + name), this.history.map((each) => each[of]));
    }
    fillTable("failures", stats.failures ?? [], (each) => [each.function, each.type, count(each.count)]);
    fillTable("functions", slowest(stats.calls), ([name, its, mean]) => [name, span(mean), count(its.ok + its.failed), count(its.failed),
      count(its.running), count(its.queued)]);
    fillTable("threads", [...rates(stats.threads, before?.stats.threads, seconds, ""), ...rates(stats.bulk_threads, before?.stats.bulk_threads, seconds, "bulk ")],
      (cells) => cells);
    fillTable("pools", snapshot.pools, (pool) => [pool.pool, count(pool.serving), count(pool.starting), count(pool.ending)]);
    fillTable("errors", [...Object.entries(stats.errors), ...Object.entries(stats.limits)].filter(([, number]) => number > 0),
      ([name, number]) => [name, count(number)]);
  }

  /** Fills the table; gives the quantiles of the last seconds. */
  latency(snapshot) {
    const { bounds, counts } = snapshot.request_seconds;
    const from = this.history.findLast((each) => each.time <= snapshot.time - window) ?? this.history[0];
    const recent = counts.map((number, i) => number - from.snapshot.request_seconds.counts[i]);
    const now = quantiles.map((share) => quantile(bounds, recent, share));
    fillTable("latency", quantiles, (share) => ["p" + String(share * 100), span(now[quantiles.indexOf(share)]), span(quantile(bounds, counts, share))]);
    return now;
  }
}

/** Within its bucket a quantile is taken to lie as far as its rank does. Null: there was none. */
function quantile(bounds, counts, share) {
  const all = counts.reduce((sum, number) => sum + number, 0);
  if (all === 0) {
    return null;
  }
  let left = all * share;
  for (let i = 0; i < counts.length; ++i) {
    if (left <= counts[i] && counts[i] > 0) {
      const lower = i === 0 ? 0 : bounds[i - 1];
      const upper = bounds[i] ?? lower;
      return lower + (upper - lower) * left / counts[i];
    }
    left -= counts[i];
  }
  return bounds.at(-1);
}

function slowest(calls) {
  return Object.entries(calls)
    .map(([name, its]) => [name, its, its.ok + its.failed > 0 ? its.time_run / (its.ok + its.failed) : null])
    .sort((one, other) => (other[2] ?? -1) - (one[2] ?? -1)).slice(0, 20);
}

function rates(now, before, seconds, prefix) {
  return now.map((its, i) => {
    const was = before?.[i];
    const per = (name) => was && seconds > 0 ? rate(Math.max(0, its[name] - was[name]) / seconds) : none;
    return [prefix + i, per("run"), per("stolen"), per("parks"), per("timers"), count(its.queued)];
  });
}

/** The first columns are texts as the table's head says. */
function fillTable(id, rows, cellsOf) {
  const table = byId(id);
  const heads = table.tHead.rows[0].cells;
  const body = table.tBodies[0];
  const shown = rows.length > 0 ? rows.map(cellsOf) : [["none"]];
  while (body.rows.length > shown.length) {
    body.deleteRow(-1);
  }
  shown.forEach((texts, i) => {
    const row = body.rows[i] ?? body.insertRow();
    while (row.cells.length > texts.length) {
      row.deleteCell(-1);
    }
    texts.forEach((text, j) => {
      const cell = row.cells[j] ?? row.insertCell();
      const className = rows.length === 0 ? "none" : heads[j].className || "text";
      if (cell.className !== className) {
        cell.className = className;
      }
      setText(cell, text);
      if (className === "text") {
        cell.title = text;
      }
    });
  });
}

function chart(svg, numbers) {
  const width = kept;
  const height = 36;
  const most = Math.max(1, ...numbers.filter((number) => number !== null));
  let line = "";
  numbers.forEach((number, i) => {
    if (number !== null) {
      const x = width - (numbers.length - 1 - i);
      line += `${line ? "L" : "M"}${x} ${(height - 2 - (height - 5) * number / most).toFixed(1)}`;
    }
  });
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  if (!svg.firstChild) {
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  }
  svg.firstChild.setAttribute("d", line);
}
