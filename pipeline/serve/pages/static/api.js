// Questions to the server: JSON there and back, and streams of events. Errors are one line of text.

/** What the server refused: its words, and its one word for programs. */
export class Refusal extends Error {
  constructor({ message, code }) {
    super(message);
    this.code = code;
  }
}

async function refusal(response) {
  try {
    return new Refusal((await response.json()).error);
  } catch {
    return new Error(`the server answered ${response.status}`);
  }
}

/** The JSON answer of a GET, or of a POST where there is a body. */
export async function ask(path, body, signal) {
  const options = { signal };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/** The objects of a stream of server-sent events, as they come, until [DONE]. */
export async function* events(path, body, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the answer broke off");
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const text = block.replace(/^data: ?/, "");
      if (text === "[DONE]") return;
      const told = JSON.parse(text);
      if (told.error) throw new Refusal(told.error);
      yield told;
    }
  }
}
