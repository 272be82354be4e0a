// The theme: the system's until somebody chooses. Not a module: it runs before the first paint.
// And where entries don't fit beside each other, the current one is among those in sight.
"use strict";
(() => {
  const root = document.documentElement;
  const KEY = "crawl2chat-theme";
  const NEXT = { system: "dark", dark: "light", light: "system" };
  let chosen = "system";
  try {
    chosen = localStorage.getItem(KEY) ?? "system";
  } catch {
    // A browser that keeps nothing: the system's theme each time.
  }
  if (!(chosen in NEXT)) chosen = "system";
  const apply = () => {
    if (chosen === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => {
      button.textContent = `Theme: ${chosen}`;
    };
    say();
    const show = () => {
      for (const current of document.querySelectorAll("nav a[aria-current]")) {
        const line = current.closest(".top nav, .tabs ul");
        if (line) line.scrollLeft = current.offsetLeft - line.offsetLeft - (line.clientWidth - current.offsetWidth) / 2;
      }
    };
    show();
    addEventListener("resize", show);
    addEventListener("in-place", show);
    button.hidden = false;
    button.addEventListener("click", () => {
      chosen = NEXT[chosen];
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        // Chosen for this page alone.
      }
      apply();
      say();
    });
  });
})();
