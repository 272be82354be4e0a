"""Use a model's engine from Python: many questions in one batch, many answers to one, likelihoods.

    python examples/talk_to_the_engine.py lake "What does 12 + 7 make?"
    python examples/talk_to_the_engine.py path/to/model     # any folder with conversation tokens

The same seed gives the same words, whatever else is in the batch.
"""

import math
import sys
import time
from collections import Counter
from pathlib import Path

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.model import load
from pipeline.model.engine import Engine
from pipeline.model.scoring import score
from storage import Lake

QUESTIONS = ["Who are you?", "What does 3 + 4 make?", "Spell river.", "Hello!"]


def main() -> None:
    place = sys.argv[1] if len(sys.argv) > 1 else "lake"
    questions = sys.argv[2:] or QUESTIONS
    folder = Path(place)
    if not (folder / "config.json").is_file():  # no model folder: a lake, whose newest is taken
        lake = Lake(place)
        folder = lake.local("rl", lake.heads()["rl"])
    model, tokenizer = load(folder)
    engine = Engine(model, frozen=True)
    stop = (tokenizer.special(STOP),)
    prompts = [prompt([user(question)], tokenizer) for question in questions]

    began = time.perf_counter()
    replies = engine.generate(prompts, max_new_tokens=64, temperature=0, stop_tokens=stop)
    seconds = time.perf_counter() - began
    for question, (reply,) in zip(questions, replies):
        words = tokenizer.decode(reply.tokens[:-1] if reply.stopped else reply.tokens)
        print(f"you> {question}\n     {words}")
    made = sum(len(reply.tokens) for (reply,) in replies)
    print(f"{made} tokens, {made / seconds:,.0f} a second\n")

    (answers,) = engine.generate(
        prompts[:1], samples=16, max_new_tokens=32, stop_tokens=stop, seed=1
    )
    common = Counter(tokenizer.decode(answer.tokens).strip() for answer in answers).most_common(3)
    print(f"{questions[0]} sixteen times at temperature 1:")
    for text, times in common:
        print(f"  {times} x {text!r}")
    choices = ["I am a model.", "I am a teapot."]
    scored = score(model, prompts[:1] * 2, [tokenizer.encode(choice) for choice in choices])
    for choice, (nats, _) in zip(choices, scored):
        print(f"  {-nats / math.log(2):6.1f} bits for {choice!r}")


if __name__ == "__main__":
    main()
