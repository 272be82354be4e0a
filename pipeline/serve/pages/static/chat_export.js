// A conversation for others: all its branches as JSON, and its last request as a command line.
import { byId } from "./dom.js";
import { requestFor } from "./reply_stream.js";

const KEY = ' -H "Authorization: Bearer $CRAWL2CHAT_API_KEY"';

/** A text as one word of a POSIX shell: nothing in it means anything there. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The request whose answer is shown last, as curl sends it. */
export function curlOf(column, keyed) {
  const path = column.tree.path();
  const asked = path.slice(0, path.findLastIndex((node) => node.role === "user") + 1);
  const { url, body } = requestFor(column.model, asked, column.settings());
  const key = keyed ? KEY : "";
  const json = JSON.stringify(body, null, 1);
  return `curl ${quoted(location.origin + url)}${key} -H 'Content-Type: application/json' -d ${quoted(json)}\n`;
}

export function jsonOf(column) {
  const { sampling, system } = column.settings();
  return `${JSON.stringify({ model: column.model.name, system, sampling, conversation: column.tree }, null, 1)}\n`;
}

/** Show one of them in the dialog. */
export function openExport(column, keyed) {
  const dialog = byId("export");
  const box = byId("exported");
  const link = byId("download");
  let url = "";
  const show = () => {
    const form = dialog.querySelector("[name=form]:checked").value;
    box.value = form === "curl" ? curlOf(column, keyed) : jsonOf(column);
    URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([box.value], { type: "text/plain" }));
    link.href = url;
    link.download = form === "curl" ? "conversation.sh" : "conversation.json";
    byId("copied").textContent = "";
  };
  for (const one of dialog.querySelectorAll("[name=form]")) one.onchange = show;
  byId("copy").onclick = async () => {
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
      byId("copied").textContent = "Copied.";
    } catch {
      byId("copied").textContent = "Your browser copies nothing here: the text is selected.";
    }
  };
  byId("close").onclick = () => dialog.close();
  dialog.onclose = () => URL.revokeObjectURL(url);
  show();
  dialog.showModal();
}
