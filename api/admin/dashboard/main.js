// The page: who tells whom of what, and the dialogs.

import { byId, setText } from "./format.js";
import * as daemon from "./daemon.js";
import { Numbers } from "./numbers.js";
import { nameOf, Programs } from "./programs.js";
import { Waterfall } from "./waterfall.js";

const between = 2000; // milliseconds between two lists of programs
const mostRetries = 10000;

const numbers = new Numbers();
const waterfall = new Waterfall();
const programs = new Programs((program) => {
  location.hash = "task=" + encodeURIComponent(program.id);
});
let stream = null; // of events: what ends it

function setHealth(state, text) {
  byId("health").dataset.health = state;
  setText(byId("health"), text);
}

function say(text) {
  byId("message").hidden = !text;
  setText(byId("message"), text);
}

// ---- events --------------------------------------------------------------------------------------

function hear(name, data) {
  if (name === "snapshot") {
    setText(byId("version"), data.version);
    const state = data.stats.draining ? "draining" : data.ready ? "ready" : "waiting";
    setHealth(state, state === "waiting" ? "not ready" : state);
    daemon.setTime(data.time);
    numbers.take(data);
  } else if (name === "task" && data.id === waterfall.id) {
    waterfall.take(data);
    showCancel();
  }
}

/** Reads events for as long as the page is open, and anew where another program is chosen. */
async function follow() {
  for (let wait = 500; ;) {
    stream = new AbortController();
    const id = waterfall.id;
    try {
      await daemon.readEvents(id, stream.signal, (name, data) => {
        wait = 500;
        hear(name, data);
      });
      setHealth("lost", "connection lost");
    } catch (failed) {
      if (failed.name === "AbortError") {
        continue;
      }
      if (failed.status === 404 && id !== null) {
        say(`There is no program ${id}: its result was dropped, or the request has ended.`);
        location.hash = "";
        continue;
      }
      if (failed.status === 401 || failed.status === 403) {
        setHealth("lost", "no access");
        await askForToken(failed.status === 403 ? failed.message : daemon.hasToken() ? "The daemon does not know this token." : "");
        continue;
      }
      setHealth("lost", failed.status ? failed.message : "connection lost");
    }
    numbers.restart();
    await new Promise((then) => setTimeout(then, wait));
    wait = Math.min(2 * wait, mostRetries);
  }
}

async function list() {
  let next = between;
  try {
    const all = await daemon.programs(Programs.most);
    programs.set(all);
    next = all.length > 2000 ? 2 * between : between;
  } catch (failed) {
    if (failed.status && failed.status !== 401 && failed.status !== 403) {
      say(`The list of programs: ${failed.message}`);
    }
  }
  setTimeout(list, next);
}

// ---- the chosen program --------------------------------------------------------------------------

function choose() {
  const id = new URLSearchParams(location.hash.slice(1)).get("task");
  if (id === waterfall.id) {
    return;
  }
  if (id !== null) {
    say("");
  }
  waterfall.clear(id);
  programs.select(id);
  showCancel();
  stream?.abort();
}

function showCancel() {
  byId("cancel").hidden = !waterfall.isRunning;
}

// ---- dialogs -------------------------------------------------------------------------------------

function askForToken(why) {
  const dialog = byId("token-dialog");
  daemon.setToken("");
  byId("forget-token").hidden = true;
  if (why) {
    setText(byId("token-note"), why);
  }
  byId("token").value = "";
  dialog.showModal();
  byId("token").focus();
  return new Promise((then) => {
    dialog.onclose = () => {
      daemon.setToken(byId("token").value.trim());
      byId("token").value = "";
      byId("forget-token").hidden = !daemon.hasToken();
      then();
    };
  });
}

byId("token-use").addEventListener("click", () => byId("token-dialog").close());
byId("token").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    byId("token-dialog").close();
  }
});
byId("forget-token").addEventListener("click", () => {
  daemon.setToken("");
  location.reload();
});

byId("cancel").addEventListener("click", () => {
  const known = programs.find(waterfall.id);
  setText(byId("cancel-name"), known ? nameOf(known) : waterfall.program.name);
  setText(byId("cancel-id"), waterfall.id);
  byId("cancel-dialog").showModal();
  byId("cancel-no").focus();
});
byId("cancel-no").addEventListener("click", () => byId("cancel-dialog").close());
byId("cancel-yes").addEventListener("click", async () => {
  byId("cancel-dialog").close();
  byId("cancel").disabled = true;
  try {
    await daemon.cancel(waterfall.id);
    say("");
  } catch (failed) {
    say(`It was not cancelled: ${failed.message}`);
  } finally {
    byId("cancel").disabled = false;
  }
});

byId("forget-token").hidden = !daemon.hasToken();
addEventListener("hashchange", choose);
choose();
follow();
list();
