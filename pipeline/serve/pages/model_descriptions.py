"""What a stage of training makes of a model, in a few words for whoever meets its name first.

In: the name of a model on offer. Out: a sentence; "" for one that was made elsewhere, of which a
name says nothing.
"""

DESCRIPTIONS = {
    "base": "It has read the corpus, and goes on with your text as if it were a page of the web.",
    "extended": "The base model with a longer context: it goes on with your text as a page would.",
    "sft": "The base model, fine-tuned on conversations.",
    "interrogated": "Fine-tuned once more, on saying that it doesn't know what it doesn't know.",
    "rl": "Trained on rewards: for right answers, and for admitting what it doesn't know.",
    "rlhf": "Trained on preferences: which of two answers raters liked better.",
    "game_sft": "It imitates a teacher's games of connect four, and knows nothing else.",
    "game_rl": "It has played connect four against itself, and knows nothing else.",
}


def description(name: str) -> str:
    """Of a model by its stage."""
    return DESCRIPTIONS.get(name, "")
