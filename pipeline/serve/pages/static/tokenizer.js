// Tokens that follow the typing; a click on one shows the merges that made it.
import { ask } from "./api.js";
import { byId, el, fill, paced, visible } from "./dom.js";

const HUES = 6;
const KINDS = {
  control: "It is a control token: it was added by hand, and no text becomes it.",
  byte: "It is a single byte: every tokenizer here begins with all 256.",
  merged: "Training joined the commonest pair again and again; these merges lead to it.",
};

const form = byId("ask");
const text = byId("text");
const panels = byId("panels");
const problem = byId("problem");
const made = byId("made");

const shown = (token) => (token.text === null ? `<${token.bytes}>` : visible(token.text));

function span(token, number, name) {
  const properties = {
    class: `token hue-${number % HUES}${token.text === null ? " cut" : ""}`,
    title: `id ${token.id}, bytes ${token.bytes}`,
    dataset: { of: name, token: token.id },
  };
  const piece = el("span", properties, shown(token));
  return token.text?.includes("\n") ? [piece, "\n"] : [piece];
}

function idItem(token, name) {
  const properties = {
    class: "quiet",
    type: "button",
    "aria-label": `Token ${token.id}: how was it made?`,
    dataset: { of: name, token: token.id },
  };
  const button = el("button", properties, String(token.id));
  return el("li", {}, button, " ", el("span", { class: "mono" }, shown(token)));
}

function panel(one, isOpen) {
  const details = one.tokens.length
    ? el(
        "details",
        { open: isOpen },
        el("summary", {}, "Ids"),
        el("ol", { class: "ids" }, one.tokens.map((token) => idItem(token, one.name))),
      )
    : null;
  return el(
    "section",
    { class: "block panel", "aria-label": `Tokens of ${one.name}` },
    el("h2", {}, `${one.title[0].toUpperCase()}${one.title.slice(1)} `, el("span", { class: "muted" }, one.vocabulary)),
    el("p", { class: "facts" }, one.same_as ? `${one.facts}: the same tokens as those of ${one.same_as}` : one.facts),
    el("div", { class: "tokens" }, one.tokens.flatMap((t, n) => span(t, n, one.name))),
    one.hidden ? el("p", { class: "muted" }, `… and ${one.hidden} more`) : null,
    details,
  );
}

let asked = 0;
async function split() {
  const number = ++asked;
  const names = new FormData(form).getAll("with");
  try {
    const found = await ask("/tokenizer/tokens", { text: text.value, names });
    if (number !== asked) return; // a later one is under way
    const isOpen = panels.querySelector("details[open]") !== null;
    fill(panels, found.map((one) => panel(one, isOpen)));
    problem.textContent = "";
  } catch (error) {
    if (number === asked) problem.textContent = error.message;
  }
}

async function explain(name, token) {
  try {
    const found = await ask("/tokenizer/merges", { name, token });
    const steps = found.steps.map((step) =>
      el(
        "li",
        {},
        el("span", { class: "muted small" }, `merge ${step.rank + 1}`),
        " ",
        step.pieces.map((piece, at) =>
          el("span", { class: at === step.at ? "piece new" : "piece" }, visible(piece)),
        ),
      ),
    );
    fill(
      made,
      el(
        "p",
        {},
        el("span", { class: "token hue-0 mono" }, shown(found)),
        ` is token ${found.id} of ${found.title}, bytes `,
        el("code", {}, found.bytes),
        `. ${KINDS[found.kind]}`,
      ),
      steps.length ? el("ol", { class: "merges" }, steps) : null,
    );
  } catch (error) {
    fill(made, el("p", { class: "error" }, error.message));
  }
}

text.addEventListener("input", paced(split));
form.addEventListener("change", (event) => {
  if (event.target.name === "with") split();
});
byId("go").addEventListener("click", (event) => {
  event.preventDefault();
  split();
});
form.addEventListener("click", (event) => {
  const one = event.target.closest("[data-token]");
  if (one === null) return;
  event.preventDefault();
  for (const other of panels.querySelectorAll(".chosen")) other.classList.remove("chosen");
  if (one.classList.contains("token")) one.classList.add("chosen");
  explain(one.dataset.of, Number(one.dataset.token));
});
