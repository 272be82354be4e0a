// A reply as it comes, in one form from both of the API's: pieces of text with their tokens, calls of
// tools, and at the end why it ended and what it cost.
import { ask, events, Refusal } from "./api.js";

const ALTERNATIVES = 10; // that are shown beside each token
const encoder = new TextEncoder();

/** What the API is asked for, for a path of messages. */
export function requestFor(model, path, settings) {
  const common = { model: model.name, ...settings.sampling };
  if (!model.chats) {
    return { url: "/v1/completions", body: { ...common, prompt: pageOf(path) } };
  }
  const body = { ...common, messages: messagesOf(path, settings.system) };
  if (settings.hasTools && !settings.tools) body.tool_choice = "none";
  return { url: "/v1/chat/completions", body };
}

/** The request as it is streamed, with log-probabilities. */
function streamed(request) {
  const logprobs =
    request.url === "/v1/completions"
      ? { logprobs: ALTERNATIVES }
      : { logprobs: true, top_logprobs: ALTERNATIVES };
  return { ...request.body, ...logprobs, stream: true, stream_options: { include_usage: true } };
}

/** A base model goes on with all that was said, as if it were one page. */
function pageOf(path) {
  return path.map((node) => (node.role === "user" ? node.text : textOf(node))).join("\n");
}

export const textOf = (node) =>
  node.segments.filter((one) => one.kind === "text").map((one) => one.text).join("\n");

/** A path as OpenAI's messages; calls that the server answered stand where they came. */
export function messagesOf(path, system) {
  const messages = system.trim() ? [{ role: "system", content: system }] : [];
  for (const node of path) {
    if (node.role === "user") messages.push({ role: "user", content: node.text });
    else messages.push(...roundsOf(node.segments));
  }
  return messages;
}

/** The messages of a reply: each call and its output end one. */
export function roundsOf(segments) {
  const messages = [];
  let said = null;
  const begin = () => {
    said = { role: "assistant", content: "" };
    messages.push(said);
  };
  for (const one of segments) {
    if (said === null || (one.kind === "text" && said.tool_calls)) begin();
    if (one.kind === "text") {
      said.content += one.text;
      continue;
    }
    const call = { name: one.name, arguments: one.arguments };
    (said.tool_calls ??= []).push({ id: one.id, type: "function", function: call });
    messages.push({ role: "tool", tool_call_id: one.id, content: one.output ?? "" });
  }
  if (said === null) begin();
  return messages;
}

/** Stream a reply to a path of messages. */
export async function* reply(model, path, settings, signal) {
  const request = requestFor(model, path, settings);
  try {
    yield* read(request.url, streamed(request), signal);
  } catch (error) {
    const fits = !(error instanceof Refusal) || error.code !== "context_length_exceeded";
    if (fits || !settings.tools) throw error;
    // What tools there are stands in front of the conversation, and fills a small model's context.
    yield { note: "Asked without tools: their descriptions leave no room in this model's context." };
    request.body.tool_choice = "none";
    yield* read(request.url, streamed(request), signal);
  }
}

/** Stream on from a place in a reply: the tokens before it, then whatever comes. */
export async function* branch(model, path, segments, tokens, settings, stop, signal) {
  const place = { model: model.name, tokens: tokens.map((token) => token.bytes) };
  if (model.chats) {
    const rounds = segments.length ? roundsOf(segments) : [];
    place.messages = [...messagesOf(path, settings.system), ...rounds];
    place.tools = settings.tools;
  } else {
    place.page = pageOf(path);
  }
  const { prompt } = await ask("/chat/branch", place, signal);
  const body = { model: model.name, ...settings.sampling, prompt };
  if (model.chats) body.stop = [stop];
  yield* read("/v1/completions", streamed({ url: "/v1/completions", body }), signal);
}

async function* read(url, body, signal) {
  for await (const told of events(url, body, signal)) {
    if (told.usage) yield { usage: told.usage };
    const choice = told.choices[0];
    if (!choice) continue;
    const delta = choice.delta ?? { content: choice.text };
    const tokens = choice.delta ? chatTokens(choice.logprobs) : pageTokens(choice.logprobs);
    if (delta.content || tokens.length) yield { text: delta.content ?? "", tokens };
    for (const call of delta.tool_events ?? []) yield { call };
    if (choice.finish_reason) yield { reason: choice.finish_reason };
  }
}

function chatTokens(logprobs) {
  const plain = ({ token, bytes, logprob }) => ({ text: token, bytes, logprob });
  return (logprobs?.content ?? []).map((one) => ({ ...plain(one), top: one.top_logprobs.map(plain) }));
}

/** OpenAI's first form names tokens by text, and those that are no whole characters "bytes:\xe2". */
function pageTokens(logprobs) {
  return (logprobs?.tokens ?? []).map((name, number) => ({
    ...named(name, logprobs.token_logprobs[number]),
    top: Object.entries(logprobs.top_logprobs?.[number] ?? {})
      .map(([other, logprob]) => named(other, logprob))
      .sort((a, b) => b.logprob - a.logprob),
  }));
}

function named(name, logprob) {
  if (!name.startsWith("bytes:")) return { text: name, bytes: [...encoder.encode(name)], logprob };
  const bytes = [...name.matchAll(/\\x([0-9a-f]{2})/g)].map((found) => parseInt(found[1], 16));
  return { text: "\ufffd", bytes, logprob };
}
