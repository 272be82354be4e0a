// Questions to the server: JSON there and back, and streams of events. Errors are one line of text.

async function problem(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server answered ${response.status}`;
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
  if (!response.ok) throw new Error(await problem(response));
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
  if (!response.ok) throw new Error(await problem(response));
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
      if (told.error) throw new Error(told.error.message);
      yield told;
    }
  }
}
