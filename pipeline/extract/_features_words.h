/* Words of a block as hashes, and what a table of learned weights says of them.
 *
 * A token is a run of letters and digits in lower case, digits all alike; a character of a script
 * without spaces is a token of its own. Only the first tokens of a block are looked up: furniture
 * is short. The hash is FNV-1a over code points with a final mix.
 */
#include "_features.h"

static uint32_t mixed(uint32_t h) {
    h ^= h >> 16;
    h *= 0x7feb352dU;
    h ^= h >> 15;
    h *= 0x846ca68bU;
    return h ^ (h >> 16);
}

static int stands_alone(Py_UCS4 c) { /* Thai, Lao, Burmese, Khmer, Han, kana */
    return (c >= 0x0e00 && c < 0x0f00) || (c >= 0x1000 && c < 0x10a0) ||
           (c >= 0x1780 && c < 0x1800) || (c >= 0x2e80 && c < 0xa000) ||
           (c >= 0x20000 && c < 0x32000);
}

static void tokens_of(PyObject *text, Tokens *out) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    uint32_t h = 0;
    int open = 0, alone_before = 0;
    out->count = 0;
    out->all = 1;
    for (Py_ssize_t i = 0; i <= size; i++) {
        Py_UCS4 c = i < size ? PyUnicode_READ(kind, data, i) : ' ';
        int word, alone = 0;
        if (c < 128) {
            if (c >= 'A' && c <= 'Z') c |= 32;
            if (c >= '0' && c <= '9') c = '0';
            word = (c >= 'a' && c <= 'z') || c == '0';
        } else if (c == 0xa9) { /* the copyright sign is a word */
            word = alone = 1;
        } else if (stands_alone(c)) {
            word = alone = Py_UNICODE_ISALNUM(c) != 0;
        } else {
            word = Py_UNICODE_ISALNUM(c) != 0;
            c = Py_UNICODE_TOLOWER(c);
        }
        if (open && (!word || alone || alone_before)) {
            if (out->count == MAX_TOKENS) {
                out->all = 0;
                return;
            }
            out->hash[out->count++] = mixed(h);
            open = 0;
        }
        if (word) {
            if (!open) h = 2166136261U;
            h = (h ^ c) * 16777619U;
            open = 1;
        }
        alone_before = alone;
    }
}

static uint32_t pair(uint32_t kind, uint32_t a, uint32_t b) {
    return mixed(kind * 0x9e3779b9U ^ a * 31 ^ (b + 0x7f4a7c15U) * 0x85ebca6bU) % LEXICON;
}

/* Places in the table: first the three of begin, end and whole (LEXICON for none), then words. */
static int keys_of(const Tokens *tokens, uint32_t *keys) {
    uint32_t n = tokens->count, whole = 0;
    keys[0] = n ? pair(1, tokens->hash[0], n > 1 ? tokens->hash[1] : 0) : LEXICON;
    keys[1] = n && tokens->all ? pair(2, tokens->hash[n - 1], n > 1 ? tokens->hash[n - 2] : 0)
                               : LEXICON;
    for (uint32_t i = 0; i < n && i < WHOLE_TOKENS; i++) whole = mixed(whole * 31 + tokens->hash[i]);
    keys[2] = n && tokens->all && n <= WHOLE_TOKENS ? pair(3, whole, n) : LEXICON;
    for (uint32_t i = 0; i < n; i++) keys[3 + i] = pair(0, tokens->hash[i], 0);
    return (int)n + 3;
}

static uint32_t common(const Tokens *a, const Tokens *b) { /* tokens of a that b has */
    uint32_t found = 0;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t j = 0; j < b->count; j++)
            if (a->hash[i] == b->hash[j]) {
                found++;
                break;
            }
    return found;
}

static void words_of(const Tokens *tokens, const int8_t *lexicon, const Tokens titles[2],
              const Tokens *description, float *out) {
    uint32_t keys[MAX_TOKENS + 3];
    int n = keys_of(tokens, keys), sum = 0, known = 0, least = 0, most = 0;
    for (int i = 3; i < n; i++) {
        int weight = lexicon[keys[i]];
        sum += weight;
        known += weight != 0;
        if (weight < least) least = weight;
        if (weight > most) most = weight;
    }
    out[WORDS_MEAN] = known ? (float)sum / (float)(n - 3) : 0;
    out[WORDS_LEAST] = (float)least;
    out[WORDS_MOST] = (float)most;
    out[WORDS_BEGIN] = keys[0] < LEXICON ? lexicon[keys[0]] : 0;
    out[WORDS_END] = keys[1] < LEXICON ? lexicon[keys[1]] : 0;
    out[WORDS_WHOLE] = keys[2] < LEXICON ? lexicon[keys[2]] : 0;
    out[WORDS_KNOWN] = n > 3 ? (float)known / (float)(n - 3) : 0;
    out[TITLE_SHARE] = out[TITLE_COVER] = out[DESCRIPTION_SHARE] = 0;
    if (!tokens->count) return;
    if (tokens->all)
        for (int t = 0; t < 2; t++) {
            if (!titles[t].count || tokens->count > 2 * titles[t].count + 4) continue;
            float share = (float)common(tokens, &titles[t]) / (float)tokens->count;
            float cover = (float)common(&titles[t], tokens) / (float)titles[t].count;
            if (share * cover > out[TITLE_SHARE] * out[TITLE_COVER] || !out[TITLE_SHARE]) {
                out[TITLE_SHARE] = share;
                out[TITLE_COVER] = cover;
            }
        }
    if (description->count >= 6 && tokens->count >= 6)
        out[DESCRIPTION_SHARE] = (float)common(description, tokens) / (float)description->count;
}
