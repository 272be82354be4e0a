// Elements from text. There is no other way to put something on a page (in_place.js puts a whole one
// of the server's): no markup is parsed, so what a model, the web or a person wrote stays text.

/** An element: el("p", {class: "muted", title: "…", onclick: f, dataset: {id: 3}}, "text", child) */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Replace all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element of an id; a page without it is broken, and says so. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** The value of a <script type="application/json"> of the page. */
export function data(id) {
  return JSON.parse(byId(id).textContent);
}

/** Control characters and ends of lines as signs that can be seen. */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    if (c === "\n") return "⏎";
    if (c === "\t") return "⇥";
    if (c === "\r") return "␍";
    return `<U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/** Call `work` once nothing has happened for so many milliseconds. */
export function settled(work, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}

/** Call an async `work` at once and, while it is under way, once more with what came last. */
export function paced(work) {
  let isRunning = false;
  let due = null;
  return async (...given) => {
    due = given;
    if (isRunning) return;
    isRunning = true;
    try {
      while (due !== null) {
        const next = due;
        due = null;
        await work(...next);
      }
    } finally {
      isRunning = false;
    }
  };
}
