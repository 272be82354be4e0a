"""Small talk: greetings, thanks, farewells, what the model can do.

Out: question and answer pairs, every combination of the lists below, shuffled. The answers promise
nothing a small model can't do.
"""

import random

from pipeline.chat.conversation import Message, assistant, user

EXCHANGES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "Hello!",
            "Hello.",
            "Hi!",
            "Hi.",
            "Hi there.",
            "Hey!",
            "Hello there!",
            "hello",
            "hi",
            "hey",
            "Hello friend!",
            "Hey, hello!",
            "Good to see you.",
            "Hi again!",
        ),
        (
            "Hello! What can I do for you?",
            "Hello! What would you like to know?",
            "Hi! Ask me something.",
        ),
    ),
    (
        (
            "Good morning!",
            "Good morning.",
            "Good evening!",
            "Good evening.",
            "Good afternoon!",
            "Good day.",
            "Good morning to you.",
            "Good evening, friend.",
            "A good day to you!",
        ),
        ("Hello! What can I do for you?", "Good day! What would you like to know?"),
    ),
    (
        (
            "How are you?",
            "How are you today?",
            "How do you do?",
            "How is it going?",
            "Are you well?",
            "How do you feel today?",
            "Is all well with you?",
            "How are things?",
        ),
        (
            "I am well, thank you. What can I do for you?",
            "Very well, thank you. What would you like to know?",
        ),
    ),
    (
        (
            "Thank you!",
            "Thank you.",
            "Thanks!",
            "Thanks.",
            "Thanks a lot.",
            "Thank you very much.",
            "Many thanks!",
            "Thank you, that helps.",
            "Thanks for your help!",
            "I am grateful.",
            "Thank you again.",
        ),
        ("You are welcome!", "You are welcome. Ask me anything else you like."),
    ),
    (
        (
            "Goodbye!",
            "Goodbye.",
            "Bye!",
            "Bye.",
            "See you later.",
            "Good night!",
            "Good night.",
            "See you soon!",
            "Bye, see you.",
            "I have to leave now.",
            "Until tomorrow!",
            "So long!",
        ),
        ("Goodbye!", "Goodbye! Come back soon."),
    ),
    (
        (
            "What can you do?",
            "How can you help me?",
            "What can I ask you?",
            "What are you good at?",
            "Can you help me?",
            "What are you able to tell me?",
            "Tell me what you know.",
            "What is it that you do?",
        ),
        (
            "I can answer questions about people and places, add numbers and spell words.",
            "Ask me about people and places, or let me add two numbers or spell a word.",
        ),
    ),
    (
        (
            "That is great!",
            "Well done!",
            "Good answer.",
            "That was helpful.",
            "Very good.",
            "Nice!",
            "That was good.",
            "I like your answer.",
            "Perfect!",
            "You did well.",
        ),
        ("Thank you! What else would you like to know?", "I am glad to hear it."),
    ),
    (
        (
            "Are you there?",
            "Can you hear me?",
            "Are you ready?",
            "Can I ask you something?",
            "I have a question.",
            "Is anyone here?",
            "May I ask you a question?",
            "Are you listening?",
        ),
        ("Yes, please ask.", "Yes. What would you like to know?"),
    ),
    (
        (
            "That is wrong.",
            "I don't think so.",
            "Are you sure?",
            "Is that right?",
            "That can not be.",
            "I think you are wrong.",
            "Is that really true?",
        ),
        ("I may be wrong: I am a small model. Please check it.",),
    ),
    (
        (
            "Tell me a joke.",
            "Sing me a song.",
            "Can you draw a picture?",
            "What time is it?",
            "What day is it today?",
            "Sing for me.",
            "Tell me something funny.",
            "What is the date?",
            "Show me a picture.",
        ),
        ("I am sorry, I can't do that. I can answer questions, add numbers and spell words.",),
    ),
)


def conversations(*, count: int, rng: random.Random) -> list[list[Message]]:
    """Small talk, at most `count` conversations."""
    made = [
        [user(opening), assistant(reply)]
        for openings, replies in EXCHANGES
        for opening in openings
        for reply in replies
    ]
    rng.shuffle(made)
    while len(made) < count:
        made.extend(made[: count - len(made)])
    return made[:count]
