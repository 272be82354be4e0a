"""What models said: by stage, by step of RL; all of it text."""

import httpx
from pages_browser import Visits
from training_lake import EVIL, STEPS


def test_stages_and_steps(train: Visits) -> None:
    with train("/training/samples?suite=facts", scripts=False) as page:
        asked = page.locator(".asked")
        assert asked.count() == 10
        names = asked.first.locator("dt").all_inner_texts()
        assert [name.split()[:2] for name in names[:2]] == [["base", "wrong"], ["rl", "right"]]
        before = asked.first.inner_text()
        page.get_by_role("link", name="Next").click()
        assert page.locator(".asked").first.inner_text() != before
        assert "kept no answers" in page.inner_text("main")  # of the newest run
        page.locator("#run").select_option(index=1)
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="Last", exact=True).click()
        assert page.input_value("#step") == str(STEPS)
        rows = page.locator("tbody tr")
        assert rows.count() == 12  # three of each prompt, the best first
        prompts = [text.split("\t")[1] for text in rows.all_inner_texts()]
        assert [prompts.count(prompt) for prompt in dict.fromkeys(prompts)] == [3, 3, 3, 3]
        assert rows.first.locator("td").nth(3).inner_text() == "1"
        page.fill("#step", "20")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody tr").count() == 12


def test_odd_addresses(ask: httpx.Client) -> None:
    for query in ({"suite": EVIL}, {"step": 0}, {"step": 10**15}, {"run": "f" * 16}):
        assert ask.get("/training/samples", params=query).status_code == 200
    assert ask.get("/training/samples", params={"run": "x"}).status_code == 400
