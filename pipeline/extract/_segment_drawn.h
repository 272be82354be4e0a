/* Formulas that a server draws: images whose address holds the TeX. */
#include "_segment_style.h"

static int hex(u8 c) {
    return (u8)(c - '0') < 10 ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static const u8 *behind(const u8 *s, const u8 *end, const char *word) { /* where it ends, or NULL */
    size_t n = strlen(word);
    for (; (size_t)(end - s) >= n; s++)
        if (!memcmp(s, word, n)) return s + n;
    return NULL;
}

/* The TeX in the address of an image that a server draws from it, into p->tex: all of the query
 * of programs called after TeX, else a parameter of it. */
static int tex_of_address(Page *p, Slice address) {
    static const char *const names[] = {"tex=", "latex=", "math=", "chl="};
    static const char *const layout[] = {"\\inline", "\\bg_white", "\\dpi{"};
    const u8 *end = address.at + address.n, *query, *from = NULL, *to = end;
    if (!address.n || address.n > 4096 || !(query = memchr(address.at, '?', address.n))) return 0;
    size_t path = (size_t)(query++ - address.at);
    if ((path > 5 && !memcmp(query - 6, "latex", 5)) ||
        (path > 7 && !memcmp(query - 8, "tex.cgi", 7))) {
        from = query;
    } else {
        for (int i = 0; i < 4 && !from; i++) {
            if (i == 2 && !behind(address.at, query, "/math?")) continue;
            if (i == 3 && !behind(query, end, "cht=tx")) continue;
            const u8 *at = query;
            while ((at = behind(at, end, names[i])) && !from)
                if (strchr("?&;", at[-1 - (int)strlen(names[i])])) from = at;
        }
        if (from && (to = memchr(from, '&', (size_t)(end - from))) == NULL) to = end;
    }
    if (!from || from == to) return 0;
    p->tex_used = 0;
    for (const u8 *s = from; s < to && !p->failed; s++) {
        u8 c = *s;
        if (c == '%' && to - s > 2 && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
            c = (u8)(hex(s[1]) << 4 | hex(s[2]));
            s += 2;
        } else if (to - s > 6 && !memcmp(s, "&space;", 7)) {
            c = ' ';
            s += 6;
        } else if (c == '+' && to < end) c = ' ';
        tex_put(p, &c, 1);
    }
    for (int i = 0; i < 3; i++) { /* what tells the server how to draw */
        size_t n = strlen(layout[i]), skip = 0;
        while (skip < p->tex_used && is_space(p->tex[skip])) skip++;
        if (p->tex_used - skip < n || memcmp(p->tex + skip, layout[i], n)) continue;
        skip += n;
        if (i == 2) while (skip < p->tex_used && p->tex[skip - 1] != '}') skip++;
        p->tex_used -= skip;
        memmove(p->tex, p->tex + skip, p->tex_used);
        i = -1;
    }
    return p->tex_used > 0;
}
