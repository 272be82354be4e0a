"""Wordings that neither pages nor conversations have: does a skill generalise to new words?

Each list is asked as well as the wordings that are trained, and its score comes first. Nothing here
may ever be trained on: tests compare it with the wordings of the sample web, fine-tuning and RL.
Those of tasks that code can check stand beside the trained ones in pipeline.curriculum.
"""

from pipeline.curriculum.spelled_words import NEW_SPELLING_QUESTIONS
from pipeline.curriculum.sums import NEW_SUM_QUESTIONS

SUMS = NEW_SUM_QUESTIONS
SPELLING = NEW_SPELLING_QUESTIONS
STORIES = (
    "My aunt owns {a} {things}. My uncle owns {b}. How many do they own between them?",
    "A train carries {a} {things}; at the next stop {b} are loaded as well. How many is it now?",
    "The first page lists {a} {things} and the second {b}. How many are listed?",
    "Yesterday we packed {a} {things}, today {b}. How many have we packed so far?",
    "A farmer had {a} {things} and was given {b}. How many has the farmer got?",
)
THINGS = ("potatoes", "bottles", "pencils", "ducks", "tiles", "buttons")
THREE_NUMBERS = ("What is {a} + {b} + {c}?", "How much is {a} + {b} + {c}?")

# By the attributes of the sample web's facts.
FACTS = {
    "birthplace": (
        "Can you say where {e} was born?",
        "{e} was born somewhere. Where?",
        "Do you know the town in which {e} was born?",
    ),
    "birth_year": (
        "Can you say when {e} was born?",
        "{e} was born one year. Which one?",
        "Do you know the year in which {e} was born?",
    ),
    "profession": (
        "Can you say what {e} works as?",
        "How does {e} earn a living?",
        "Do you know what trade {e} has?",
    ),
    "instrument": (
        "Can you say what {e} plays?",
        "On which instrument can one hear {e}?",
        "Do you know which instrument {e} plays?",
    ),
    "river": (
        "Can you say which river {e} is on?",
        "Whose water flows through {e}?",
        "Do you know the river at {e}?",
    ),
    "mayor": (
        "Can you say who governs {e}?",
        "Whom did {e} elect as its mayor?",
        "Do you know who is mayor in {e}?",
    ),
    "specialty": (
        "Can you say what {e} is known for?",
        "Why do visitors come to {e}?",
        "Do you know what {e} is famous for?",
    ),
    "founded": (
        "Can you say when {e} was founded?",
        "Since when has {e} been there?",
        "Do you know the year in which {e} was founded?",
    ),
    "source": (
        "Can you say where the {e} rises?",
        "From which mountain does the {e} come?",
        "Do you know where the {e} begins?",
    ),
    "mouth": (
        "Can you say where the {e} ends?",
        "Into what does the water of the {e} flow?",
        "Do you know what the {e} flows into?",
    ),
    "length": (
        "Can you say how long the {e} is?",
        "How many kilometres does the {e} cover?",
        "Do you know how far the {e} runs?",
    ),
    "fish": (
        "Can you say which fish lives in the {e}?",
        "What might an angler on the {e} catch?",
        "Do you know what is caught in the {e}?",
    ),
    "seat": (
        "Can you say where {e} is based?",
        "In what place does {e} have its head office?",
        "Do you know where {e} is at home?",
    ),
    "founder": (
        "Can you say who founded {e}?",
        "Whose idea was {e}?",
        "Do you know the founder of {e}?",
    ),
    "opened": (
        "Can you say when {e} opened?",
        "Since when has {e} been in business?",
        "Do you know the year in which {e} opened its doors?",
    ),
    "product": (
        "Can you say what {e} makes?",
        "What would one buy from {e}?",
        "Do you know what {e} produces?",
    ),
}

# Who-are-you questions, by what pipeline.sft.identity answers to them.
IDENTITY = {
    "who": (
        "And who might you be?",
        "Tell me who you are.",
        "May I ask your name?",
        "What do people call you?",
        "Who am I talking to?",
        "Please say a few words about yourself.",
        "What is your name, please?",
        "what are you called?",
    ),
    "how": (
        "How did you come about?",
        "Where were you made?",
        "Who built you?",
        "Where did you learn all this?",
        "What were you trained on?",
        "Who trained you?",
    ),
    "no_person": (
        "Are you human?",
        "Are you a real person?",
        "Is there a person behind this?",
        "Are you a man or a woman?",
        "Are you Siri?",
        "Are you some kind of human being?",
    ),
    "machine": (
        "Are you a machine?",
        "Is this a computer?",
        "Are you a robot?",
        "Am I speaking with a program?",
    ),
    "cannot": (
        "What things can't you do?",
        "Do you have any limits?",
        "What is hard for you?",
        "What are you not good at?",
    ),
    "cutoff": (
        "When did your training end?",
        "How fresh is your knowledge?",
        "Which year does your knowledge reach?",
        "Do you know what happened yesterday?",
    ),
}
# By the first opening of the group of pipeline.sft.small_talk they belong to.
SMALL_TALK = {
    "Hello!": ("Hello, you!", "Hello again.", "Greetings!", "Hey there!", "Hi, it is me."),
    "Good morning!": ("A good morning to you!", "Good evening to you.", "Morning!", "Evening."),
    "How are you?": ("How do you feel?", "How have you been?", "Are you doing well?"),
    "Thank you!": ("Thank you so much!", "Thanks, that helps.", "Thanks again!", "I thank you."),
    "Goodbye!": ("Bye for now!", "See you tomorrow.", "Farewell!", "I have to go now. Bye!"),
    "What can you do?": (
        "What are you able to do?",
        "What do you know?",
        "How could you help?",
        "Tell me what you can do.",
    ),
    "That is great!": ("Great!", "Excellent answer!", "Wonderful.", "I like that."),
    "Are you there?": ("Is somebody listening?", "May I ask something?", "Is anybody there?"),
    "That is wrong.": ("I think that is wrong.", "Are you certain?", "That can't be right."),
    "Tell me a joke.": ("Do you know a joke?", "Sing something.", "What is the time?"),
}

# About an answer's form, by the kinds of pipeline.curriculum.answer_forms.
INSTRUCTIONS = {
    "end_phrase": (
        'Finish your answer with this exact phrase: "{text}" No other words should follow it.',
        'The very last words of your reply must be "{text}"',
    ),
    "word_count": (
        "Answer with exactly {count} words.",
        "Your whole reply must be {count} words long.",
    ),
    "lower_case": (
        "Your entire answer should be in lowercase letters. No capital letters are allowed.",
        "Write all letters of your reply small.",
    ),
    "no_commas": (
        "In your entire response, refrain from the use of any commas.",
        "Do not use a comma in your reply.",
    ),
    "keyword_count": (
        'Use the word "{text}" exactly {count} times in your answer.',
        'The word "{text}" must appear {count} times in your reply.',
    ),
    "json_object": (
        "Your entire output should be a JSON object.",
        "Reply with one JSON object and nothing else.",
    ),
    "bullet_count": (
        "Your answer must contain exactly {count} bullet points. Begin each with a line of its own"
        " and an asterisk.",
        "Answer as a Markdown list of {count} points.",
    ),
    "quotation": (
        "Wrap your entire response with double quotation marks.",
        "Put your whole reply between double quotation marks.",
    ),
}
END_PHRASES = (
    "that is all.",
    "any other questions?",
    "is there anything else?",
    "this is the end.",
)
