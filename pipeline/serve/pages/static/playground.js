// A document token by token: the choice at each, the dials that reshape it, and how it came about.
// Everything is drawn anew from the server's answer; addresses are those of the page without scripts.
import { ask } from "./api.js";
import { attentionMap } from "./attention_map.js";
import { byId, data, el, fill, paced, settled, visible } from "./dom.js";

const DIAL_MILLISECONDS = 60; // a dial that is being turned asks so long after its last move
const MANY = 20;
const HUES = 6;
const DIALS = ["temperature", "top_k", "top_p", "min_p", "seed"];

const form = byId("ask");
const problem = byId("problem");
let view = data("view");
let number = 0; // of the question that was asked last

const named = (token) => {
  if (token.text === null) return `<${token.bytes || token.id}>`;
  return /^ +$/.test(token.text) ? "␣".repeat(token.text.length) : visible(token.text);
};
/** In a list a space in front would not be seen. */
const listed = (token) => named(token).replace(/^ /, "␣");
const percent = (share) =>
  share >= 0.001 ? `${(100 * share).toFixed(1)}%` : share === 0 ? "0" : "<0.1%";

const read = () => view.ids.slice(0, view.at);
const dials = () =>
  Object.fromEntries(DIALS.map((name) => [name, Number(form.elements[name].value)]));

function link(ids, at, seed) {
  const fields = { model: view.model, ids: ids.join("."), ...(at ? { at } : {}), ...dials() };
  if (seed !== undefined) fields.seed = seed;
  return `/playground?${new URLSearchParams(fields)}`;
}

function drawDocument() {
  const tokens = view.tokens.flatMap((token, index) => {
    const at = index + 1;
    const isChosen = at === view.at;
    const kind = isChosen ? " chosen" : at > view.at ? " unread" : "";
    const one = el(
      "a",
      {
        class: `tok hue-${index % HUES}${kind}`,
        href: link(view.ids, at),
        title: `token ${at}, id ${token.id}`,
        tabindex: isChosen ? 0 : -1,
        "aria-current": isChosen ? "true" : null,
        dataset: { at },
      },
      named(token),
    );
    return token.text?.includes("\n") ? [one, "\n"] : [one];
  });
  fill(byId("document"), tokens);
}

const meter = (value, kind) => el("meter", { value, class: kind, "aria-hidden": "true" });
const said = (words, share) =>
  el("span", { class: "number" }, el("span", { class: "visually-hidden" }, words), percent(share));

function bar(row) {
  const next = view.next;
  const isNext = row.id === next.after;
  const words = [
    el("span", { class: "mono" }, listed(row), isNext ? el("span", { class: "muted" }, " came") : null),
    meter(row.p, null),
    said("the model: ", row.p),
    meter(row.q, "drawn"),
    said("after the dials: ", row.q),
  ];
  const properties = { class: isNext ? "bar came" : "bar" };
  if (view.at >= view.context) return el("li", {}, el("span", properties, words));
  const to = { href: link([...read(), row.id]), dataset: { pick: row.id } };
  return el("li", {}, el("a", { ...properties, ...to }, words));
}

function drawNext() {
  const next = view.next;
  fill(
    byId("open"),
    `Entropy ${next.entropy.toFixed(2)} bits, ${next.drawn_entropy.toFixed(2)} after the dials, which leave ` +
      `${next.kept.toLocaleString("en")} of ${next.vocabulary.toLocaleString("en")} tokens to draw from.`,
  );
  fill(byId("next"), next.rows.map(bar));
  const rest = next.rest;
  fill(
    byId("rest"),
    el("span", {}, `${rest.count.toLocaleString("en")} others`),
    meter(rest.p, null),
    said("", rest.p),
    meter(rest.q, "drawn"),
    said("", rest.q),
  );
}

function drawLens() {
  const rows = view.lens.map((row) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, row.layer ? `layer ${row.layer}` : "embedding"),
      el("td", { class: "number" }, row.entropy.toFixed(2)),
      el("td", { class: "number" }, percent(row.said)),
      row.top.map((one) =>
        el(
          "td",
          { class: `heat-${Math.round(10 * one.p)}` },
          el("span", { class: "mono" }, listed(one)),
          " ",
          el("span", { class: "small" }, percent(one.p)),
        ),
      ),
    ),
  );
  fill(byId("lens"), rows);
}

function drawHeads() {
  const rows = view.attention.strongest.flatMap((layer, l) =>
    layer.map((head, h) =>
      el(
        "tr",
        {},
        el("td", {}, String(l + 1)),
        el("td", {}, String(h + 1)),
        head.map((one) =>
          el(
            "td",
            {},
            el("span", { class: "mono" }, listed(view.tokens[one.at])),
            " ",
            el("span", { class: "muted small" }, String(one.at + 1)),
            ` ${percent(one.share)}`,
          ),
        ),
      ),
    ),
  );
  fill(byId("heads"), rows);
  fill(byId("map"), attentionMap(view, { named, listed, percent }, byId("document"), byId("look")));
}

function drawForm() {
  for (const name of DIALS) {
    const shown = form.querySelector(`output[for=${name}]`);
    if (shown) shown.textContent = form.elements[name].value;
  }
  const hasRoom = view.at < view.context;
  byId("room").textContent = `${view.ids.length} of ${view.context} tokens`;
  byId("ids").value = view.ids.join(".");
  byId("many").disabled = !hasRoom;
  const draw = document.getElementById("draw");
  if (draw) {
    draw.hidden = !hasRoom;
    draw.href = link([...read(), view.next.drawn.id], null, dials().seed + 1);
  }
  const back = document.getElementById("back");
  if (back) {
    back.hidden = view.ids.length < 2;
    back.href = link(view.ids.slice(0, -1));
  }
}

function draw() {
  drawForm();
  drawDocument();
  drawNext();
  drawLens();
  drawHeads();
}

/** Ask for a state and show it; false: it was refused, or a later question is under way. */
async function show(asked) {
  const mine = ++number;
  try {
    const body = { model: form.elements.model.value, ...dials(), ...asked };
    const found = await ask("/playground/state", body);
    if (mine !== number) return false;
    view = found;
    problem.textContent = "";
    if (!("text" in asked)) byId("text").value = view.text;
    draw();
    history.replaceState(null, "", link(view.ids, view.at < view.ids.length ? view.at : null));
    return true;
  } catch (error) {
    if (mine === number) problem.textContent = error.message;
    return false;
  }
}

const again = () => show({ ids: view.ids, at: view.at });

async function pick(id) {
  const place = [...byId("next").querySelectorAll("a")].indexOf(document.activeElement);
  if (!(await show({ ids: [...read(), id] }))) return false;
  if (place >= 0) byId("next").querySelector("a")?.focus(); // on from the likeliest
  return true;
}

async function drawOne() {
  form.elements.seed.value = dials().seed + 1;
  return show({ ids: [...read(), view.next.drawn.id] });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  show({ text: byId("text").value });
});
byId("text").addEventListener("input", paced(() => show({ text: byId("text").value })));
form.addEventListener("input", (event) => {
  if (!DIALS.includes(event.target.name) || !event.target.checkValidity()) return;
  drawForm();
  turned();
});
const turned = settled(again, DIAL_MILLISECONDS);
// Another model has tokens of its own.
form.elements.model.addEventListener("change", () => show({ text: byId("text").value }));

document.addEventListener("click", async (event) => {
  const one = event.target.closest?.("[data-at], [data-pick], #draw, #back, #many");
  if (!one || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (one.dataset.at) await choose(Number(one.dataset.at));
  else if (one.dataset.pick) await pick(Number(one.dataset.pick));
  else if (one.id === "draw") await drawOne();
  else if (one.id === "back") await show({ ids: view.ids.slice(0, -1) });
  else if (one.id === "many") {
    for (let count = 0; count < MANY && view.at < view.context; count += 1) {
      if (!(await drawOne())) break;
    }
  }
});

async function choose(at) {
  const wasThere = byId("document").contains(document.activeElement);
  if ((await show({ ids: view.ids, at })) && wasThere) {
    byId("document").querySelector(".chosen")?.focus();
  }
}

byId("document").addEventListener("keydown", (event) => {
  const places = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = Number(event.target.dataset.at) + (places ?? 0);
  if (!places || at < 1 || at > view.ids.length) return;
  event.preventDefault();
  choose(at);
});
byId("next").addEventListener("keydown", (event) => {
  const all = [...byId("next").querySelectorAll("a")];
  const places = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const next = places
    ? all[all.indexOf(event.target) + places]
    : /^[1-9]$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey
      ? all[Number(event.key) - 1]
      : null;
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (!places) next.click();
});

byId("many").hidden = byId("digits").hidden = false;
byId("map").hidden = byId("look").hidden = false;
byId("strongest").open = false;
byId("map-help").textContent =
  "The darker, the more. Point at a cell, or move among them with Tab and the arrow keys, and its number is here:";
draw();
