/* first(): columns from the page itself. Part of _features.c. */

typedef struct { /* per block, beside what the segmenter gives */
    float mass, link_share, sentence_rate, group, upper_share, words_mean;
    float furniture;
    int32_t parent; /* container above its own */
    double prose;
    float words[WORDS_COLUMNS];
    float label_words; /* before a colon near the beginning */
} Derived;

typedef struct { /* containers of one parent with the same tag and hints */
    int32_t count, linked; /* how many, and how many with links */
    double links, text, link_text, blocks;
} Siblings;

typedef struct {
    double *links, *prose; /* running sums, one more than blocks */
    double *scores;        /* of containers */
    Derived *derived;
    uint64_t *key;
    uint64_t *begin;   /* of a block's first words */
    int32_t *siblings; /* of containers: the row of `groups` */
    Siblings *groups;
    int32_t *alike, *same, *alike_count, *same_count, *section, *begun, *begun_count;
    double *alike_mass, *alike_links, *section_mass;
    Tokens titles[2], description;
} Work;

#define LABEL_CHARACTERS 40
#define BEGIN_TOKENS 5

/* "Read more: ...", "Photo: ...": how many words stand before a colon near the beginning. */
static float label_words(PyObject *text) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    int kind = PyUnicode_KIND(text), words = 1;
    const void *data = PyUnicode_DATA(text);
    if (size > LABEL_CHARACTERS) size = LABEL_CHARACTERS;
    for (Py_ssize_t i = 1; i < size; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        if (c == ' ') words++;
        if (c == ':' || c == 0xff1a) return (float)words;
    }
    return 0;
}

/* The first words, in order; of a shorter text all of them. */
static uint64_t begin_of(const Tokens *tokens) {
    uint64_t h = 0;
    for (uint32_t i = 0; i < tokens->count && i < BEGIN_TOKENS; i++) h = stir(h * 31 + tokens->hash[i]);
    return h;
}

static void derive(const Page *p, Work *w, PyObject *texts, const int8_t *lexicon,
                   const uint8_t *groups, uint64_t furniture) {
    Tokens tokens;
    w->links[0] = w->prose[0] = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        const Block *b = &p->blocks[i];
        Derived *d = &w->derived[i];
        double mass = mass_of(b);
        double linked = share(b->link_characters, b->characters);
        /* Prose: long enough, with sentences or commas, free of links; what Readability scores. */
        double prose = mass >= 25 && b->sentence_ends + b->commas ? mass * (1 - linked) : 0;
        tokens_of(PyList_GET_ITEM(texts, i), &tokens);
        words_of(&tokens, lexicon, w->titles, &w->description, d->words);
        d->mass = (float)mass;
        d->link_share = (float)linked;
        d->sentence_rate = (float)(100.0 * b->sentence_ends / mass);
        d->group = groups[b->tag];
        d->upper_share = (float)share(b->uppercase, b->letters);
        d->words_mean = d->words[WORDS_MEAN];
        d->label_words = label_words(PyList_GET_ITEM(texts, i));
        w->begin[i] = begin_of(&tokens);
        d->furniture = (float)bits(b->hints_near & furniture);
        d->parent = above(p, b->container);
        d->prose = prose;
        w->links[i + 1] = w->links[i] + b->link_characters;
        w->prose[i + 1] = w->prose[i] + prose;
    }
}

/* Readability's idea: prose scores the element above it fully, the next ones by half. */
static int32_t candidate(const Page *p, Work *w) {
    int32_t best = 0;
    for (Py_ssize_t i = 0; i < p->holders; i++) w->scores[i] = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        double prose = w->derived[i].prose;
        int32_t row = p->containers[p->blocks[i].container].parent;
        for (int up = 0; up < 3 && row >= 0 && prose > 0; up++, prose /= 2) {
            w->scores[row] += prose;
            row = p->containers[row].parent;
        }
    }
    for (Py_ssize_t i = 0; i < p->holders; i++) {
        const Container *c = &p->containers[i];
        w->scores[i] *= 1 - share(c->link_characters, c->characters);
        if (w->scores[i] > w->scores[best]) best = (int32_t)i;
    }
    return best;
}

static Py_ssize_t title_row(const Page *p, const Work *w) {
    Py_ssize_t best = -1, heading = -1;
    float most = 0.3f;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        const float *words = w->derived[i].words;
        int level = p->blocks[i].heading_level;
        float match = words[TITLE_SHARE] * words[TITLE_COVER] * (level == 1 ? 2 : level ? 1.5f : 1) *
                      (1 - 0.5f * w->derived[i].link_share);
        if (match > most) {
            most = match;
            best = i;
        }
        if (level == 1 && heading < 0) heading = i;
    }
    return best >= 0 ? best : heading;
}

/* Teasers, comments and the like are elements marked up alike, side by side, with links. */
static int sibling_groups(const Page *p, Work *w) {
    uint64_t *key = malloc(p->holders * sizeof *key);
    int32_t groups = -1;
    if (key) {
        for (Py_ssize_t i = 0; i < p->holders; i++) {
            const Container *c = &p->containers[i];
            key[i] = stir((uint64_t)(c->parent + 1) << 8 ^ c->tag) + c->hints * 31;
        }
        groups = grouped(key, p->holders, w->siblings);
        free(key);
    }
    for (int32_t i = 0; i < groups; i++) w->groups[i] = (Siblings){0};
    for (Py_ssize_t i = 0; groups >= 0 && i < p->holders; i++) {
        const Container *c = &p->containers[i];
        Siblings *s = &w->groups[w->siblings[i]];
        if (!c->blocks) continue;
        s->count++;
        s->linked += c->links > 0;
        s->links += c->links;
        s->text += c->characters;
        s->link_text += c->link_characters;
        s->blocks += c->blocks;
    }
    return groups;
}

#define CARD_LEVELS 8

static float *put_siblings(const Page *p, const Work *w, Py_ssize_t i, float *out) {
    int32_t row = p->blocks[i].container;
    const Siblings *s = &w->groups[w->siblings[row]];
    *out++ = (float)s->count;
    *out++ = (float)(s->count ? s->links / s->count : 0);
    *out++ = (float)(s->count ? s->text / s->count : 0);
    for (int level = 0; level < CARD_LEVELS && row > 0; level++, row = above(p, row)) {
        s = &w->groups[w->siblings[row]];
        if (s->count < 3 || 3 * s->linked < 2 * s->count) continue;
        *out++ = (float)s->count;
        *out++ = (float)(s->links / s->count);
        *out++ = (float)(s->text / s->count);
        *out++ = (float)share(s->link_text, s->text);
        *out++ = (float)(s->blocks / s->count);
        *out++ = (float)level;
        return out;
    }
    for (int n = 0; n < 6; n++) *out++ = 0;
    return out;
}

static int alike_groups(const Page *p, Work *w) {
    for (Py_ssize_t i = 0; i < p->count; i++) w->key[i] = likeness(p, &p->blocks[i]);
    int32_t groups = grouped(w->key, p->count, w->alike);
    for (Py_ssize_t i = 0; i < p->count; i++) w->key[i] = p->blocks[i].text_hash;
    int32_t texts = grouped(w->key, p->count, w->same);
    int32_t begun = grouped(w->begin, p->count, w->begun);
    if (groups < 0 || texts < 0 || begun < 0 || sibling_groups(p, w) < 0) return -1;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        w->alike_count[i] = w->same_count[i] = w->begun_count[i] = 0;
        w->alike_mass[i] = w->alike_links[i] = 0;
    }
    for (Py_ssize_t i = 0; i < p->count; i++) {
        w->alike_count[w->alike[i]]++;
        w->same_count[w->same[i]]++;
        w->begun_count[w->begun[i]]++;
        w->alike_mass[w->alike[i]] += w->derived[i].mass;
        w->alike_links[w->alike[i]] += w->derived[i].mass * w->derived[i].link_share;
    }
    return 0;
}

static void put_page(const Page *p, const Work *w, int32_t best, double html, float *out) {
    double cjk = 0, table = 0, pre = 0, heading = 0, longest = 0, article = 0, in_main = 0;
    double words = 0, list = 0, total = p->text[p->count];
    for (Py_ssize_t i = 0; i < p->count; i++) {
        const Block *b = &p->blocks[i];
        double mass = w->derived[i].mass;
        cjk += b->cjk;
        table += b->table >= 0 ? mass : 0;
        pre += b->flags >> 12 & 1 ? mass : 0;
        heading += b->heading_level > 0;
        if (mass > longest) longest = mass;
        article += b->flags & 1 ? mass : 0;
        in_main += b->flags >> 1 & 1 ? mass : 0;
        words += w->derived[i].words_mean;
        list += b->list_depth ? mass : 0;
    }
    const Container *c = &p->containers[best];
    *out++ = (float)p->count;
    *out++ = (float)total;
    *out++ = (float)share(w->links[p->count], total);
    *out++ = (float)share(w->prose[p->count], total);
    *out++ = (float)html;
    *out++ = (float)share(total, html);
    *out++ = (float)share(cjk, total);
    *out++ = (float)share(table, total);
    *out++ = (float)share(pre, total);
    *out++ = (float)(heading / (double)p->count);
    *out++ = (float)longest;
    *out++ = (float)share(article, total);
    *out++ = (float)share(in_main, total);
    *out++ = (float)share(p->text[c->first_block + c->blocks] - p->text[c->first_block], total);
    *out++ = (float)share(c->link_characters, c->characters);
    *out++ = (float)(words / (double)p->count);
    *out++ = (float)share(list, total);
}

static float *put_bits(float *out, uint64_t mask, int count) {
    for (int i = 0; i < count; i++) *out++ = (float)(mask >> i & 1);
    return out;
}

static float *put_surroundings(const Page *p, const Work *w, Py_ssize_t i, float *out) {
    for (int side = 1; side <= NEIGHBOURS; side++)
        for (int sign = -1; sign <= 1; sign += 2) {
            Py_ssize_t at = i + sign * side;
            if (at < 0 || at >= p->count) {
                for (int c = 0; c < COUNT(NEAR); c++) *out++ = -1;
                continue;
            }
            const Derived *d = &w->derived[at];
            *out++ = d->mass;
            *out++ = d->link_share;
            *out++ = d->sentence_rate;
            *out++ = d->group;
            *out++ = d->upper_share;
            *out++ = (float)(d->parent == w->derived[i].parent);
            *out++ = d->words_mean;
            *out++ = d->furniture;
        }
    for (int n = 0; n < COUNT(WINDOWS); n++) {
        Py_ssize_t low = i < WINDOWS[n] ? 0 : i - WINDOWS[n];
        Py_ssize_t high = i + WINDOWS[n] + 1 > p->count ? p->count : i + WINDOWS[n] + 1;
        double text = p->text[high] - p->text[low];
        *out++ = (float)(text / (double)(high - low));
        *out++ = (float)share(w->links[high] - w->links[low], text);
        *out++ = (float)share(w->prose[high] - w->prose[low], text);
        *out++ = (float)(w->prose[i] - w->prose[low]);
    }
    return out;
}

static float *put_ancestors(const Page *p, const Work *w, Py_ssize_t i, const uint8_t *groups,
                            uint64_t furniture, uint64_t content, float *out) {
    int32_t row = w->derived[i].parent;
    double total = p->text[p->count];
    for (int up = 0; up < ANCESTORS; up++, row = above(p, row)) {
        const Container *c = &p->containers[row];
        double size = c->characters ? c->characters : 1, blocks = c->blocks ? c->blocks : 1;
        *out++ = (float)size;
        *out++ = (float)share(c->link_characters, size);
        *out++ = (float)blocks;
        *out++ = (float)share(p->text[c->first_block + c->blocks] - p->text[c->first_block], total);
        *out++ = (float)share(c->paragraph_characters, size);
        *out++ = (float)(100.0 * c->commas / size);
        *out++ = (float)c->headings;
        *out++ = (float)c->children;
        *out++ = (float)(size / blocks);
        *out++ = (float)((double)(i - c->first_block) / blocks);
        *out++ = groups[c->tag];
        *out++ = (float)bits(c->hints & furniture);
        *out++ = (float)bits(c->hints & content);
    }
    return out;
}

static void put_rows(const Page *p, Work *w, const uint8_t *groups, double html,
                     uint64_t furniture, uint64_t content, float *matrix, Py_ssize_t width) {
    int32_t best = candidate(p, w), section = 0;
    const Container *c = &p->containers[best];
    Py_ssize_t title = title_row(p, w), heading = -1, low = c->first_block, high = low + c->blocks;
    double total = p->text[p->count], deep = 0, best_score = w->scores[best];
    float page[COUNT(PAGE)];
    put_page(p, w, best, html, page);
    for (Py_ssize_t i = 0; i < p->count; i++) deep += w->derived[i].prose * p->blocks[i].depth;
    deep = w->prose[p->count] > 0 ? deep / w->prose[p->count] : 0;
    w->section_mass[0] = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        if (p->blocks[i].heading_level) w->section_mass[++section] = 0;
        else w->section_mass[section] += w->derived[i].mass;
        w->section[i] = section;
    }
    for (Py_ssize_t i = 0; i < p->count; i++) {
        const Block *b = &p->blocks[i];
        const Derived *d = &w->derived[i];
        float *out = matrix + i * width;
        double mass = d->mass, characters = b->characters ? b->characters : 1;
        if (b->heading_level) heading = i;
        int32_t alike = w->alike[i];
        *out++ = d->mass;
        *out++ = (float)b->words;
        *out++ = d->link_share;
        *out++ = (float)b->letters / (float)(b->words ? b->words : 1);
        *out++ = d->upper_share;
        *out++ = (float)(b->digits / characters);
        *out++ = (float)(100.0 * b->commas / mass);
        *out++ = d->sentence_rate;
        *out++ = d->group;
        *out++ = b->heading_level;
        *out++ = b->starts;
        *out++ = b->ends;
        *out++ = (float)b->links;
        *out++ = (float)b->sentence_ends;
        *out++ = (float)(b->cjk / characters);
        *out++ = (float)(b->bold_characters / characters);
        *out++ = (float)(b->letters / characters);
        *out++ = (float)b->images_before;
        *out++ = (float)b->line_breaks;
        *out++ = (float)b->tags_before;
        *out++ = (float)b->markup_bytes_before;
        *out++ = (float)(b->table >= 0);
        *out++ = (float)b->row;
        *out++ = (float)b->column;
        *out++ = (float)b->item;
        *out++ = b->depth;
        *out++ = b->list_depth;
        *out++ = b->break_before;
        *out++ = b->inline_tags;
        *out++ = (float)w->same_count[w->same[i]];
        memcpy(out, d->words, sizeof d->words);
        out += WORDS_COLUMNS;
        *out++ = heading >= 0 ? w->derived[heading].words[WORDS_MEAN] : 0;
        *out++ = heading >= 0 ? w->derived[heading].words[WORDS_WHOLE] : 0;
        *out++ = (float)((double)i / (double)p->count);
        *out++ = (float)(p->text[i] / total);
        *out++ = (float)share(b->start, html);
        *out++ = (float)i;
        *out++ = (float)(p->count - 1 - i);
        *out++ = title < 0 ? 1e6f : (float)(i - title);
        *out++ = heading < 0 ? 1e6f : (float)(i - heading);
        *out++ = heading < 0 ? 0 : p->blocks[heading].heading_level;
        *out++ = (float)w->section_mass[w->section[i]];
        *out++ = (float)w->section[i];
        *out++ = (float)(b->depth - deep);
        *out++ = (float)(i > 0 && w->alike[i - 1] == alike && w->derived[i - 1].parent == d->parent);
        *out++ = (float)(i + 1 < p->count && w->alike[i + 1] == alike &&
                         w->derived[i + 1].parent == d->parent);
        *out++ = (float)w->alike_count[alike];
        *out++ = (float)(w->alike_mass[alike] / w->alike_count[alike]);
        *out++ = (float)(w->alike_links[alike] / w->alike_mass[alike]);
        double score = w->scores[d->parent];
        *out++ = best_score > 0 ? (float)(score / best_score) : 0;
        *out++ = (float)w->scores[b->container];
        *out++ = (float)(i >= low && i < high);
        *out++ = (float)(i < low ? low - i : 0);
        *out++ = (float)(i >= high ? i - high + 1 : 0);
        *out++ = (float)w->begun_count[w->begun[i]];
        *out++ = d->label_words;
        out = put_siblings(p, w, i, out);
        *out++ = (float)bits(b->hints & furniture);
        *out++ = d->furniture;
        *out++ = (float)bits(b->hints_any & furniture);
        *out++ = (float)bits(b->hints & content);
        *out++ = (float)bits(b->hints_near & content);
        *out++ = (float)bits(b->hints_any & content);
        memcpy(out, page, sizeof page);
        out = put_bits(out + COUNT(PAGE), b->flags, FLAGS);
        out = put_bits(out, b->hints, HINTS);
        out = put_bits(out, b->hints_near, HINTS);
        out = put_bits(out, b->hints_any, HINTS);
        out = put_bits(out, b->hints_inline, HINTS);
        out = put_bits(out, b->hints_link, HINTS);
        out = put_surroundings(p, w, i, out);
        put_ancestors(p, w, i, groups, furniture, content, out);
    }
}

static int work_for(const Page *p, Work *w) {
    size_t n = (size_t)p->count + 1;
    w->links = malloc(n * 8);
    w->prose = malloc(n * 8);
    w->scores = malloc(p->holders * 8);
    w->derived = malloc(n * sizeof(Derived));
    w->key = malloc(n * 8);
    w->begin = malloc(n * 8);
    w->alike = malloc(n * 7 * sizeof(int32_t));
    w->alike_mass = malloc(n * 3 * sizeof(double));
    w->siblings = malloc(p->holders * sizeof(int32_t));
    w->groups = malloc(p->holders * sizeof(Siblings));
    if (!w->links || !w->prose || !w->scores || !w->derived || !w->key || !w->begin || !w->alike ||
        !w->alike_mass || !w->siblings || !w->groups)
        return -1;
    w->same = w->alike + n;
    w->alike_count = w->same + n;
    w->same_count = w->alike_count + n;
    w->section = w->same_count + n;
    w->begun = w->section + n;
    w->begun_count = w->begun + n;
    w->alike_links = w->alike_mass + n;
    w->section_mass = w->alike_links + n;
    return 0;
}

static PyObject *first(PyObject *module, PyObject *args) {
    Py_buffer blocks, containers, lexicon, groups, out;
    PyObject *texts, *title, *og_title, *description;
    Py_ssize_t html, width;
    unsigned long long furniture, content;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*O!y*y*UUUnKKw*n", &blocks, &containers, &PyList_Type, &texts,
                          &lexicon, &groups, &title, &og_title, &description, &html, &furniture,
                          &content, &out, &width))
        return NULL;
    Page p = {0};
    Work w = {0};
    int good = page_of(&blocks, &containers, &p) == 0 && fits(&out, p.count, width, FIRST_COLUMNS);
    if (good && (lexicon.len != LEXICON || groups.len != 256 || html < 0 ||
                 PyList_GET_SIZE(texts) != p.count)) {
        PyErr_SetString(PyExc_ValueError, "features: texts, lexicon or groups of another size");
        good = 0;
    }
    for (Py_ssize_t i = 0; good && i < p.count; i++)
        if (!PyUnicode_Check(PyList_GET_ITEM(texts, i))) {
            PyErr_SetString(PyExc_TypeError, "features: a text is no string");
            good = 0;
        }
    if (good && work_for(&p, &w) < 0) {
        PyErr_NoMemory();
        good = 0;
    }
    if (good) {
        tokens_of(title, &w.titles[0]);
        tokens_of(og_title, &w.titles[1]);
        tokens_of(description, &w.description);
        derive(&p, &w, texts, lexicon.buf, groups.buf, furniture);
        if (alike_groups(&p, &w) < 0) {
            PyErr_NoMemory();
            good = 0;
        } else {
            put_rows(&p, &w, groups.buf, (double)html, furniture, content, out.buf, width);
        }
    }
    free(p.text);
    free(w.links);
    free(w.prose);
    free(w.scores);
    free(w.derived);
    free(w.key);
    free(w.begin);
    free(w.siblings);
    free(w.groups);
    free(w.alike);
    free(w.alike_mass);
    PyBuffer_Release(&blocks);
    PyBuffer_Release(&containers);
    PyBuffer_Release(&lexicon);
    PyBuffer_Release(&groups);
    PyBuffer_Release(&out);
    if (!good) return NULL;
    Py_RETURN_NONE;
}

static PyObject *keys(PyObject *module, PyObject *text) {
    Tokens tokens;
    uint32_t places[MAX_TOKENS + 3];
    (void)module;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "keys wants a string");
        return NULL;
    }
    tokens_of(text, &tokens);
    int count = keys_of(&tokens, places);
    PyObject *result = PyTuple_New(count);
    for (int i = 0; result && i < count; i++) {
        PyObject *place = PyLong_FromUnsignedLong(places[i]);
        if (!place) Py_CLEAR(result);
        else PyTuple_SET_ITEM(result, i, place);
    }
    return result;
}
