/* From a row of logits to a token: sampling.py's rules, fused. */

static inline double uniform_of(uint64_t key, int64_t position) { /* SplitMix64, 32 bits */
    uint64_t z = key + ((uint64_t)position + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return ((double)(z >> 32) + 0.5) / 4294967296.0;
}

/* The largest t for which the values >= t are at least `wanted` many (or weigh it): quickselect. */
static float border(float *v, int64_t n, double wanted, int by_weight) {
    double above = 0; /* count or weight of what is known to be kept */
    float kept = INFINITY;
    while (n > 0) {
        float a = v[0], b = v[n / 2], c = v[n - 1];
        float pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        int64_t more = 0, same = 0;
        double more_weight = 0;
        for (int64_t i = 0; i < n; i++) { /* greater ones to the front, equal ones after them */
            float x = v[i];
            if (x < pivot) continue;
            if (x > pivot) {
                v[i] = v[more + same];
                v[more + same] = v[more];
                v[more++] = x;
                more_weight += x;
            } else {
                v[i] = v[more + same];
                v[more + same++] = x;
            }
        }
        double upper = by_weight ? more_weight : (double)more;
        double level = upper + (by_weight ? pivot * (double)same : (double)same);
        if (more && above + upper >= wanted) {
            n = more;
        } else if (above + level >= wanted || same == 0) {
            return pivot;
        } else {
            above += level;
            kept = pivot;
            v += more + same;
            n -= more + same;
        }
    }
    return kept;
}

struct Choice {
    int32_t token;
    float logprob;
};

/* Log-probabilities before anything is left out: of the chosen token, and the row's most likely. */
struct Untruncated {
    float *logits; /* (vocab,) a copy */
    double total;  /* log of the sum of their exponentials */
};

static void tell_most_likely(const struct Row *r, const struct Untruncated *u, int64_t vocab) {
    int32_t *tokens = r->top_tokens + r->made * r->top;
    float *logprobs = r->top_logprobs + r->made * r->top;
    int64_t count = 0;
    for (int64_t i = 0; i < vocab; i++) { /* equal ones in the order of their ids */
        float x = (float)(u->logits[i] - u->total);
        int64_t at = count < r->top ? count++ : r->top;
        if (at == r->top && !(x > logprobs[--at])) continue;
        for (; at > 0 && x > logprobs[at - 1]; at--)
            logprobs[at] = logprobs[at - 1], tokens[at] = tokens[at - 1];
        logprobs[at] = x, tokens[at] = (int32_t)i;
    }
    for (; count < r->top; count++) logprobs[count] = -INFINITY, tokens[count] = -1;
}

static void keep_untruncated(struct Untruncated *u, const float *logits, int64_t vocab) {
    float largest = -INFINITY;
    memcpy(u->logits, logits, (size_t)vocab * 4);
    for (int64_t i = 0; i < vocab; i++) largest = logits[i] > largest ? logits[i] : largest;
    double total = 0;
    for (int64_t i = 0; i < vocab; i++) total += exp((double)logits[i] - largest);
    u->total = largest + log(total);
}

/* logits (a multiple of 16 long, the tail ignored) are overwritten; token -1: not finite. */
static struct Choice choose(const struct Row *r, float *logits, int64_t vocab, float *scratch,
                            double uniform) {
    int64_t padded = (vocab + 15) / 16 * 16, best = 0;
    double temperature = r->temperature > 0 ? r->temperature : 1.0;
    for (int64_t i = vocab; i < padded; i++) logits[i] = -INFINITY;
    if (r->top_k > 0 && r->top_k < vocab) {
        memcpy(scratch, logits, (size_t)vocab * 4);
        vec least = all(border(scratch, vocab, (double)r->top_k, 0));
        for (int64_t i = 0; i < padded; i += LANES) {
            vec x = load(logits + i);
            store(logits + i, either(x < least, all(-INFINITY), x));
        }
    }
    vec top = all(-INFINITY), total16 = all(0);
    for (int64_t i = 0; i < padded; i += LANES) top = larger(load(logits + i), top);
    float largest = max16(top), inverse = (float)(1.0 / temperature);
    if (r->temperature == 0)
        while (best < vocab - 1 && logits[best] != largest) best++;
    for (int64_t i = 0; i < padded; i += LANES) {
        vec e = exp16((load(logits + i) - largest) * inverse);
        store(logits + i, e);
        total16 += e;
    }
    float rough = sum16(total16);
    if (!(rough >= 1.0f && rough <= (float)vocab * 2)) return (struct Choice){-1, NAN};
    if (r->top_p < 1.0 || r->min_p > 0.0) {
        float least = (float)r->min_p;
        if (r->top_p < 1.0) {
            memcpy(scratch, logits, (size_t)vocab * 4);
            float nucleus = border(scratch, vocab, r->top_p * rough, 1);
            if (nucleus <= 1.0f && nucleus > least) least = nucleus;
        }
        for (int64_t i = 0; i < padded; i += LANES) {
            vec e = load(logits + i);
            store(logits + i, either(e < all(least), all(0.0f), e));
        }
    }
    double total = 0;
    for (int64_t i = 0; i < padded; i += SUM_BLOCK) {
        vec part = all(0);
        int64_t end = i + SUM_BLOCK < padded ? i + SUM_BLOCK : padded;
        for (int64_t j = i; j < end; j += LANES) part += load(logits + j);
        total += scratch[i / SUM_BLOCK] = sum16(part);
    }
    int64_t token = best;
    if (r->temperature > 0) {
        double rest = uniform * total;
        int64_t i = 0, last = (padded - 1) / SUM_BLOCK;
        while (i < last && (double)scratch[i] <= rest) rest -= (double)scratch[i++];
        int64_t end = (i + 1) * SUM_BLOCK < vocab ? (i + 1) * SUM_BLOCK : vocab;
        token = -1;
        for (int64_t j = i * SUM_BLOCK; j < end; j++) {
            if (logits[j] == 0) continue;
            token = j; /* the last of any weight, should rounding leave a rest */
            if ((double)logits[j] > rest) break;
            rest -= (double)logits[j];
        }
        while (token < 0) /* all weight lay before: rounding again */
            for (int64_t j = i * SUM_BLOCK - 1; token < 0 && j >= 0; j--)
                if (logits[j] > 0) token = j;
    }
    return (struct Choice){(int32_t)token, logf(logits[token]) - (float)log(total)};
}
