// The chat: one prompt to several models, each with its own conversation.
import { ask } from "./api.js";
import { ChatColumn } from "./chat_column.js";
import { openExport } from "./chat_export.js";
import { byId, data, el, fill } from "./dom.js";
import { LEGENDS } from "./token_view.js";

const { models, tools, keyed, stop } = data("facts");
const columns = new Map(); // by the model's name, also of those that aren't shown
const places = byId("columns");
const prompt = byId("prompt");
const DIALS = ["temperature", "top_p", "min_p"];

const number = (id) => (byId(id).value === "" ? undefined : byId(id).valueAsNumber);

/** What is asked for besides the conversation; a dial that changes nothing is left out. */
function settings() {
  const sampling = { temperature: number("temperature"), max_tokens: number("max_tokens") };
  if (number("top_p") < 1) sampling.top_p = number("top_p");
  if (number("min_p") > 0) sampling.min_p = number("min_p");
  if (number("top_k") > 0) sampling.top_k = number("top_k");
  if (number("seed") !== undefined) sampling.seed = number("seed");
  const wanted = tools.length > 0 && byId("tools").checked;
  return { sampling, system: byId("system").value, tools: wanted, hasTools: tools.length > 0 };
}

const view = () => document.querySelector("[name=view]:checked").value;

// Many events may come between two pictures of the screen: each message is drawn once for all.
const due = new Map();
function frame(node, draw) {
  if (due.size === 0) {
    requestAnimationFrame(() => {
      const all = [...due.values()];
      due.clear();
      for (const one of all) one();
    });
  }
  due.set(node, draw);
}

const page = {
  settings,
  view,
  stop,
  frame,
  exportOf: (column) => openExport(column, keyed),
  contextOf: async (name) => (await ask(`/v1/models/${encodeURIComponent(name)}`)).max_model_len,
  changed: () => {
    const running = shown().some((column) => column.running !== null);
    byId("stop").hidden = !running;
    byId("send").hidden = running;
  },
};

function shown() {
  const names = [...document.querySelectorAll("[name=model]:checked")].map((box) => box.value);
  return names.map((name) => columns.get(name));
}

function place() {
  for (const { name } of models) if (!shown().includes(columns.get(name))) columns.get(name).halt();
  fill(places, shown().map((column) => column.element));
  page.changed();
}

function legend() {
  const [what, steps] = LEGENDS[view()] ?? [];
  const box = byId("legend");
  box.hidden = what === undefined;
  if (what === undefined) return;
  const chips = steps.map((words, at) => el("span", { class: `tok step-${at}` }, words));
  fill(box, `Colour: ${what}. `, chips.flatMap((chip) => [chip, " "]));
}

for (const model of models) columns.set(model.name, new ChatColumn(model, page));
for (const box of document.querySelectorAll("[name=model]")) box.addEventListener("change", place);
for (const box of document.querySelectorAll("[name=view]")) {
  box.addEventListener("change", () => {
    legend();
    for (const column of columns.values()) column.draw();
  });
}
for (const id of DIALS) {
  const say = () => {
    document.querySelector(`output[for=${id}]`).textContent = byId(id).value;
  };
  byId(id).addEventListener("input", say);
  say();
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = prompt.value;
  if (!text.trim() || shown().some((column) => column.running !== null)) return;
  prompt.value = "";
  for (const column of shown()) column.say(text);
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("composer").requestSubmit();
});
byId("stop").addEventListener("click", () => {
  for (const column of shown()) column.halt();
  page.changed();
  prompt.focus();
});

place();
legend();
