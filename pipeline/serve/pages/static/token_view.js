// Tokens as they were drawn: how likely each was, how open the choice, and what else might have come.
import { el, fill, visible } from "./dom.js";

export const PROBABILITY_STEPS = [0.9, 0.7, 0.5, 0.3, 0.1]; // at or above: the first has no colour
export const ENTROPY_STEPS = [0.25, 0.75, 1.5, 2.5, 3.5]; // bits, below

export const LEGENDS = {
  probability: ["how likely the token was", ["90% or more", "70%", "50%", "30%", "10%", "less"]],
  entropy: [
    "how open the choice was (bits, of the ten likeliest tokens and the rest as one)",
    ["below 0.25", "0.75", "1.5", "2.5", "3.5", "more"],
  ],
};

/** Bits of entropy, from below: what isn't among the likeliest counts as one token. */
export function entropy(token) {
  const likely = token.top.map((one) => Math.exp(one.logprob));
  const rest = Math.max(0, 1 - likely.reduce((sum, one) => sum + one, 0));
  return [...likely, rest].reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
}

export function step(token, view) {
  if (view === "probability") {
    const p = Math.exp(token.logprob);
    const found = PROBABILITY_STEPS.findIndex((least) => p >= least);
    return found < 0 ? PROBABILITY_STEPS.length : found;
  }
  const bits = entropy(token);
  const found = ENTROPY_STEPS.findIndex((most) => bits < most);
  return found < 0 ? ENTROPY_STEPS.length : found;
}

const percent = (logprob) => {
  const p = 100 * Math.exp(logprob);
  return p >= 0.1 ? `${p.toFixed(1)}%` : "below 0.1%";
};

const name = (token) =>
  token.text.includes("\ufffd")
    ? `<${token.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}>`
    : visible(token.text);

/** In a list a space in front would not be seen. */
const listed = (token) => name(token).replace(/^ /, "␣");

/** Tokens as buttons, and below them what might have come in place of the chosen one.
 *  branch(number, token) goes on from there with another; null: it can't be. */
export function tokenView(tokens, view, branch) {
  const panel = el("div", { class: "alternatives", hidden: true });
  let pinned = -1;

  function show(number) {
    const token = tokens[number];
    const rows = token.top.map((one) => {
      const same = String(one.bytes) === String(token.bytes);
      const bar = el("meter", { min: 0, max: 1, value: Math.exp(one.logprob), "aria-hidden": true });
      const words = [el("span", { class: "mono" }, listed(one)), bar, el("span", { class: "number" }, percent(one.logprob))];
      const go = branch === null || same ? null : () => branch(number, one);
      return el(
        "li",
        {},
        go
          ? el("button", { type: "button", class: "quiet", title: "Go on from here with this token", onclick: go }, words)
          : el("span", { class: "same" }, words),
      );
    });
    fill(
      panel,
      el(
        "p",
        { class: "small" },
        el("span", { class: "mono token hue-0" }, listed(token)),
        ` ${percent(token.logprob)}, entropy ${entropy(token).toFixed(2)} bits. `,
        branch === null ? null : "Choose another, and the reply goes on from there:",
      ),
      el("ol", {}, rows),
    );
    panel.hidden = false;
  }

  const buttons = tokens.flatMap((token, number) => {
    // Not a <button>: that would be a box which no line can break in, and which keeps its space at one's end.
    const button = el(
      "span",
      {
        role: "button",
        class: `tok step-${step(token, view)}`,
        tabindex: number === 0 ? 0 : -1,
        title: `${percent(token.logprob)}`,
        onmouseenter: () => pinned < 0 && show(number),
        onfocus: () => show(number),
        onclick: (event) => {
          pinned = number;
          for (const other of event.target.parentElement.querySelectorAll(".pinned")) other.classList.remove("pinned");
          event.target.classList.add("pinned");
          show(number);
        },
      },
      name(token),
    );
    return token.text.includes("\n") ? [button, el("br")] : [button];
  });
  const line = el("div", { class: "tokens", role: "group", "aria-label": "Tokens: arrow keys move" }, buttons);
  line.addEventListener("keydown", (event) => {
    const places = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!event.target.classList.contains("tok")) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.target.click();
    }
    if (!places) return;
    const all = [...line.querySelectorAll(".tok")];
    const next = all[all.indexOf(event.target) + places];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return el("div", {}, line, panel);
}
