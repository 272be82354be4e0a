// Keys for a vote, and a word while the models answer.
import { listen } from "./shortcut_keys.js";

listen();

const waiting = document.getElementById("waiting");
const ask = document.getElementById("ask");
ask?.addEventListener("submit", () => {
  waiting.textContent = "Two models are answering …";
});
window.addEventListener("pageshow", () => {
  if (waiting !== null) waiting.textContent = "";
});
// After a vote the keys are free: n is the next question.
const isFirst = document.getElementById("told") === null;
if (ask !== null && isFirst && matchMedia("(pointer: fine)").matches) {
  document.getElementById("prompt").focus();
}
