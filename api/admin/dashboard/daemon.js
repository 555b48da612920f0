// What the page asks of the daemon, and the token that it shows.

const tokenName = "gatherd-token"; // in sessionStorage: it goes with the tab

let ahead = 0; // of the daemon's clock before this one, in seconds

/** The daemon's time in Unix seconds, as far as its last event tells. */
export function now() {
  return Date.now() / 1000 + ahead;
}

export function setTime(time) {
  ahead = time - Date.now() / 1000;
}

export class Refused extends Error {
  constructor(status, text) {
    super(text || `the daemon answered ${status}`);
    this.status = status;
  }
}

export function hasToken() {
  return sessionStorage.getItem(tokenName) !== null;
}

export function setToken(token) {
  if (token) {
    sessionStorage.setItem(tokenName, token);
  } else {
    sessionStorage.removeItem(tokenName);
  }
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (hasToken()) {
    headers.Authorization = "Bearer " + sessionStorage.getItem(tokenName);
  }
  const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  if (!answer.ok) {
    throw new Refused(answer.status, (await answer.text()).trim());
  }
  return answer;
}

/** The programs that run, requests among them, and those whose results are kept. */
export async function programs(limit) {
  return (await ask(`/tasks?running=1&limit=${limit}`)).json();
}

/** Cancels a created task. */
export async function cancel(id) {
  const answer = await ask("/rpc", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "cancel", params: { id, message: "cancelled in the dashboard" } }),
  });
  const told = await answer.json();
  if (told.error) {
    throw new Refused(told.error.code, told.error.message);
  }
  return told.result.cancelled;
}

/**
 * Reads events until the stream ends or `signal` says so; with those of a program, if one is named.
 * heard(name, data): one has come.
 */
export async function readEvents(program, signal, heard) {
  const query = program ? "?task=" + encodeURIComponent(program) : "";
  const answer = await ask("/events" + query, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = ""; // events that have not ended
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    let from = Math.max(0, text.length - 1); // the blank line may have come in two pieces
    text += value;
    let begin = 0;
    for (let end; (end = text.indexOf("\n\n", from)) >= 0; from = begin = end + 2) {
      hear(text.slice(begin, end), heard);
    }
    text = text.slice(begin);
  }
}

function hear(text, heard) {
  let name = "message";
  let data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) {
      name = line.slice(7);
    } else if (line.startsWith("data: ")) {
      data += line.slice(6);
    }
  }
  if (data) {
    heard(name, JSON.parse(data));
  }
}
