// Curves as pictures that tell their numbers under the pointer; those of runs under way go on.
import { ask } from "./api.js";
import { byId, data, el, fill } from "./dom.js";
import uPlot from "./vendor/uplot.js";

const EVERY_MILLISECONDS = 5000; // runs write as often
const HEIGHT = 184;
const FIGURES = 4; // that count, of a number

const area = document.getElementById("curves");
const plots = new Map(); // by column
let told = document.getElementById("drawn") ? data("drawn") : null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** A colour of the sheet as canvases take it: light-dark() is resolved by an element alone. */
function resolved(name) {
  const probe = el("span", { class: "visually-hidden" });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || colour(name);
}

const short = (value) =>
  value === null || value === undefined
    ? "–"
    : Math.abs(value) >= 1000
      ? Math.round(value).toLocaleString("en")
      : String(Number(value.toPrecision(FIGURES)));
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const tick = (value) => (Math.abs(value) >= 1000 ? compact.format(value) : short(value));

/** The runs' points over one axis; null where a run has none. */
function aligned(column) {
  const tables = told.runs.map((run) => run.curves[column] ?? [[], []]);
  return uPlot.join(tables);
}

function options(figure, width) {
  const axis = { stroke: resolved("--muted"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const ends = figure.querySelector(".ends");
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, sync: { key: "runs" } },
    legend: { show: false },
    scales: { x: { time: false } },
    axes: [
      { ...axis, values: (_, all) => all.map(tick), size: 26 },
      { ...axis, values: (_, all) => all.map(tick), size: 52 },
    ],
    series: [
      {},
      ...told.runs.map((_, number) => ({ stroke: resolved(`--line-${number}`), width: 1.5, spanGaps: true, points: { show: false } })),
    ],
    hooks: { setCursor: [(plot) => tell(plot, ends)] },
  };
}

/** The numbers under the pointer, or the last ones. */
function tell(plot, ends) {
  const at = plot.cursor.idx;
  const pieces = told.runs.map((run, number) => {
    const values = plot.data[number + 1];
    let place = at ?? values.length - 1;
    while (place > 0 && (values[place] === null || values[place] === undefined)) place -= 1;
    if (values[place] === null || values[place] === undefined) return null;
    return el(
      "span",
      {},
      el("span", { class: `key line-${number}`, "aria-hidden": "true" }),
      el("span", { class: "visually-hidden" }, `${run.kind} ${run.artifact.slice(0, 8)}, at ${told.by} ${plot.data[0][place]} `),
      el("b", {}, short(values[place])),
      at === null || at === undefined ? null : el("span", { class: "muted" }, ` at ${short(plot.data[0][place])}`),
    );
  });
  fill(ends, pieces);
}

function draw(figure) {
  const column = figure.dataset.column;
  plots.get(column)?.destroy();
  const place = figure.querySelector(".plot");
  const name = figure.querySelector("svg")?.getAttribute("aria-label") ?? place.getAttribute("aria-label");
  fill(place);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", name);
  plots.set(column, new uPlot(options(figure, place.clientWidth), aligned(column), place));
}

function drawAll() {
  for (const figure of area.querySelectorAll("figure")) draw(figure);
}

async function follow() {
  const status = byId("follows");
  if (!told.runs.some((run) => run.live)) {
    status.textContent = "";
    return;
  }
  try {
    const fields = new URLSearchParams({ by: told.by });
    for (const run of told.runs) fields.append("run", run.artifact);
    const before = Object.keys(Object.assign({}, ...told.runs.map((run) => run.curves)));
    told = await ask(`/training/curves?${fields}`);
    const now = Object.keys(Object.assign({}, ...told.runs.map((run) => run.curves)));
    if (now.some((name) => !before.includes(name))) {
      location.reload(); // a figure that wasn't there has come: the page has a picture for it
      return;
    }
    for (const [column, plot] of plots) plot.setData(aligned(column));
    for (const figure of area.querySelectorAll("figure")) tell(plots.get(figure.dataset.column), figure.querySelector(".ends"));
    status.textContent = told.runs.some((run) => run.live) ? "Curves follow the run." : "The run has ended.";
  } catch (error) {
    status.textContent = `No news: ${error.message}`;
  }
  setTimeout(follow, EVERY_MILLISECONDS);
}

if (area !== null && told !== null) {
  drawAll();
  const again = new ResizeObserver(() => {
    for (const figure of area.querySelectorAll("figure")) {
      const plot = plots.get(figure.dataset.column);
      const width = figure.querySelector(".plot").clientWidth;
      if (plot && plot.width !== width) plot.setSize({ width, height: HEIGHT });
    }
  });
  again.observe(area);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  byId("theme").addEventListener("click", drawAll);
  setTimeout(follow, EVERY_MILLISECONDS);
}
