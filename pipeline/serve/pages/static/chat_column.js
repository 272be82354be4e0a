// A model's column: its conversation, and what can be done with each message.
import { ChatTree } from "./chat_tree.js";
import { el, fill } from "./dom.js";
import { branch, reply } from "./reply_stream.js";
import { tokenView } from "./token_view.js";

const ENDS = { length: "Cut off: its context is full, or it wrote the most tokens that it may.", tool_calls: "It ended with calls." };

export class ChatColumn {
  /** @param model {name, chats, calls}  @param page what chat.js gives: settings, view, … */
  constructor(model, page) {
    this.model = model;
    this.page = page;
    this.tree = new ChatTree();
    this.running = null; // an AbortController
    this.usage = null;
    this.context = null;
    this.withoutTools = false; // they don't fit into its context
    this.list = el("div", { class: "messages", role: "log", "aria-label": `Conversation with ${model.name}` });
    this.meter = el("div", { class: "context small" });
    this.export = el("button", { type: "button", class: "quiet", onclick: () => page.exportOf(this) }, "Export");
    this.element = el(
      "section",
      { class: "block column", "aria-label": model.name },
      el(
        "div",
        { class: "row spread" },
        el("h2", {}, model.name),
        el("div", { class: "row" }, this.meter, this.export),
      ),
      this.list,
    );
    this.draw();
  }

  /** Say something at the end of what is shown. */
  say(text) {
    const path = this.tree.path();
    const node = this.tree.add(path.at(-1) ?? null, { role: "user", text });
    return this.answer(node);
  }

  /** A reply to a message, beside those that there are. */
  answer(node) {
    return this.write(node, [], (path, signal) =>
      reply(this.model, path, this.settings(), signal),
    );
  }

  /** Another reply, the same up to a token of a segment, then with that token instead. */
  branchAt(node, segment, number, token) {
    const before = node.segments.slice(0, segment);
    const kept = [...node.segments[segment].tokens.slice(0, number), { ...token, top: [] }];
    kept[number].top = node.segments[segment].tokens[number].top;
    const start = { kind: "text", text: textOf(kept, this.page.stop), tokens: kept };
    const settings = this.settings();
    const ended = token.text === this.page.stop;
    return this.write(node.parent, [...before, start], (path, signal) =>
      ended
        ? [{ reason: "stop" }]
        : branch(this.model, path, before, kept, settings, this.page.stop, signal),
    );
  }

  settings() {
    const settings = this.page.settings();
    return { ...settings, tools: settings.tools && this.model.calls && !this.withoutTools };
  }

  async write(above, segments, stream) {
    this.halt();
    const running = new AbortController();
    this.running = running;
    const path = this.pathTo(above);
    const node = this.tree.add(above, { role: "assistant", segments: [...segments], state: "running" });
    this.draw();
    this.page.changed();
    try {
      for await (const event of stream(path, running.signal)) this.take(node, event);
      node.state = "done";
    } catch (error) {
      node.state = running.signal.aborted ? "stopped" : "failed";
      if (node.state === "failed") node.error = error.message;
    }
    if (this.running === running) this.running = null;
    this.draw();
    await this.measure();
    this.page.changed();
  }

  halt() {
    this.running?.abort();
    this.running = null;
  }

  pathTo(node) {
    const path = [];
    for (let one = node; one.parent !== null; one = one.parent) path.unshift(one);
    return path;
  }

  take(node, event) {
    if (event.note) {
      node.note = event.note;
      this.withoutTools = true;
    }
    if (event.usage) node.usage = event.usage;
    if (event.reason) node.reason = event.reason;
    if (event.call) this.takeCall(node, event.call);
    if (event.tokens) this.takeText(node, event);
    this.page.frame(node, () => this.drawNode(node));
  }

  takeText(node, { text, tokens }) {
    let last = node.segments.at(-1);
    if (last?.kind !== "text") {
      // After a call the server begins a new line, which no token stands for.
      last = { kind: "text", text: "", tokens: [] };
      if (node.segments.length) text = text.replace(/^\n/, "");
      node.segments.push(last);
    }
    last.text += text;
    last.tokens.push(...tokens);
  }

  takeCall(node, call) {
    let found = node.segments.find((one) => one.kind === "call" && one.index === call.index);
    if (!found) {
      found = { kind: "call", output: null };
      node.segments.push(found);
    }
    Object.assign(found, call);
  }

  /** How much of the context the conversation fills, once the model tells how long that is. */
  async measure() {
    const last = this.tree.path().at(-1);
    if (!last?.usage) return;
    this.context ??= await this.page.contextOf(this.model.name);
    const used = last.usage.total_tokens;
    const words = this.context ? `${used} of ${this.context} tokens` : `${used} tokens`;
    const meter = this.context
      ? el("meter", { min: 0, max: this.context, high: 0.8 * this.context, value: used, "aria-hidden": "true" })
      : null;
    fill(this.meter, el("span", { class: "visually-hidden" }, "Context: "), meter, " ", words);
  }

  draw() {
    const path = this.tree.path();
    const greeting = this.model.chats
      ? "Nothing said yet."
      : "A base model: it goes on with your text as if it were a page of the web.";
    fill(
      this.list,
      path.length ? path.map((node) => this.item(node)) : el("p", { class: "muted" }, this.model.words || greeting),
    );
    this.export.hidden = path.length === 0;
  }

  drawNode(node) {
    if (node.item?.isConnected) node.item.replaceWith(this.item(node));
  }

  item(node) {
    const isUser = node.role === "user";
    const who = isUser ? "You" : this.model.name;
    const body = isUser ? el("div", { class: "said" }, node.text) : this.reply(node);
    const item = el(
      "article",
      { class: `message ${node.role}`, "aria-label": who },
      el("div", { class: "row spread" }, el("h3", {}, who), this.tools(node)),
      body,
    );
    item.setAttribute("aria-busy", String(node.state === "running"));
    Object.defineProperty(node, "item", { value: item, writable: true, enumerable: false, configurable: true });
    return item;
  }

  reply(node) {
    const view = this.page.view();
    const parts = node.segments.map((one, segment) => {
      if (one.kind === "call") return callBox(one);
      if (view === "text" || one.tokens.length === 0) return el("div", { class: "said" }, one.text);
      const go = node.state === "running" ? null : (n, token) => this.branchAt(node, segment, n, token);
      return tokenView(one.tokens, view, go);
    });
    const words = [];
    if (node.state === "running" && node.segments.length === 0) words.push("…");
    if (node.state === "stopped") words.push("Stopped.");
    if (ENDS[node.reason]) words.push(ENDS[node.reason]);
    if (node.note) words.push(node.note);
    return [
      ...parts,
      words.length ? el("p", { class: "muted small" }, words.join(" ")) : null,
      node.error ? el("p", { class: "error", role: "alert" }, node.error) : null,
    ];
  }

  tools(node) {
    const siblings = node.parent.children;
    const at = siblings.indexOf(node);
    const turn = (places, label, sign) =>
      el(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": label,
          disabled: at + places < 0 || at + places >= siblings.length,
          onclick: () => {
            this.halt();
            this.tree.turn(node, places);
            this.draw();
            this.measure();
          },
        },
        sign,
      );
    const others =
      siblings.length > 1
        ? [
            turn(-1, "The branch before", "‹"),
            el("span", { class: "small muted" }, `${at + 1} of ${siblings.length}`),
            turn(1, "The next branch", "›"),
          ]
        : [];
    const act =
      node.role === "user"
        ? el("button", { type: "button", class: "quiet", onclick: () => this.edit(node) }, "Edit")
        : el(
            "button",
            { type: "button", class: "quiet", onclick: () => this.answer(node.parent) },
            "Regenerate",
          );
    return el("div", { class: "row tools" }, others, act);
  }

  edit(node) {
    const box = el("textarea", { rows: 3, "aria-label": "Your message, changed" });
    box.value = node.text;
    const save = () => {
      if (!box.value.trim()) return;
      this.answer(this.tree.add(node.parent, { role: "user", text: box.value }));
    };
    const buttons = el(
      "div",
      { class: "row" },
      el("button", { type: "button", class: "primary", onclick: save }, "Ask this instead"),
      el("button", { type: "button", onclick: () => this.drawNode(node) }, "Cancel"),
    );
    fill(node.item, box, buttons);
    box.focus();
  }
}

function callBox(call) {
  return el(
    "div",
    { class: "call" },
    el("div", { class: "small muted" }, call.output === null ? "calls " : "called ", el("code", {}, call.name)),
    el("pre", {}, call.arguments),
    call.output === null
      ? el("p", { class: "small muted" }, "runs …")
      : el("pre", { class: "output" }, call.output),
  );
}

const decoder = new TextDecoder();
function textOf(tokens, stop) {
  const bytes = tokens.filter((token) => token.text !== stop).flatMap((token) => token.bytes);
  return decoder.decode(new Uint8Array(bytes));
}
