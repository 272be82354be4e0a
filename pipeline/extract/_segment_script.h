/* Sub- and superscripts: position that carries meaning, as plain text.
 *
 * One rule: digits and signs become Unicode's sub- and superscript characters (10⁸, H₂O, Ca²⁺,
 * 1¹/₂, word¹), anything else that is short and stands right behind a letter, a digit or a
 * bracket gets TeX's mark (xⁿ is x^n, e^{ix}, a_{max}). Ordinals and abbreviations (1st, XIXe, Mme,
 * BrandTM), references in square brackets, symbols alone and running text stay as they are. */
#include "_segment_copies.h"

#define SCRIPT_BYTES 96      /* longer ones are small print */
#define SCRIPT_CHARACTERS 24 /* of one that gets a mark */

static uint32_t raised(uint32_t c, int below) { /* its sub- or superscript character, or 0 */
    if (c >= '0' && c <= '9') {
        if (below) return 0x2080 + c - '0';
        return c == '1' ? 0xB9 : c == '2' ? 0xB2 : c == '3' ? 0xB3 : 0x2070 + c - '0';
    }
    uint32_t at = below ? 0x2080 : 0x2070;
    switch (c) {
    case '+': return at + 10;
    case '-': case 0x2212: return at + 11;
    case '=': return at + 12;
    case '(': return at + 13;
    case ')': return at + 14;
    }
    return (c >= 0x2070 && c < 0x2090) || c == 0xB2 || c == 0xB3 || c == 0xB9 ? c : 0;
}

static int is_one_of(const u8 *s, size_t n, const char *words) { /* words between spaces */
    for (const char *w = words; *w;) {
        size_t length = strcspn(w, " ");
        if (length == n && !memcmp(w, s, n)) return 1;
        w += length + (w[length] == ' ');
    }
    return 0;
}

/* Ordinals of European languages and abbreviations with raised endings. */
static int is_ending(u8 before, const u8 *s, size_t n) {
    if (is_one_of(s, n, "TM SM MC MD tm ® ™ ©")) return 1;
    if (before >= '0' && before <= '9')
        return is_one_of(s, n, "st nd rd th ST ND RD TH er re ère ere e è eme ème ième ieme nde d de "
                               "ste do da to ta o a os as ro ra ª º r n t :e :a");
    if (strchr("IVXLC", before) && before)
        return is_one_of(s, n, "e er ère ème eme ième o a th st nd rd");
    if (strchr("MDSNnP", before) && before)
        return is_one_of(s, n, "r rs me mes lle lles gr o os t te st r. me. lle.");
    return 0;
}

/* Rewrites the text from `from` on, the content of a sub- or superscript that ends. */
static void script(Page *p, size_t from, int below) {
    if (from < p->block_start || p->used <= from || p->used - from > SCRIPT_BYTES) return;
    if (p->cut_count && p->cuts[p->cut_count - 1].to > from) return; /* a button's place is noted */
    if (p->out[from] == ' ') from++; /* the space before it */
    const u8 *s = p->out + from, *end = p->out + p->used;
    size_t n, count = 0;
    int digits = 0, letters = 0, others = 0, lists = 0, gaps = 0, signs = 0;
    for (const u8 *at = s; at < end; at += n, count++) {
        uint32_t c = decoded(at, end, &n);
        int kind = kind_of(c);
        if (c == '\n' || c == '$') return;
        if (c == ' ') gaps += letters && at + 1 < end && kind_of(at[1]) <= K_LETTER;
        if (kind == K_DIGIT) digits++;
        else if (c == 0x2013 && !count) signs++; /* a dash for a minus */
        else if (raised(c, below)) signs++;
        else if (c == ',' || c == ';' || c == ' ' || c == 0x2013 || c == '*' || c == 0x2020 ||
                 c == 0x2021)
            lists++;
        else if (kind >= K_UPPER && kind <= K_CJK) letters++;
        else others++;
    }
    if (!count || (s[0] == '[' && end[-1] == ']') || !(digits + signs + letters)) return;
    u8 before = from > p->block_start ? p->out[from - 1] : ' ';
    int attached = is_letter(before) || (u8)(before - '0') < 10 || before >= 0x80 ||
                   before == ')' || before == ']' || before == '}' || before == '|';
    u8 written[SCRIPT_BYTES * 3 + 4];
    size_t length = 0;
    if (!letters && !others && (!lists || (u8)(before - '0') > 9)) {
        for (const u8 *at = s; at < end; at += n) {
            uint32_t c = decoded(at, end, &n), changed = raised(c, below);
            if (c == 0x2013 && at == s) changed = raised('-', below);
            /* a hyphen between numbers of notes is none of a minus */
            if (lists && c == '-') changed = 0;
            length += encode(changed ? changed : c, written + length);
        }
    } else {
        if (!below && is_ending(before, s, (size_t)(end - s))) {
            if (end - s != 1 || (*s != 'o' && *s != 'a') || is_letter(before)) return;
            length = encode(*s == 'o' ? 0xBA : 0xAA, written);
        } else {
            if (!attached || gaps || count > SCRIPT_CHARACTERS) return;
            written[length++] = below ? '_' : '^';
            if (count > 1) written[length++] = '{';
            memcpy(written + length, s, (size_t)(end - s));
            length += (size_t)(end - s);
            if (count > 1) written[length++] = '}';
        }
    }
    p->used = from;
    if (!reserve(p, length)) return;
    memcpy(p->out + from, written, length);
    p->used += length;
}
