"""The stages of the ledger, in the order in which a record passes them."""

STAGES = (
    "read",
    "url",
    "extract",
    "language",
    "repetition",
    "gopher_quality",
    "c4",
    "fineweb",
    "toxicity",
    "learned",
    "dedup",
    "decontamination",
)
