// Keys for buttons: <button data-key="1"> is pressed by 1, "Control+Enter" also while one types.
// Single keys never act while somebody types, and can be turned off (WCAG 2.1.4). A form is sent
// once: a key that is pressed twice, or held, is no second answer.

const KEPT = "crawl2chat-keys"; // in this browser: "off"
const TYPING = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";

function kept() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true; // a browser that keeps nothing
  }
}

function keep(on) {
  try {
    if (on) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, "off");
  } catch {
    // For this page alone.
  }
}

/** Let keys press the page's buttons; `more` are other keys and what they do. */
export function listen(more = {}) {
  const box = document.getElementById("keys");
  const signs = document.querySelectorAll("kbd[hidden], #keys-switch");
  for (const sign of signs) sign.hidden = false;
  let isOn = kept();
  if (box !== null) {
    box.checked = isOn;
    box.addEventListener("change", () => {
      isOn = box.checked;
      keep(isOn);
    });
  }
  let isSent = false;
  document.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat || event.altKey || event.defaultPrevented) return;
    const isTyping = event.target instanceof Element && event.target.matches(TYPING);
    if (isTyping && event.key === "Escape") {
      event.target.blur();
      return;
    }
    const isChord = event.ctrlKey || event.metaKey;
    const name = isChord ? `Control+${event.key}` : event.key;
    if (!isChord && (isTyping || !isOn)) return;
    const button = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === name);
    const does = button ? () => button.click() : Object.hasOwn(more, name) ? more[name] : null;
    if (does === null) return;
    event.preventDefault();
    does();
  });
}
