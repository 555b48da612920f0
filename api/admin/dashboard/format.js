// Numbers, times and sizes as people read them, and elements of the page.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(number) {
  return whole.format(number);
}

/** A rate: with a decimal while it is small. */
export function rate(number) {
  return number > 0 && number < 10 ? number.toFixed(1) : count(number);
}

export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    ++unit;
  }
  return (unit === 0 || number >= 100 ? whole.format(number) : number.toFixed(1)) + " " + units[unit];
}

/** A span of time in seconds. */
export function span(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) {
    return "–";
  }
  if (seconds < 0.001) {
    return Math.max(0, Math.round(seconds * 1e6)) + " µs";
  }
  if (seconds < 1) {
    return (seconds * 1000).toFixed(seconds < 0.01 ? 2 : seconds < 0.1 ? 1 : 0) + " ms";
  }
  if (seconds < 100) {
    return seconds.toFixed(seconds < 10 ? 2 : 1) + " s";
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return minutes + " min " + String(Math.floor(seconds % 60)).padStart(2, "0") + " s";
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? hours + " h " + String(minutes % 60).padStart(2, "0") + " min" : Math.floor(hours / 24) + " days";
}

export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text only where it changes: the page is laid out anew otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Shows a state as text and colour. */
export function setState(element, state) {
  setText(element, state);
  if (element.dataset.state !== state) {
    element.dataset.state = state;
  }
}

export function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) {
    made.className = className;
  }
  made.append(...children);
  return made;
}
