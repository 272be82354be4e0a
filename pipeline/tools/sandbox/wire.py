"""What a zygote, its forks and their owner say to each other.

A fork writes about itself: `r` when its layers are on, else `f` and why they are not; then, at its
end, one of the other letters and a text. Only the first letter is sure: the rest may be the
program's own doing, and is taken for text.
"""

ENTERED, FAULT = "r", "f"
VALUE, ERROR, NO_MEMORY, NOTHING = "v", "e", "m", "n"
STOP = b"stop"  # from the owner to the zygote: end the program that runs
