// Attention of one token: a row for each head, a column for each token that it could look at.
import { el } from "./dom.js";

const STEPS = 10;
const EARLIER = -1; // the column of all tokens before the first that has its own

/** Small shares are the most: their colours follow the root. */
const step = (share) => Math.round(STEPS * Math.sqrt(Math.min(1, share)));

/** The map as a grid; whatever cell is pointed at or focused tells its number in `look`, and its
 *  token is marked in `text`. */
export function attentionMap(view, { listed, percent }, text, look) {
  const { shares, earlier, first } = view.attention;
  const columns = shares[0][0].map((_, column) => first + column);
  const names = first > 0 ? [EARLIER, ...columns] : columns;

  const token = (at) => (at === EARLIER ? `the ${first} tokens before` : `token ${at + 1} ${listed(view.tokens[at])}`);

  function cell(layer, head, at, share, row, column) {
    return el("td", {
      class: `s-${step(share)}`,
      role: "gridcell",
      tabindex: row === 0 && column === 0 ? 0 : -1,
      "aria-label": `${percent(share)} from ${token(at)}`,
      dataset: { layer, head, from: at, share, row, column },
    });
  }

  let row = 0;
  const bodies = shares.map((layer, l) =>
    el(
      "tbody",
      { class: "layer" },
      layer.map((own, h) => {
        const all = first > 0 ? [earlier[l][h], ...own] : own;
        const cells = all.map((share, column) => cell(l, h, names[column], share, row, column));
        row += 1;
        return el("tr", { role: "row" }, el("th", { scope: "row", role: "rowheader" }, `layer ${l + 1}, head ${h + 1}`), cells);
      }),
    ),
  );
  const heads = names.map((at) =>
    el("th", { scope: "col", role: "columnheader" }, el("div", { class: "name" }, at === EARLIER ? "before" : listed(view.tokens[at]))),
  );
  const grid = el(
    "table",
    { class: "map", role: "grid", "aria-label": "Attention by head and token" },
    el("thead", {}, el("tr", { role: "row" }, el("th", { role: "columnheader", scope: "col" }, el("span", { class: "visually-hidden" }, "Head")), heads)),
    bodies,
  );

  function tell(one) {
    const { layer, head, from, share } = one.dataset;
    look.textContent = `Layer ${Number(layer) + 1}, head ${Number(head) + 1} takes ${percent(Number(share))} from ${token(Number(from))}`;
    for (const other of text.querySelectorAll(".looked")) other.classList.remove("looked");
    text.querySelector(`[data-at="${Number(from) + 1}"]`)?.classList.add("looked");
  }

  function go(one) {
    for (const other of grid.querySelectorAll('td[tabindex="0"]')) other.tabIndex = -1;
    one.tabIndex = 0;
    one.focus();
  }

  grid.addEventListener("focusin", (event) => event.target.dataset.share !== undefined && tell(event.target));
  grid.addEventListener("mouseover", (event) => event.target.dataset.share !== undefined && tell(event.target));
  grid.addEventListener("click", (event) => event.target.dataset.share !== undefined && go(event.target));
  grid.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!moves || event.target.dataset.share === undefined) return;
    const place = [Number(event.target.dataset.row) + moves[0], Number(event.target.dataset.column) + moves[1]];
    const next = grid.querySelector(`td[data-row="${place[0]}"][data-column="${place[1]}"]`);
    event.preventDefault();
    if (next) go(next);
  });
  return el("div", { class: "table" }, grid);
}
