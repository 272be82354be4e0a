/* A style attribute: the few declarations that decide what text is seen, and how its white space. */
#include "_segment_foreign.h"

static int is_value(Slice s, const char *word) { /* the first word of a value */
    size_t i = 0;
    for (; i < s.n && word[i]; i++)
        if ((s.at[i] | 32) != (u8)word[i]) return 0;
    return !word[i] && (i == s.n || is_space(s.at[i]) || s.at[i] == '!');
}

static int starts_with(Slice s, const char *word) {
    size_t i = 0;
    for (; i < s.n && word[i]; i++)
        if ((s.at[i] | 32) != (u8)word[i]) return 0;
    return !word[i];
}

static int is_name(Slice s, const char *word) { return is_value(s, word) && s.n == strlen(word); }

static void declaration(Slice name, Slice value, Attributes *a) {
    switch (name.n) {
    case 7:
        if (!is_name(name, "display") || is_value(value, "inherit")) return;
        if (is_value(value, "none")) a->shown = SHOWN_NOT;
        else if (starts_with(value, "inline") || is_value(value, "contents")) a->shown = SHOWN_INLINE;
        else a->shown = SHOWN_BLOCK;
        a->part = is_value(value, "table") ? PART_TABLE
                  : is_value(value, "table-row") ? PART_ROW
                  : is_value(value, "table-cell") ? PART_CELL : 0;
        return;
    case 10:
        if (is_name(name, "visibility"))
            a->unseen = is_value(value, "hidden") || is_value(value, "collapse");
        return;
    case 11: case 14: case 16: case 19: case 20:
        if (is_name(name, "white-space") || is_name(name, "white-space-collapse")) {
            int keep = is_value(value, "pre") || is_value(value, "pre-wrap") ||
                       is_value(value, "break-spaces") || is_value(value, "-moz-pre-wrap") ||
                       is_value(value, "preserve") || is_value(value, "preserve-spaces");
            int lines = is_value(value, "pre-line") || is_value(value, "preserve-breaks");
            int none = is_value(value, "normal") || is_value(value, "nowrap") ||
                       is_value(value, "collapse") || is_value(value, "initial");
            if (keep) a->keep = 1 + KEEP_ALL;
            else if (lines) a->keep = 1 + KEEP_LINES;
            else if (none) a->keep = 1 + KEEP_NONE;
            if (keep || lines || none) a->pre = is_value(value, "pre");
        } else if (is_name(name, "vertical-align")) {
            a->script = is_value(value, "super") ? 1 : is_value(value, "sub") ? 2 : 0;
        } else if (is_name(name, "user-select") || is_name(name, "-webkit-user-select") ||
                   is_name(name, "-moz-user-select")) {
            a->unselectable = is_value(value, "none");
        }
    }
}

/* Declarations one after another; a later one counts, what a browser doesn't know is passed over. */
static void style(Slice s, Attributes *a) {
    const u8 *at = s.at, *end = s.at + (s.n > 4096 ? 4096 : s.n);
    while (at < end) {
        while (at < end && (is_space(*at) || *at == ';')) at++;
        const u8 *from = at;
        while (at < end && *at != ':' && *at != ';') at++;
        if (at >= end || *at == ';') continue;
        const u8 *name_end = at++;
        while (name_end > from && is_space(name_end[-1])) name_end--;
        while (at < end && is_space(*at)) at++;
        const u8 *value = at;
        while (at < end && *at != ';') at++;
        const u8 *stop = at;
        while (stop > value && is_space(stop[-1])) stop--;
        declaration((Slice){from, (size_t)(name_end - from)}, (Slice){value, (size_t)(stop - value)},
                    a);
    }
}
