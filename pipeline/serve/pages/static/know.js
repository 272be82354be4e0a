// Models are asked one after the other, and each answer stands there as soon as it has come.
import { ask } from "./api.js";
import { byId, data, el, fill } from "./dom.js";
import "./in_place.js";

const ORDER = ["correct", "wrong", "idk", "unjudged"];

/** The template's bar: right, wrong, admitted; what nobody has judged is left empty. */
function bar(counts) {
  const svg = byId("bar").content.firstElementChild.cloneNode(true);
  const total = ORDER.reduce((sum, kind) => sum + counts[kind], 0) || 1;
  let before = 0;
  for (const [number, rect] of [...svg.children].entries()) {
    const width = (100 * counts[ORDER[number]]) / total;
    rect.setAttribute("x", String(before));
    rect.setAttribute("width", String(width));
    before += width;
  }
  return svg;
}

const row = (label, value) => el("div", {}, el("dt", {}, label), el("dd", {}, value));

function answers(one, words) {
  const counts = Object.fromEntries(
    ORDER.map((kind) => [kind, one.samples.filter((sample) => sample.type === kind).length]),
  );
  const said = ORDER.filter((kind) => counts[kind]).map((kind) => `${counts[kind]} ${words.kinds[kind]}`);
  return [
    el(
      "p",
      { class: "said" },
      one.given ? [el("span", { class: "muted" }, one.given), " "] : null,
      one.greedy || "(nothing)",
    ),
    el("p", { class: "row numbers" }, bar(counts), " ", el("span", {}, said.join(", "))),
    el(
      "dl",
      { class: "probabilities" },
      one.right === null
        ? null
        : row(
            ["probability of “", words.opening ? el("span", { class: "muted" }, words.opening, " ") : null, words.value, "”"].filter(Boolean),
            one.right,
          ),
      row(words.admission, one.admission),
    ),
    el(
      "details",
      {},
      el("summary", { class: "small" }, `${one.samples.length} samples`),
      el(
        "ul",
        { class: "samples" },
        one.samples.map((sample) =>
          el("li", {}, el("span", { class: `kind ${sample.type}` }, words.kinds[sample.type]), " ", sample.text || "(nothing)"),
        ),
      ),
    ),
  ];
}

function article(one, words) {
  const verdict = one.verdict
    ? [" ", el("span", { class: `verdict ${one.verdict}` }, words.verdicts[one.verdict])]
    : null;
  return el(
    "article",
    { class: "told", "aria-label": one.model },
    el("h3", {}, one.model, verdict),
    one.problem ? el("p", { class: "error" }, one.problem) : answers(one, words),
  );
}

let running = null; // an AbortController
async function askAll(form) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const words = data("words");
  const told = byId("told");
  const button = form.querySelector("button");
  const { fact, subject, answer } = form.dataset;
  button.textContent = "Ask again";
  fill(told);
  for (const model of new FormData(form).getAll("model")) {
    const waiting = el("p", { class: "muted told" }, `${model} …`);
    told.append(waiting);
    try {
      const found = await ask("/know/answers", { model, fact, subject, answer }, mine.signal);
      if (mine.signal.aborted) return;
      waiting.replaceWith(article(found, words));
    } catch (error) {
      if (mine.signal.aborted) return;
      waiting.replaceWith(article({ model, verdict: null, problem: error.message }, words));
    }
  }
}

// The form is there once a fact was chosen, and another one's may take its place.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "ask") return;
  event.preventDefault();
  askAll(event.target);
});
addEventListener("in-place", () => running?.abort());
