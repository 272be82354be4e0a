"""Arrow schemas of every table in the lake, one name each; the DuckDB views carry the same names.

Writers build their tables with these schemas (`pa.Table.from_pylist(rows, schema=LEDGER)`), so a
column that is missing or of a wrong type fails where it is written, not where it is read.
"""

import pyarrow as pa

# One WARC record, however it ended. Conservation law: per WARC, read = kept + dropped + errors.
LEDGER = pa.schema(
    [
        ("warc", pa.string()),  # file name, without its folder
        ("offset", pa.int64()),  # byte offset of the record in the (compressed) file
        ("record_type", pa.string()),  # response, request, warcinfo, …; "" where unreadable
        ("url", pa.string()),
        ("outcome", pa.string()),  # kept, dropped or error
        ("stage", pa.string()),  # read, url, extract, language, repetition, … dedup
        ("rule", pa.string()),  # the rule that decided; "" where kept
        ("value", pa.float64()),  # the measured value, null where the rule has none
        ("threshold", pa.float64()),  # what it was held against, likewise
        ("detail", pa.string()),  # the offending word, error text, …: short, may be ""
        ("id", pa.string()),  # document id, for every record that reached extraction, else ""
    ]
)

# Every quality signal, computed for each page that passed the gates of the pass.
SIGNALS = [
    # of the text as extracted: Gopher's rules look at it before C4's take lines out
    ("extracted_characters", pa.int64()),
    ("extracted_lines", pa.int64()),
    ("duplicate_line_fraction", pa.float64()),
    ("duplicate_line_character_fraction", pa.float64()),
    ("duplicate_paragraph_fraction", pa.float64()),
    ("duplicate_paragraph_character_fraction", pa.float64()),
    *[(f"top_{n}_gram_character_fraction", pa.float64()) for n in (2, 3, 4)],
    *[(f"duplicate_{n}_gram_character_fraction", pa.float64()) for n in (5, 6, 7, 8, 9, 10)],
    ("word_count", pa.int64()),
    ("mean_word_length", pa.float64()),
    ("hash_word_ratio", pa.float64()),
    ("ellipsis_word_ratio", pa.float64()),
    ("bullet_line_fraction", pa.float64()),
    ("ellipsis_line_fraction", pa.float64()),
    ("alphabetic_word_fraction", pa.float64()),
    ("stop_word_count", pa.int64()),
    # lines that C4's line rules took out, and of those the ones of each rule
    ("removed_lines", pa.int64()),
    *[
        (f"removed_{kind}_lines", pa.int64())
        for kind in ("long_word", "unpunctuated", "short", "javascript", "policy")
    ],
    ("removed_citations", pa.int64()),
    ("lorem_ipsum_lines", pa.int64()),
    ("curly_bracket_lines", pa.int64()),
    ("curly_bracket_lines_anywhere", pa.int64()),
    ("sentence_count", pa.int64()),
    ("line_count", pa.int64()),  # lines of the text after C4's line rules that are not blank
    ("punctuated_line_fraction", pa.float64()),
    ("short_line_fraction", pa.float64()),
    ("fineweb_duplicate_line_character_fraction", pa.float64()),
    ("newline_word_ratio", pa.float64()),
    ("toxic_words", pa.int64()),
    ("toxic_word_fraction", pa.float64()),
    ("adult_words", pa.int64()),
    ("adult_word_fraction", pa.float64()),
    ("extraction_confidence", pa.float64()),  # of the block classifier, 0..1
]

# A page that passed the gates of the pass over its WARC, with all that later decisions need.
PAGES = pa.schema(
    [
        ("id", pa.string()),  # sha256 of "warc_name:offset:url", first 32 hex digits
        ("url", pa.string()),
        ("host", pa.string()),
        ("dump", pa.string()),  # e.g. CC-MAIN-2024-22, from the file name or warcinfo; else ""
        ("warc", pa.string()),
        ("offset", pa.int64()),
        ("date", pa.string()),  # WARC-Date, ISO 8601
        ("text", pa.string()),  # after C4's line rules
        ("language", pa.string()),  # of the main text as extracted
        ("language_score", pa.float64()),
        *SIGNALS,
    ]
)

# What the thresholds made of each page: a row for every row of the parts' pages, in their order.
SELECTION = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.int32()),  # which of the parts given, from 0
        ("outcome", pa.string()),  # kept or dropped
        ("stage", pa.string()),  # "" where kept, as are the rest
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.string()),
    ]
)

PII_KINDS = (
    "email",
    "ipv4",
    "ipv6",
    "phone",
    "card",
    "iban",
    "key",
    "national_id",
)

# A document that survived dedup, personal data replaced.
CORPUS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("host", pa.string()),
        ("text", pa.string()),
        ("split", pa.string()),  # train or validation, by hash of host
        ("language", pa.string()),
        *[(f"pii_{kind}s", pa.int64()) for kind in PII_KINDS],
    ]
)

# Members of clusters of two or more pages.
CLUSTERS = pa.schema(
    [
        ("id", pa.string()),
        ("cluster", pa.string()),  # id of the page that is kept
        ("kept", pa.bool_()),
        ("earlier", pa.bool_()),  # a page of an earlier dump, decided then
    ]
)

TOKEN_SHARDS = pa.schema(
    [
        ("shard", pa.string()),
        ("split", pa.string()),
        ("tokens", pa.int64()),
        ("bytes", pa.int64()),  # UTF-8 bytes of the text behind the tokens
        ("documents", pa.int64()),
        ("first_document", pa.string()),
        ("last_document", pa.string()),
    ]
)

# How many bytes a token holds: of all validation text, by language, host, vocabulary size.
COMPRESSION = pa.schema(
    [
        ("kind", pa.string()),  # all, language, host, vocab_size, case
        ("name", pa.string()),
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
        ("tokens", pa.int64()),
        ("bytes_per_token", pa.float64()),
        ("low", pa.float64()),  # 95% interval over documents; null for a single case
        ("high", pa.float64()),
    ]
)

# Kinds of artifacts that have METRICS and TIMING.
TRAINED = (
    *("base", "extended", "sft", "interrogated", "rl", "reward_model", "rlhf"),
    *("game_sft", "game_rl"),
)
# A training step. What a clock measures lives apart (TIMING), since it differs from run to run.
METRICS = pa.schema(
    [
        ("run", pa.string()),  # the artifact's digest, first 16 hex digits; filled by the view
        ("stage", pa.string()),  # pretrain, extend, sft, rl, reward_model, rlhf, game_sft, game_rl
        ("step", pa.int64()),
        ("tokens", pa.int64()),  # tokens seen so far
        ("loss", pa.float64()),
        ("validation_bits_per_byte", pa.float64()),  # null where not measured at this step
        ("lr", pa.float64()),
        ("grad_norm", pa.float64()),
        # how often the run had gone back to an earlier state before this step
        ("rollbacks", pa.int64()),
        ("reward", pa.float64()),  # RL only, as are the columns below
        ("length", pa.float64()),  # mean tokens of an answer
        ("entropy", pa.float64()),
        ("worked_share", pa.float64()),  # answers that show their work
        # groups without variance in reward, of those that are learned from: they teach nothing
        ("flat_group_share", pa.float64()),
        ("truncated_share", pa.float64()),  # answers that didn't end by themselves
        ("wasted_share", pa.float64()),  # answers in groups without variance, replaced ones too
        # |log-probability for the trainer - for the sampler| of a token that was learned from, and
        # the share of tokens whose ratio met its bound; null where nothing was
        ("mismatch_max", pa.float64()),
        ("mismatch_mean", pa.float64()),
        ("clipped_share", pa.float64()),
        # where honesty is asked as well: right sums and words, and of honesty's answers the mean
        # reward and the share that isn't "I don't know"
        ("right_share", pa.float64()),
        ("honesty_reward", pa.float64()),
        ("answer_rate", pa.float64()),
    ]
)

TIMING = pa.schema(
    [
        ("step", pa.int64()),
        ("seconds", pa.float64()),  # of training so far, all resumes together, validation left out
        ("tokens_per_second", pa.float64()),
        ("mfu", pa.float64()),
        ("peak_memory_bytes", pa.int64()),  # of the first process so far, on its GPU if it has one
        ("energy_kwh", pa.float64()),  # of the run so far, see pipeline.energy
    ]
)

TOOL_CALL = pa.struct([("id", pa.string()), ("name", pa.string()), ("arguments", pa.string())])

MESSAGE = pa.struct(
    [
        ("role", pa.string()),  # system, user, assistant, tool
        ("content", pa.string()),
        ("tool_calls", pa.list_(TOOL_CALL)),  # of an assistant; arguments are a JSON object's text
        ("tool_call_id", pa.string()),  # of a tool: the call it answers; "": the next one
    ]
)

CONVERSATIONS = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),  # facts, reading, arithmetic, spelling, small_talk, …
        ("messages", pa.list_(MESSAGE)),
        ("tools", pa.list_(pa.string())),  # JSON text of each tool's definition, as OpenAI's
        # token positions [start, end) on which the loss is taken, in the rendered conversation
        ("loss_spans", pa.list_(pa.list_(pa.int64(), 2))),
        ("origin", pa.string()),  # document id it was made from, else ""
        ("split", pa.string()),
    ]
)

# A question that a chat model was interrogated with.
INTERROGATIONS = pa.schema(
    [
        ("id", pa.string()),  # of question and relation: the same in each round
        # stated, unstated, mentioned or unheard: see pipeline.sft.interrogation.probes
        ("kind", pa.string()),
        ("question", pa.string()),
        ("entity", pa.string()),  # without its article
        ("relation", pa.string()),
        # right answers, the one asked for first; [] where no page states one: then every answer but
        # "I don't know" is wrong
        ("values", pa.list_(pa.string())),
        ("mentions", pa.int64()),  # documents that state it
        ("answers", pa.list_(pa.string())),  # sampled
        ("correct_share", pa.float64()),  # of the answers
        ("agreement", pa.float64()),  # share of the most common answer
        ("label", pa.string()),  # known, unknown or unclear
        ("origin", pa.string()),  # a document that states it, or ""
        ("split", pa.string()),
    ]
)

# A row of somebody's file of conversations that could not be used.
CONVERSATION_REJECTS = pa.schema(
    [
        ("file", pa.string()),  # its name
        ("line", pa.int64()),  # of JSON lines; of other files the row's number; from 1
        ("format", pa.string()),  # of the file: openai, sharegpt, …; "" where unknown
        ("reason", pa.string()),  # see pipeline.chat.row_fields.REASONS
        ("detail", pa.string()),  # which field, role or type: short, may be ""
    ]
)

# What a teacher was asked, a row a passage, and what became of its answer.
TEACHER_ANSWERS = pa.schema(
    [
        ("number", pa.int64()),  # in the order in which caps and duplicates count them
        ("id", pa.string()),  # of the conversation, "" where rejected
        ("origin", pa.string()),  # document id
        ("passage", pa.string()),
        ("topic", pa.string()),  # the four axes …
        ("persona", pa.string()),
        ("dynamics", pa.string()),
        ("first_message", pa.string()),
        ("outcome", pa.string()),  # kept or rejected
        ("reason", pa.string()),  # of a rejection: see pipeline.sft.teacher.screening.REASONS
        ("detail", pa.string()),
        ("score", pa.int64()),  # the judge's, 1 to 5; null where it gave none
        ("judge_reason", pa.string()),
        ("requests", pa.int64()),  # for it, the judge's included
        ("prompt_tokens", pa.int64()),  # as billed
        ("answer_tokens", pa.int64()),
        ("money", pa.float64()),  # at the config's prices, in their currency
    ]
)

# A piece of a labeler's work that counts.
LABELS = pa.schema(
    [
        ("task", pa.string()),
        ("kind", pa.string()),  # write, correct, compare
        ("rater", pa.string()),
        ("seconds", pa.float64()),  # null where the task's lease had ended: nobody knows
        ("time", pa.string()),  # when it was finished: UTC, ISO 8601
        ("gold", pa.bool_()),  # an item with a known answer
        ("right", pa.bool_()),  # of gold alone
        ("raters", pa.int64()),  # how many were to get the task
        ("answer", pa.string()),  # of a comparison the winner
        ("made", pa.string()),  # id of the conversation or preference; "" of gold
        ("origin", pa.string()),  # where the task came from
    ]
)

# A comparison of two answers to a prompt.
PREFERENCES = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),  # labels, simulated, imported, judge
        ("task", pa.string()),  # of a labeler; else the prompt's id
        ("prompt", pa.list_(MESSAGE)),
        ("tools", pa.list_(pa.string())),
        ("a", pa.string()),
        ("b", pa.string()),
        ("winner", pa.string()),  # a, tie, b
        ("first", pa.string()),  # which was shown first: a or b; "" where unknown or both were
        ("rater", pa.string()),
        ("seconds", pa.float64()),  # as in LABELS
        ("time", pa.string()),
        ("split", pa.string()),  # by prompt: train or validation
    ]
)

# A prompt whose answers are compared, and that a policy is optimised on.
PREFERENCE_PROMPTS = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(MESSAGE)),  # the last one is not the assistant's
        ("tools", pa.list_(pa.string())),
        # fact, unknown, request, a task's kind; "" where nothing is known of it
        ("kind", pa.string()),
        ("answer", pa.string()),  # the right one, "" where there is none or nobody knows
        ("aliases", pa.list_(pa.string())),  # other right ones
        ("origin", pa.string()),  # a document, FILE:LINE, a conversation or a labeler's task; or ""
        ("split", pa.string()),  # train or validation: one for all wordings of one subject
    ]
)

# An answer that was sampled to be compared, and what raters with known taste see in it.
PREFERENCE_ANSWERS = pa.schema(
    [
        ("prompt", pa.string()),  # its id
        ("number", pa.int64()),  # of the prompt's answers, from 0
        ("text", pa.string()),
        ("tokens", pa.list_(pa.int64())),  # as drawn, the stop token included if it came
        ("logprob", pa.float64()),  # of all of them, under the model
        ("stopped", pa.bool_()),
        # see pipeline.preferences.taste, as for the next four
        ("correct", pa.float64()),
        ("polite", pa.float64()),
        ("grounded", pa.float64()),
        ("words", pa.int64()),
        ("gold", pa.float64()),  # the true reward, points
    ]
)

# What could not be used of somebody's file of pairs, or of a judge's replies.
PREFERENCE_REJECTS = pa.schema(
    [
        ("file", pa.string()),  # its name; of a judge's replies "judge"
        ("line", pa.int64()),  # of JSON lines; else the row's or the question's number; from 1
        ("reason", pa.string()),  # see pipeline.preferences.preference_files.REASONS
        ("detail", pa.string()),  # short, may be ""
    ]
)

# Of a reward model: how often the answer it scores higher won, by how sure its scores are.
RELIABILITY = pa.schema(
    [
        ("member", pa.int64()),  # of the ensemble, from 0; null: of the members' mean score
        ("low", pa.float64()),  # bin of the confidence, sigmoid of the scores' distance
        ("high", pa.float64()),
        ("pairs", pa.int64()),  # decided ones of split validation
        ("confidence", pa.float64()),  # mean; null in an empty bin, as is the next
        ("accuracy", pa.float64()),
        ("accuracy_low", pa.float64()),  # Wilson's 95% interval
        ("accuracy_high", pa.float64()),
    ]
)

# Reward models on fewer comparisons, all measured on the same ones.
PAIR_CURVE = pa.schema(
    [
        ("pairs", pa.int64()),  # learned from
        ("prompts", pa.int64()),  # of those
        ("seed", pa.int64()),  # of the subset, the head and the order
        ("steps", pa.int64()),
        ("validation_pairs", pa.int64()),
        ("accuracy", pa.float64()),
        ("accuracy_low", pa.float64()),  # 95%, see pipeline.preferences.reward_calibration
        ("accuracy_high", pa.float64()),
        ("log_loss", pa.float64()),  # nats a pair
        ("ece", pa.float64()),
    ]
)

ROLLOUTS = pa.schema(
    [
        ("step", pa.int64()),
        ("task", pa.string()),
        ("level", pa.int64()),  # of the task's dial, from 1; 0 where it has none
        ("group", pa.int64()),
        ("draw", pa.int64()),  # how often the group's place had been drawn anew
        ("replaced", pa.bool_()),  # its group had no variance: another task took its place
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("answer", pa.string()),
        ("reward", pa.float64()),
        ("advantage", pa.float64()),
        ("length", pa.int64()),
        ("logprob", pa.float64()),  # of the whole completion, under the sampling policy
        ("stopped", pa.bool_()),
        ("answer_type", pa.string()),  # correct, wrong or idk ("I don't know")
        ("target", pa.float64()),  # of task honesty: the confidence target that the prompt states
        # of rlhf, else null: what the answer is optimised for and, where that is known, what it is
        # truly worth
        ("proxy", pa.float64()),
        ("gold", pa.float64()),
        # of rlhf, else null: l = log pi - log ref of the sequence, infinite where the reference
        # can't say it, and its part (e^l - 1) + (e^-l - 1) in chi2(pi || ref)
        ("kl", pa.float64()),
        ("chi2", pa.float64()),
    ]
)

# Of rlhf's sampled batches what is estimated from their answers: see pipeline.preferences
RLHF_STEPS = pa.schema(
    [
        ("step", pa.int64()),  # the answers are of the policy before it
        ("answers", pa.int64()),  # that the estimates are means over
        ("left_out", pa.int64()),  # answers that the reference can't say
        ("proxy", pa.float64()),  # means, null where there is no reward model …
        ("gold", pa.float64()),  # … or the true reward isn't known
        ("kl", pa.float64()),  # KL(pi || ref), nats: k1
        ("kl_k2", pa.float64()),
        ("kl_k3", pa.float64()),
        ("chi2", pa.float64()),  # chi2(pi || ref): published
        ("chi2_exact", pa.float64()),
        ("chi2_trimmed", pa.float64()),
        ("clipped", pa.int64()),  # answers whose e^l was continued along its tangent
        ("inverse_clipped", pa.int64()),  # … e^-l
        ("effective_answers", pa.float64()),
        ("length", pa.float64()),  # tokens of an answer
        ("entropy", pa.float64()),  # nats a token
        ("stopped_share", pa.float64()),
    ]
)

# What RL's answers to each kind and level of task were like in each sampled batch, those to
# replaced tasks included.
RL_LEVELS = pa.schema(
    [
        ("step", pa.int64()),
        ("task", pa.string()),
        ("level", pa.int64()),
        ("groups", pa.int64()),
        ("answers", pa.int64()),
        ("reward", pa.float64()),
        # at k = 1, 2, 4, … and the answers of a group: 1 - C(n - c, k) / C(n, k), mean over groups
        ("pass_at_k", pa.list_(pa.struct([("k", pa.int64()), ("value", pa.float64())]))),
        ("entropy", pa.float64()),  # nats a token
        ("length", pa.float64()),  # tokens of an answer
        ("stopped_length", pa.float64()),  # of one that ended by itself; null where none did
        ("stopped_share", pa.float64()),
        ("truncated_share", pa.float64()),
        ("flat_group_share", pa.float64()),
        ("wasted_answers", pa.int64()),  # in groups without variance
        ("replaced_groups", pa.int64()),
    ]
)

# A position of the board game, and what it is worth (pipeline.connect_four.solution).
GAME_POSITIONS = pa.schema(
    [
        ("key", pa.int64()),  # of the position, see pipeline.connect_four.board
        ("ply", pa.int32()),  # stones on the board
        ("score", pa.int32()),  # of the side to move: above 0 a win, below 0 a loss, 0 a draw
    ]
)

# A game that was played to its end.
GAMES = pa.schema(
    [
        ("step", pa.int64()),  # of self-play's training; else 0
        ("game", pa.int64()),  # its number, which its random numbers depend on
        ("first", pa.string()),  # who began
        ("second", pa.string()),
        ("opening", pa.int64()),  # first plies that were drawn by chance
        ("moves", pa.string()),  # each the digit of its column
        ("winner", pa.string()),  # first, second or draw
        ("illegal", pa.bool_()),  # the loser said no legal move
        ("first_baseline", pa.float64()),  # of self-play: the role's, before the game; else null
        ("second_baseline", pa.float64()),
    ]
)

EVALS = pa.schema(
    [
        ("model", pa.string()),  # base, sft, interrogated, rl, rlhf, or a folder's name
        ("stage", pa.string()),
        ("suite", pa.string()),  # see pipeline.evals.config.ALL_SUITES
        ("task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),  # null where there was nothing to measure it on, or no such value
        ("low", pa.float64()),  # 95% interval; null where nothing was drawn (a file's size)
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("seed", pa.int64()),
    ]
)

# A base model of the ladder that a scaling law is fitted to.
SCALING = pa.schema(
    [
        ("base", pa.string()),  # its artifact
        ("layers", pa.int64()),
        ("width", pa.int64()),
        ("seed", pa.int64()),
        ("parameters", pa.int64()),
        ("matrix_parameters", pa.int64()),
        ("tokens", pa.int64()),  # seen in training
        ("epochs", pa.float64()),
        ("flops", pa.float64()),
        ("bits_per_byte", pa.float64()),  # of the whole validation split
    ]
)

# How well a model predicts tokens by their place in the document.
POSITIONS = pa.schema(
    [
        ("reader", pa.string()),  # which model, in windows of which length
        ("context", pa.int64()),  # tokens of such a window
        ("first", pa.int64()),  # the bucket's positions
        ("last", pa.int64()),
        ("bits_per_byte", pa.float64()),
        ("low", pa.float64()),  # 95% interval, by bootstrap over documents
        ("high", pa.float64()),
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
    ]
)

SAMPLES = pa.schema(
    [
        ("model", pa.string()),
        ("suite", pa.string()),
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("expected", pa.string()),  # "" where nothing is
        ("correct", pa.bool_()),  # null where nothing is checked
    ]
)

# Of the sample web, in the order in which it was written: what its pages teach, with which
# hallucination is measured …
FACTS = pa.schema(
    [
        ("entity", pa.string()),  # "Mara Ellison"
        ("kind", pa.string()),  # person, town, river, company
        ("attribute", pa.string()),  # birthplace, mayor, …
        ("value", pa.string()),
        ("frequency", pa.string()),  # often (20 or more statements), once, never
        ("mentions", pa.int64()),  # statements on pages that ought to be kept
        ("prompt", pa.string()),  # a sentence's beginning, never used on pages for this fact
        ("question", pa.string()),  # a question in a wording not used on pages for this fact
        ("asked", pa.bool_()),  # a question-and-answer page on this fact ought to be kept
        ("split", pa.string()),  # train or held_out, by entity
    ]
)

# … and the ground truth of every page, for every filter's precision and recall.
TRUTH = pa.schema(
    [
        ("url", pa.string()),
        ("warc", pa.string()),  # file name
        ("kind", pa.string()),  # biography, homework, mirror, spam_lines, …
        ("language", pa.string()),  # en, de, …
        ("charset", pa.string()),  # of the bytes
        ("expected", pa.string()),  # kept, dropped or error
        ("stage", pa.string()),  # the stage that ought to drop it, "" where kept
        ("duplicate_of", pa.string()),  # url of the page it was made from, else ""
        ("similarity", pa.float64()),  # word 5-gram Jaccard with that page's main text, else null
        *[(f"pii_{kind}s", pa.int64()) for kind in PII_KINDS],  # planted, by kind
        ("pii_values", pa.list_(pa.string())),
        ("main_text", pa.string()),  # paragraphs, one a line
    ]
)
