// A list of any length, of which only the rows in view are elements.

import { make } from "./format.js";

const height = 24; // as --row
const beyond = 6; // rows above and below those in view

export class Rows {
  /**
   * create(): the cells of a new row. fill(cells, item): shows an item. keyOf(item): which it is.
   * chosen(item): the user has chosen it.
   */
  constructor(view, columns, { create, fill, keyOf, chosen }) {
    Object.assign(this, { view, columns, create, fill, keyOf, chosen });
    this.items = [];
    this.selected = null;
    this.pool = [];
    this.space = make("div", "space");
    view.append(this.space);
    view.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    view.addEventListener("keydown", (event) => this.key(event));
    view.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) {
        this.choose(row.index);
      }
    });
    new ResizeObserver(() => this.drawSoon()).observe(view);
  }

  set(items) {
    this.items = items;
    this.drawSoon();
  }

  select(key) {
    this.selected = key;
    this.drawSoon();
  }

  drawSoon() {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  }

  draw() {
    this.space.style.height = this.items.length * height + "px";
    const first = Math.max(0, Math.floor(this.view.scrollTop / height) - beyond);
    const last = Math.min(this.items.length, Math.ceil((this.view.scrollTop + this.view.clientHeight) / height) + beyond);
    let active = null;
    for (let i = first; i < last; ++i) {
      const row = this.row(i - first);
      const item = this.items[i];
      row.index = i;
      row.hidden = false;
      row.style.transform = `translateY(${i * height}px)`;
      const isSelected = this.keyOf(item) === this.selected;
      row.setAttribute("aria-selected", isSelected);
      row.setAttribute("aria-posinset", i + 1);
      row.setAttribute("aria-setsize", this.items.length);
      this.fill(row.cells, item);
      active = isSelected ? row.id : active;
    }
    for (let i = Math.max(0, last - first); i < this.pool.length; ++i) {
      this.pool[i].hidden = true;
    }
    if (active) {
      this.view.setAttribute("aria-activedescendant", active);
    } else {
      this.view.removeAttribute("aria-activedescendant");
    }
  }

  row(index) {
    if (index === this.pool.length) {
      const row = make("div", "row " + this.columns);
      row.id = `${this.view.id}-${index}`;
      row.setAttribute("role", "option");
      row.cells = this.create();
      row.append(...row.cells);
      this.pool.push(row);
      this.space.append(row);
    }
    return this.pool[index];
  }

  choose(index) {
    const item = this.items[index];
    if (item !== undefined) {
      this.select(this.keyOf(item));
      this.chosen(item);
    }
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.view.clientHeight / height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || this.items.length === 0) {
      return;
    }
    event.preventDefault();
    const now = this.items.findIndex((item) => this.keyOf(item) === this.selected);
    const next = Math.min(this.items.length - 1, Math.max(0, now + step));
    this.show(next);
    this.choose(next);
  }

  /** Scrolls so far that a row is in view. */
  show(index) {
    const top = index * height;
    if (top < this.view.scrollTop) {
      this.view.scrollTop = top;
    } else if (top + height > this.view.scrollTop + this.view.clientHeight) {
      this.view.scrollTop = top + height - this.view.clientHeight;
    }
  }
}
