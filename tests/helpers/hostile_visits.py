"""What is done on pages so that every text that would be markup comes to stand where texts do.

In: an open page of a hostile server. Out: texts that were seen on the way, by a name, where a later
state of the page shows them no more. Where a text can't be brought about by a model (no tiny one
says all of them) the server's answer is replaced on its way to the page's script.
"""

import json
import shlex
from collections.abc import Callable
from typing import Any

from injection_strings import ALL, INJECTIONS, joined
from playwright.sync_api import Page, Route, expect

READ = """(nodes, attribute) => nodes.map(node =>
    attribute ? node.getAttribute(attribute)
    : node.matches('input, textarea') ? node.value : node.textContent).join('\\n')"""
CHECK_ALL = """on => {
    const boxes = [...document.querySelectorAll('[name=model]')];
    for (const box of boxes) box.checked = on || box.value === 'plain';
    boxes[0].dispatchEvent(new Event('change'));
}"""


def read(page: Page, where: str, attribute: str = "") -> str:
    """What stands in elements, or in an attribute of theirs."""
    return str(page.locator(where).evaluate_all(READ, attribute))


def refused(route: Route) -> None:
    """An answer of the server that says all of it as an error."""
    error = {"message": ALL, "type": ALL, "param": ALL, "code": ALL}
    route.fulfill(status=400, json={"error": error})


def chat_of_hostile_words(page: Page) -> dict[str, str]:
    """A reply whose tokens, alternatives, calls and error are all of them; then a branch of it."""
    kept: dict[str, str] = {}
    page.evaluate(CHECK_ALL, True)
    kept["columns"] = read(page, "section.column h2") + read(
        page, ".column .messages", "aria-label"
    )
    page.evaluate(CHECK_ALL, False)
    tokens = [{"token": t, "logprob": -0.1, "bytes": [*t.encode()]} for t in INJECTIONS]
    top = {**tokens[0], "top_logprobs": [*tokens[1:], {**tokens[0], "bytes": [1]}]}
    calls = [
        {"index": number, "id": str(number), "name": t, "arguments": t, "output": t}
        for number, t in enumerate(INJECTIONS)
    ]
    plain = [{**token, "top_logprobs": []} for token in tokens[1:]]
    choices: list[dict[str, Any]] = [
        {"delta": {"content": ALL}, "logprobs": {"content": [top, *plain]}},
        {"delta": {"tool_events": calls}},
    ]
    chunks: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
    chunks.append({"error": {"message": ALL, "code": ALL}})
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/v1/chat/completions", answer)
    page.check("[value=probability]")
    page.fill("#prompt", ALL)
    page.press("#prompt", "Enter")
    expect(page.locator(".assistant .error")).to_be_visible()
    expect(page.locator(".message[aria-busy=true]")).to_have_count(0)
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    kept["errors"] = read(page, ".assistant .error")
    kept["tok"] = read(page, ".assistant .tok")
    page.locator(".assistant .tok").first.click()
    expect(page.locator(".alternatives button").first).to_be_visible()
    kept["alternatives"] = read(page, ".alternatives .mono")
    # The server knows no such token, and says so.
    page.locator(".alternatives button").first.click()
    expect(page.locator(".assistant .error")).to_contain_text("no token of the model")
    page.get_by_role("button", name="The branch before").click()
    page.check("[value=text]")
    page.click(".column >> text=Export")
    kept["json"] = _texts_in(json.loads(read(page, "#exported")))
    page.check("[name=form][value=curl]")
    kept["command"] = _texts_in(json.loads(shlex.split(read(page, "#exported"))[-1]))
    return kept


def _texts_in(value: Any) -> str:
    """All of what JSON holds."""
    if isinstance(value, dict):
        return "\n".join(map(_texts_in, value.values()))
    if isinstance(value, list):
        return "\n".join(map(_texts_in, value))
    return str(value)


def play_with_hostile_state(page: Page) -> dict[str, str]:
    """A state whose tokens are all of them, and a refusal."""
    names = [{"id": n, "text": t, "bytes": ""} for n, t in enumerate(INJECTIONS)]
    count = len(names)
    rows = [{**name, "p": 1 / count, "q": 1 / count} for name in names]
    share = [round(1 / count, 4)] * count

    def answer(route: Route) -> None:
        view = json.loads(route.fetch().text())
        view |= {"ids": [*range(count)], "at": count, "tokens": names, "text": ALL}
        view["next"] |= {"rows": rows}
        view["lens"] = [{**one, "top": rows} for one in view["lens"]]
        strongest = [{"at": n, "share": 1 / count} for n in range(count)]
        layers, heads = len(view["attention"]["shares"]), len(view["attention"]["shares"][0])
        view["attention"] = {
            "shares": [[share] * heads] * layers,
            "earlier": [[0] * heads] * layers,
            "first": 0,
            "strongest": [[strongest] * heads] * layers,
        }
        route.fulfill(json=view)

    expect(page.locator("#many")).to_be_visible()
    page.route("**/playground/state", answer, times=1)
    page.locator("#document .tok").first.click()
    expect(page.locator("#document .tok")).to_have_count(count)
    page.locator("#map td").first.focus()
    page.route("**/playground/state", refused, times=1)
    page.click("#go")
    expect(page.locator("#problem")).not_to_be_empty()
    return {}


def split_as_hostile(page: Page) -> dict[str, str]:
    """Tokens, merges and names that are all of them, and a refusal."""
    tokens = [{"id": n, "text": t, "bytes": t.encode().hex()} for n, t in enumerate(INJECTIONS)]
    panel = {"name": ALL, "title": ALL, "facts": ALL, "same_as": ALL, "vocabulary": ALL}
    panel |= {"tokens": tokens, "hidden": 0}
    steps = [{"rank": n, "at": 0, "pieces": [t, t]} for n, t in enumerate(INJECTIONS)]
    made = {"name": ALL, "title": ALL, "id": 1, "text": ALL, "bytes": ALL, "kind": "merged"}
    made |= {"steps": steps}

    def answer(route: Route) -> None:
        assert route.fetch().status == 200
        route.fulfill(json=[panel])

    page.fill("#text", ALL)  # as the server splits it
    expect(page.locator("#panels .token").nth(1_000)).to_be_visible()
    page.locator("#panels .token").first.click()
    expect(page.locator("#made")).to_contain_text(" is token ")
    page.route("**/tokenizer/tokens", answer)
    page.route("**/tokenizer/merges", lambda route: route.fulfill(json=made), times=1)
    page.fill("#text", ALL + ".")
    expect(page.locator("#panels .token")).to_have_count(len(tokens))
    page.locator("#panels .token").first.click()
    expect(page.locator("#made .piece").first).to_be_visible()
    page.route("**/tokenizer/tokens", refused)
    page.click("#go")
    expect(page.locator("#problem")).not_to_be_empty()
    return {}


def answer_as_hostile(page: Page) -> dict[str, str]:
    """What one model is said to say; others can't be asked."""
    one = {
        **{"model": ALL, "verdict": "knows", "greedy": ALL, "given": ALL, "problem": ""},
        **{"right": INJECTIONS[0], "admission": INJECTIONS[1]},  # numbers, by a server of ours
        "samples": [{"text": text, "type": "wrong"} for text in INJECTIONS],
    }
    page.route("**/know/answers", refused)
    # The last that is added comes first.
    page.route("**/know/answers", lambda route: route.fulfill(json=one), times=1)
    asked = page.locator("#ask [name=model]:checked").count()
    page.locator("#ask button").click()
    expect(page.locator("#told article")).to_have_count(asked)
    return {}


def typed_into(
    field: str,
    most: int,
    form: str = "{}",
    reads: str = "",
    also: tuple[str, ...] = (),
    press: str = "",
) -> Callable[[Page], dict[str, str]]:
    """Send all of them by a form, as many at a time as its field takes.

    Args:
        field: that they are typed into.
        most: characters at a time.
        form: around them.
        reads: what shows them then; by default the fields.
        also: other fields that they are typed into.
        press: the button; by default that of the field's form.
    """

    def type_all(page: Page) -> dict[str, str]:
        address, seen = page.url, []
        for piece in joined(most):
            page.goto(address)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            for one in (field, *also):
                page.fill(one, form.format(piece if form == "{}" else piece.replace("\n", " ")))
            with page.expect_navigation():
                if press:
                    page.locator(press).first.click()
                else:
                    page.locator(f"form:has({field}) button").first.click()
            seen.append(read(page, reads or ", ".join((field, *also))))
        return {"typed": "\n".join(seen)}

    return type_all


def ask_of_ones_own(page: Page) -> dict[str, str]:
    """Questions that were typed, and the models asked the last of them."""
    kept = typed_into("#fact", 290, also=("#subject", "#answer"))(page)
    with page.expect_navigation():
        page.locator("#ask button").click()
    expect(page.locator("#told article").first).to_be_visible()
    return kept


def take_rater(page: Page) -> None:
    """As mara."""
    page.get_by_role("button", name="mara", exact=True).click()
    expect(page.locator("kbd").first).to_be_visible()


def correct_and_return(page: Page) -> dict[str, str]:
    """Compare two answers, correct one, and come back to it."""
    kept = {"raters": read(page, "form[action^='/rater'] button")}
    take_rater(page)
    parts = (".talk .words", ".sides .words", "details .words", ".talk .mono")
    kept |= {f"compare {where}": read(page, where) for where in parts}
    page.keyboard.press("1")
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    page.fill("#text", ALL)
    page.locator("[value=save]").click()
    expect(page.locator("[role=status]")).to_have_text("Saved.")
    expect(page.locator(".status")).to_contain_text(", 2 by you")
    page.locator("[value=back]").click()
    expect(page.locator("[aria-labelledby=earlier]")).to_be_visible()
    return kept


def come_too_late(page: Page) -> dict[str, str]:
    """Send an answer to a task that isn't in hand."""
    page.get_by_role("button", name="tom", exact=True).click()
    expect(page.locator("kbd").first).to_be_visible()
    while not page.locator("#text").count():  # a comparison: nothing is written
        with page.expect_navigation():
            page.locator("[value=skip]").click()
    page.fill("#text", ALL)
    page.locator("[name=task]").evaluate("field => { field.value = 'x'; }")
    page.locator("[value=save]").click()
    expect(page.locator("[aria-labelledby=lost]")).to_be_visible()
    kept = {"lost": read(page, "[aria-labelledby=lost]")}
    page.get_by_role("button", name="Leave").click()
    return kept


def vote_once(page: Page) -> dict[str, str]:
    """A question that can't be asked, then a battle that waits for mara, and a vote on it."""
    page.fill("#rater", "mara")
    page.keyboard.press("Enter")
    expect(page.locator("#battle")).to_be_visible()
    kept = {f"battle {where}": read(page, where) for where in (".talk .words", ".sides .words")}
    page.locator("[value=first]").click()
    expect(page.locator("#told")).to_be_visible()
    for where in ("#told strong", ".told .sides .words", ".told .talk .words"):
        kept[f"told {where}"] = read(page, where)
    page.evaluate(CHECK_ALL, False)  # one alone
    page.fill("#prompt", ALL)
    page.locator("[value=typed]").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    kept["asked"] = read(page, "textarea") + read(page, "[name=model]", "value")
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#rater")).to_be_visible()
    return kept
