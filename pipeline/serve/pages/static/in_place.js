// Links and forms within a section without a new document: the answer's <main> takes the old one's
// place, in about half of the time. A page's own script, and whatever else this can't do as well as
// the browser, is left to the browser; without this script everything works.

const LEFT_TO_THE_BROWSER = ".tabs a, [download], [target]";
const status = document.createElement("p"); // says to a screen reader what has come
status.setAttribute("role", "status");
status.className = "visually-hidden";
document.body.append(status);

let shown = address(location); // what <main> is the answer to
let coming = null; // an AbortController: of several clicks the last one counts

function address(url) {
  return url.pathname + url.search;
}

const section = (url) => url.pathname.split("/")[1];
const isNear = (url) => url.origin === location.origin && section(url) === section(location);
const files = (page) =>
  [...page.querySelectorAll("link[rel=stylesheet], script[type=module]")].map((one) => one.getAttribute("href") ?? one.getAttribute("src"));

/** The page at an address; null: it isn't one that can stand in this document. */
async function pageAt(url, signal) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, signal });
  const isPage = response.headers.get("content-type")?.startsWith("text/html");
  if (!isPage || response.redirected) return null; // whose address the browser shows
  // Scripts of a document that was made so never run.
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return files(page).join() === files(document).join() ? page : null;
}

/** Where the focus is, by its place among the controls of its form; null: in no form. */
function place() {
  const form = document.activeElement?.closest("main form");
  if (!form) return null;
  return [[...document.querySelectorAll("main form")].indexOf(form), [...form.elements].indexOf(document.activeElement)];
}

function put(page, focus) {
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelector(".top nav ul").replaceWith(page.querySelector(".top nav ul"));
  dispatchEvent(new Event("in-place")); // theme.js shows the current entries
  const control = focus && document.querySelectorAll("main form")[focus[0]]?.elements[focus[1]];
  (control ?? document.querySelector("main")).focus({ preventScroll: true });
  status.textContent = document.querySelector("h1").textContent;
}

/** Show an address; `enter` makes its entry in the history, once it is here. */
async function show(url, focus, enter) {
  coming?.abort();
  const mine = new AbortController();
  coming = mine;
  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  let page = null;
  try {
    page = await pageAt(url, mine.signal);
  } catch {
    // No answer: the browser says so best.
  }
  if (mine.signal.aborted) return false;
  if (page === null) {
    main.removeAttribute("aria-busy");
    if (enter) location.assign(url);
    else location.reload();
    return false;
  }
  enter?.();
  shown = address(url);
  put(page, focus);
  return true;
}

async function go(url, focus) {
  const entered = await show(url, focus, () => {
    history.replaceState({ y: scrollY }, "");
    if (url.href !== location.href) history.pushState(null, "", url);
  });
  if (!entered) return;
  if (url.hash) document.getElementById(url.hash.slice(1))?.scrollIntoView();
  else if (focus === null) scrollTo(0, 0);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("main a[href]");
  const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.matches(LEFT_TO_THE_BROWSER)) return;
  const url = new URL(link.href);
  const isHere = address(url) === shown && url.hash; // a heading of this page
  if (!isNear(url) || isHere) return;
  event.preventDefault();
  go(url, null);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const asks = (form.getAttribute("method") ?? "get").toLowerCase() === "get" && form.closest("main");
  if (!asks || event.defaultPrevented || event.submitter?.hasAttribute("formaction")) return;
  const url = new URL(form.getAttribute("action") ?? location.pathname, location.href);
  if (!isNear(url)) return;
  event.preventDefault();
  url.search = new URLSearchParams(new FormData(form, event.submitter));
  go(url, place());
});

addEventListener("popstate", async (event) => {
  if (address(location) === shown) return; // within the page, to a heading
  if (await show(new URL(location.href), null, null)) scrollTo(0, event.state?.y ?? 0);
});
