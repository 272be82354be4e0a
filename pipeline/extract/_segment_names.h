/* Names and characters as HTML knows them: flags, tags and what each kind of tag does, entities,
 * classes of bytes for the tokenizer, kinds of characters for counting. Only for _segment.c. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;

/* ---- flags: the meaning of bits is repeated in segment.py ---- */
enum {
    F_ARTICLE, F_MAIN, F_NAV, F_HEADER, F_FOOTER, F_ASIDE, F_FORM, F_TABLE, F_LIST, F_FIGURE,
    F_FIGCAPTION, F_BLOCKQUOTE, F_PRE, F_CODE, F_BUTTON, F_LINK, F_HIDDEN, F_ARIA_HIDDEN,
    F_NOSCRIPT, F_SECTION, F_DETAILS, F_DEFINITIONS, F_ADDRESS, F_HEADING, F_LABEL, F_DIALOG,
    F_CELL, F_TABLE_HEADER, F_ORDERED, F_ARTICLE_HEADER, F_ARTICLE_FOOTER, F_PARAGRAPH,
    F_FIRST_OF_ITEM, F_FIRST_OF_CELL, F_TIME, F_BEFORE_RULE, F_SUMMARY
};
#define BIT(f) ((uint64_t)1 << (f))

/* ---- hints that the tokenizer itself acts on: see hints.py ---- */
#define HINT_UNSEEN BIT(63)   /* for screen readers only */
#define HINT_NUMBERS BIT(62)  /* line numbers, or code that has some */
#define HINT_TWICE BIT(61)    /* a rendering of a formula, beside its source or alone */
#define HINT_GLYPH BIT(60)    /* an image that stands for a character: emoji */
#define HINT_FORMULA BIT(59)  /* an image of a formula with its TeX as alt text */
#define HINT_CODE_LINE BIT(58) /* a line of code in a table or list of lines */
#define HINT_COPY BIT(57)     /* a button that copies code, or code that has one */
#define HINT_CODE_BOX BIT(56) /* lines of code as blocks, indented by no-break spaces */
#define HINT_CODE BIT(7)      /* "code", one of the classifier's hints */

/* Flags that a block takes from inline elements around any of its text. */
#define INLINE_FLAGS (BIT(F_CODE) | BIT(F_LABEL) | BIT(F_TIME) | BIT(F_BUTTON))

/* ---- tags ---- */
enum {
    INLINE = 0, BLOCK = 1, VOID = 2, FORMAT = 4, SKIP = 8, RAW = 16, SCOPE = 32, CLOSES_P = 64,
    PHRASING = 128, /* a block that holds text rather than blocks */
    MAYBE = 256 /* a block outside of phrasing blocks, inline in them */
};
typedef struct { const char *name; int kind; int flag; } Tag;
#define BP (BLOCK | CLOSES_P)
#define NONE -1
enum { T_UNKNOWN, T_CUSTOM, T_ROOT, T_A, T_P, T_DIV, T_SPAN, T_LI, T_UL, T_OL, T_H1, T_H2, T_H3,
    T_H4, T_H5, T_H6, T_PRE, T_TABLE, T_TBODY, T_THEAD, T_TFOOT, T_TR, T_TD, T_TH, T_CAPTION, T_DL,
    T_DT, T_DD, T_BR, T_HR, T_IMG, T_META, T_LINK, T_TITLE, T_SCRIPT, T_STYLE, T_HTML, T_HEAD,
    T_BODY, T_FORM, T_B, T_STRONG, T_MATH, T_ANNOTATION, T_SVG, T_TEMPLATE, T_Q, T_XMP, T_PLAINTEXT,
    T_LISTING, T_DIALOG, T_BUTTON, T_MENU, T_OBJECT, T_INPUT, T_SELECT, T_FOREIGN, T_FONT, T_IMAGE,
    T_FRAMESET, T_OPTION, T_OPTGROUP, T_RUBY, T_RB, T_RT, T_RTC, T_RP, T_DESC, T_MI, T_MO, T_MN,
    T_MS, T_MTEXT, T_ANNOTATION_XML, T_SUP, T_SUB };
static const Tag TAGS[] = {
    {"?", INLINE, NONE}, {"-", MAYBE, NONE}, {"body", BLOCK | SCOPE, NONE}, {"a", FORMAT, NONE},
    {"p", BP | PHRASING, F_PARAGRAPH}, {"div", BP, NONE}, {"span", INLINE, NONE},
    {"li", BP | PHRASING, NONE}, {"ul", BP, F_LIST}, {"ol", BP, F_LIST},
    {"h1", BP | PHRASING, F_HEADING}, {"h2", BP | PHRASING, F_HEADING},
    {"h3", BP | PHRASING, F_HEADING}, {"h4", BP | PHRASING, F_HEADING},
    {"h5", BP | PHRASING, F_HEADING}, {"h6", BP | PHRASING, F_HEADING},
    {"pre", BP | PHRASING, F_PRE}, {"table", BP | SCOPE, F_TABLE}, {"tbody", BLOCK, NONE},
    {"thead", BLOCK, NONE}, {"tfoot", BLOCK, NONE}, {"tr", BLOCK, NONE},
    {"td", BLOCK | SCOPE | PHRASING, F_CELL}, {"th", BLOCK | SCOPE | PHRASING, F_TABLE_HEADER},
    {"caption", BLOCK | SCOPE | PHRASING, NONE}, {"dl", BP, F_DEFINITIONS},
    {"dt", BP | PHRASING, NONE}, {"dd", BP | PHRASING, NONE},
    {"br", VOID, NONE}, {"hr", VOID, NONE},
    {"img", VOID, NONE}, {"meta", VOID, NONE}, {"link", VOID, NONE}, {"title", RAW, NONE},
    {"script", RAW, NONE}, {"style", RAW, NONE}, {"html", VOID, NONE}, {"head", VOID, NONE},
    {"body", VOID, NONE}, {"form", BP, F_FORM}, {"b", FORMAT, NONE}, {"strong", FORMAT, NONE},
    {"math", INLINE, NONE}, {"annotation", INLINE, NONE}, {"svg", SKIP, NONE},
    {"template", SKIP | SCOPE, NONE}, {"q", INLINE, NONE}, {"xmp", RAW, F_PRE},
    {"plaintext", RAW, F_PRE}, {"listing", BP | PHRASING, F_PRE}, {"dialog", BP, F_DIALOG},
    {"button", MAYBE, F_BUTTON}, {"menu", BP, F_LIST}, {"object", SKIP | SCOPE, NONE},
    {"input", VOID, NONE}, {"select", SKIP | SCOPE, NONE}, {"foreignobject", SKIP, NONE},
    {"font", FORMAT, NONE}, {"image", VOID, NONE}, {"frameset", VOID, NONE},
    {"option", SKIP, NONE}, {"optgroup", SKIP, NONE}, {"ruby", INLINE, NONE}, {"rb", INLINE, NONE},
    {"rt", SKIP, NONE}, {"rtc", INLINE, NONE}, {"rp", SKIP, NONE}, {"desc", INLINE, NONE},
    {"mi", INLINE, NONE}, {"mo", INLINE, NONE}, {"mn", INLINE, NONE}, {"ms", INLINE, NONE},
    {"mtext", INLINE, NONE}, {"annotation-xml", INLINE, NONE},
    {"sup", INLINE, NONE}, {"sub", INLINE, NONE},
    /* the rest needs no code of its own */
    {"address", BP, F_ADDRESS}, {"article", BP, F_ARTICLE}, {"aside", BP, F_ASIDE},
    {"blockquote", BP, F_BLOCKQUOTE}, {"center", BP, NONE}, {"details", BP, F_DETAILS},
    {"dir", BP, F_LIST}, {"fieldset", BP, NONE}, {"figcaption", BP | PHRASING, F_FIGCAPTION},
    {"figure", BP, F_FIGURE}, {"footer", BP, F_FOOTER}, {"header", BP, F_HEADER},
    {"hgroup", BP, NONE}, {"main", BP, F_MAIN}, {"nav", BP, F_NAV}, {"section", BP, F_SECTION},
    {"summary", BP | PHRASING, F_SUMMARY}, {"search", BP, F_FORM},
    {"legend", BLOCK | PHRASING, NONE},
    {"noscript", MAYBE, F_NOSCRIPT}, {"datalist", SKIP, NONE}, {"audio", SKIP, NONE},
    {"video", SKIP, NONE},
    {"canvas", SKIP, NONE}, {"applet", SKIP | SCOPE, NONE},
    {"picture", INLINE, NONE}, {"progress", SKIP, NONE}, {"meter", SKIP, NONE},
    {"map", INLINE, NONE}, {"label", INLINE, F_LABEL}, {"time", INLINE, F_TIME},
    {"code", FORMAT, F_CODE}, {"kbd", INLINE, NONE}, {"samp", INLINE, NONE}, {"em", FORMAT, NONE},
    {"i", FORMAT, NONE}, {"u", FORMAT, NONE}, {"s", FORMAT, NONE}, {"small", FORMAT, NONE},
    {"big", FORMAT, NONE}, {"tt", FORMAT, NONE}, {"strike", FORMAT, NONE},
    {"nobr", FORMAT, NONE}, {"cite", INLINE, NONE},
    {"mark", INLINE, NONE}, {"var", INLINE, NONE}, {"marquee", BLOCK | SCOPE, NONE},
    {"area", VOID, NONE}, {"base", VOID, NONE}, {"col", VOID, NONE}, {"embed", VOID, NONE},
    {"param", VOID, NONE}, {"source", VOID, NONE}, {"track", VOID, NONE}, {"wbr", VOID, NONE},
    {"keygen", VOID, NONE}, {"bgsound", VOID, NONE}, {"basefont", VOID, NONE},
    {"frame", VOID, NONE},
    {"iframe", RAW, NONE}, {"noembed", RAW, NONE}, {"noframes", RAW, NONE}, {"textarea", RAW, NONE},
};
#define TAG_COUNT ((int)(sizeof(TAGS) / sizeof(TAGS[0])))
#define IS_HEADING(t) ((t) >= T_H1 && (t) <= T_H6)
#define TAG_SLOTS 1024
static u8 tag_slots[TAG_SLOTS];

static uint64_t pack_name(const u8 *s, size_t n) { /* up to 10 letters, six bits each */
    uint64_t key = 0;
    for (size_t i = 0; i < n; i++) {
        u8 c = s[i];
        unsigned v = c >= 'a' && c <= 'z' ? c - 'a' + 1u : c >= 'A' && c <= 'Z' ? c - 'A' + 1u
                   : c >= '0' && c <= '9' ? c - '0' + 27u : 63u;
        key = key << 6 | v;
    }
    return key;
}
static unsigned tag_hash(uint64_t key) {
    return (unsigned)((key * 0x9E3779B97F4A7C15u) >> 54); /* 10 bits = TAG_SLOTS */
}
static uint64_t tag_keys[sizeof(TAGS) / sizeof(TAGS[0])];
static int custom(const u8 *s, size_t n) { /* MathJax's elements are parts of a line */
    return !memchr(s, '-', n) || (n > 4 && !memcmp(s, "mjx-", 4)) ? T_UNKNOWN : T_CUSTOM;
}
static int tag_id(const u8 *s, size_t n) {
    if (n > 10) {
        static const char foreign[] = "foreignobject", xml[] = "annotation-xml";
        const char *longer = n == 13 ? foreign : n == 14 ? xml : ""; /* none else matters */
        size_t i = 0;
        while (longer[i] && (s[i] | 32) == longer[i]) i++;
        if (i == n) return n == 13 ? T_FOREIGN : T_ANNOTATION_XML;
        return custom(s, n);
    }
    uint64_t key = pack_name(s, n);
    for (unsigned h = tag_hash(key); tag_slots[h]; h = (h + 1) % TAG_SLOTS)
        if (tag_keys[tag_slots[h]] == key) return tag_slots[h];
    return custom(s, n);
}

/* ---- sets of tags that only the standard's tree construction knows, by name ---- */
static const char *const BREAKS_OUT[] = { /* of SVG and MathML; font does with some attributes */
    "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em",
    "embed", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu",
    "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike", "sub",
    "sup", "table", "tt", "u", "ul", "var"};
static const char *const SPOILS_FRAMES[] = { /* after these a frameset is ignored */
    "pre", "listing", "li", "dd", "dt", "plaintext", "textarea", "select", "table", "area", "br",
    "embed", "img", "image", "keygen", "wbr", "input", "hr", "button", "applet", "marquee",
    "object", "xmp", "iframe", "body"};
enum { BREAKS = 1, SPOILS = 2 };
static u8 TRAITS[sizeof(TAGS) / sizeof(TAGS[0])];
static void add_trait(const char *const *names, size_t count, int trait) {
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < sizeof(TRAITS); t++)
            if (!strcmp(names[i], TAGS[t].name) && t != T_ROOT) TRAITS[t] |= (u8)trait;
}
static void fill_traits(void) {
    add_trait(BREAKS_OUT, sizeof(BREAKS_OUT) / sizeof(BREAKS_OUT[0]), BREAKS);
    add_trait(SPOILS_FRAMES, sizeof(SPOILS_FRAMES) / sizeof(SPOILS_FRAMES[0]), SPOILS);
}

/* ---- entities: a hash of names, filled from html.entities when the module starts ---- */
typedef struct { char name[40]; u8 length, bytes, legacy; u8 value[8]; } Entity;
#define ENTITY_SLOTS 8192
static Entity *entities;
static unsigned entity_hash(const u8 *s, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 16777619u;
    return (h ^ h >> 15) % ENTITY_SLOTS;
}
static Entity *entity_slot(const u8 *s, size_t n) { /* where the name is or would be */
    unsigned h = entity_hash(s, n);
    while (entities[h].length && !(entities[h].length == n && !memcmp(entities[h].name, s, n)))
        h = (h + 1) % ENTITY_SLOTS;
    return &entities[h];
}

enum { C_TEXT, C_SPACE, C_AMP, C_LEAD, C_CONTROL };
static u8 CLASS[256];
static u8 SYMBOL[256];
static u8 KIND[128]; /* kind_of() ASCII */

static int is_space(u8 c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }
static int is_letter(u8 c) { return (u8)((c | 32) - 'a') < 26; }

static size_t encode(uint32_t c, u8 *to) {
    if (c < 0x80) { to[0] = (u8)c; return 1; }
    if (c < 0x800) { to[0] = (u8)(0xC0 | c >> 6); to[1] = (u8)(0x80 | (c & 63)); return 2; }
    if (c < 0x10000) {
        to[0] = (u8)(0xE0 | c >> 12); to[1] = (u8)(0x80 | (c >> 6 & 63));
        to[2] = (u8)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (u8)(0xF0 | c >> 18); to[1] = (u8)(0x80 | (c >> 12 & 63));
    to[2] = (u8)(0x80 | (c >> 6 & 63)); to[3] = (u8)(0x80 | (c & 63));
    return 4;
}

/* The character at s, and in n its bytes. */
static uint32_t decoded(const u8 *s, const u8 *end, size_t *n) {
    uint32_t c = *s;
    *n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (*n > (size_t)(end - s)) *n = (size_t)(end - s);
    if (*n == 2) c = (c & 31) << 6 | (s[1] & 63u);
    else if (*n == 3) c = (c & 15) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
    else if (*n == 4) c = (c & 7) << 18 | (s[1] & 63u) << 12 | (s[2] & 63u) << 6 | (s[3] & 63u);
    return c;
}

/* What browsers read numbers 128..159 as: windows-1252. */
static const uint16_t CP1252[32] = {
    0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039,
    0x152, 0x8D, 0x17D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178};

/* A character reference at s ('&'): its bytes into `to`; returns how much of s it takes, or 0.
 * In an attribute's value a name without ';' before '=' or a letter or digit is no reference. */
static size_t reference(const u8 *s, const u8 *end, u8 *to, size_t *bytes, int attribute) {
    const u8 *q = s + 1;
    if (q < end && *q == '#') {
        uint32_t c = 0;
        int hex = q + 1 < end && (q[1] | 32) == 'x';
        const u8 *digits = q += 1 + hex;
        for (; q < end; q++) {
            unsigned d = (unsigned)(*q - '0');
            if (d > 9) {
                d = (unsigned)((*q | 32) - 'a') + 10;
                if (!hex || d < 10 || d > 15) break;
            }
            if (c < 0x110000) c = c * (hex ? 16 : 10) + d;
        }
        if (q == digits) return 0;
        if (q < end && *q == ';') q++;
        if (c >= 128 && c < 160) c = CP1252[c - 128];
        if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
        *bytes = encode(c, to);
        return (size_t)(q - s);
    }
    while (q < end && q - s < 34 && (is_letter(*q) || (u8)(*q - '0') < 10)) q++;
    size_t n = (size_t)(q - s) - 1;
    if (n < 2) return 0;
    Entity *found = entity_slot(s + 1, n);
    int closed = q < end && *q == ';';
    if (!(found->length && (closed || found->legacy))) {
        /* the longest of the old names, which need no semicolon */
        closed = 0;
        for (n = n > 6 ? 6 : n - 1; n >= 2; n--) {
            found = entity_slot(s + 1, n);
            if (found->length && found->legacy) break;
        }
        if (n < 2) return 0;
    }
    const u8 *after = s + 1 + n;
    if (attribute && !closed && after < end &&
        (*after == '=' || is_letter(*after) || (u8)(*after - '0') < 10))
        return 0;
    memcpy(to, found->value, found->bytes);
    *bytes = found->bytes;
    return 1 + n + (size_t)closed;
}

enum { K_OTHER, K_UPPER, K_LOWER, K_DIGIT, K_LETTER, K_CJK, K_SPACE, K_STOP, K_COMMA, K_COLON,
       K_QUOTE, K_BULLET };

static int kind_of(uint32_t c) {
    if (c < 0x80) {
        if (c >= 'a' && c <= 'z') return K_LOWER;
        if (c >= 'A' && c <= 'Z') return K_UPPER;
        if (c >= '0' && c <= '9') return K_DIGIT;
        switch (c) {
        case ' ': case '\n': case '\t': case 0x0B: case 0x1C: case 0x1D: case 0x1E: case 0x1F:
            return K_SPACE;
        case '.': case '!': case '?': return K_STOP;
        case ',': case ';': return K_COMMA;
        case ':': return K_COLON;
        case '"': case '\'': case ')': case '(': case ']': case '[': return K_QUOTE;
        case '-': case '*': case '|': case '#': case '>': case '<': return K_BULLET;
        }
        return K_OTHER;
    }
    if (c < 0x250) {
        if (c == 0xAB || c == 0xBB) return K_QUOTE;
        if (c == 0xB7) return K_BULLET;
        if (c == 0x85) return K_SPACE;
        if (c < 0xC0) return K_OTHER;
        if (c < 0x100) return c < 0xDF && c != 0xD7 ? K_UPPER : K_LOWER;
        return c & 1 ? K_LOWER : K_UPPER;
    }
    if (c >= 0x391 && c <= 0x3A9) return K_UPPER;
    if (c >= 0x3AC && c <= 0x3CE) return K_LOWER;
    if (c >= 0x400 && c <= 0x42F) return K_UPPER;
    if (c >= 0x430 && c <= 0x45F) return K_LOWER;
    switch (c) {
    case 0x61F: case 0x6D4: case 0x964: case 0x965: case 0x3002: case 0xFF01: case 0xFF1F:
    case 0xFF0E: case 0xFF61: case 0x2026: case 0x1362: case 0x17D4: case 0x104B: case 0x589:
    case 0xF0D: return K_STOP;
    case 0x60C: case 0x61B: case 0x3001: case 0xFF0C: case 0xFF1B: case 0x104A: return K_COMMA;
    case 0xFF1A: return K_COLON;
    case 0x2018: case 0x2019: case 0x201A: case 0x201C: case 0x201D: case 0x201E: case 0x2039:
    case 0x203A: case 0x300C: case 0x300D: case 0x300E: case 0x300F: case 0x300A: case 0x300B:
    case 0xFF08: case 0xFF09: return K_QUOTE;
    case 0x2022: case 0x25CF: case 0x25AA: case 0x25A0: case 0x2013: case 0x2014: case 0x2023:
    case 0x2192: case 0x203B: case 0x25BA: case 0x30FB: return K_BULLET;
    }
    if ((c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F)
        return K_SPACE; /* in code only; elsewhere they are plain spaces by now */
    if ((c >= 0x2000 && c < 0x2C00) || (c >= 0x3000 && c < 0x3040) || (c >= 0xFE00 && c < 0xFE70) ||
        (c >= 0x1F000 && c < 0x20000))
        return K_OTHER;
    if ((c >= 0x3040 && c < 0x3100) || (c >= 0x3400 && c < 0xA000) || (c >= 0xF900 && c < 0xFB00) ||
        c >= 0x20000)
        return K_CJK;
    return K_LETTER;
}
