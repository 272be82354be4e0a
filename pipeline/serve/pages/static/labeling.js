// Keys for a rater's task, and what was begun is kept in this tab until it is saved.
import { listen } from "./shortcut_keys.js";

const DRAFT = "crawl2chat-draft-";
const SENT = "crawl2chat-sent";

listen({ "?": () => document.getElementById("guideline")?.focus() });

const form = document.getElementById("task");
const text = document.getElementById("text");
const task = form?.dataset.task ?? "";

try {
  // The task that was sent last is saved once another one is here.
  const sent = sessionStorage.getItem(SENT);
  if (sent !== null && sent !== task) {
    sessionStorage.removeItem(DRAFT + sent);
    sessionStorage.removeItem(SENT);
  }
  form?.addEventListener("submit", () => sessionStorage.setItem(SENT, task));
  if (text !== null) {
    const begun = sessionStorage.getItem(DRAFT + task);
    if (begun !== null) text.value = begun;
    text.addEventListener("input", () => sessionStorage.setItem(DRAFT + task, text.value));
  }
} catch {
  // A browser that keeps nothing.
}
// On a phone the keyboard would cover the question.
if (text !== null && matchMedia("(pointer: fine)").matches) text.focus();
