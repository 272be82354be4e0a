/* second(): columns that the first classifier's probabilities add. Part of _features.c. */

static const char *SECOND[] = {
    "p", "p_mean4", "p_mean12", "p_before", "p_after", "p_alike", "p_alike_rest", "p_alike_count",
    "p_tag", "since_kept", "until_kept", "text_since_kept", "text_until_kept", "kept_share",
    "kept_characters", "p_section", "p_last_heading", "from_first_kept", "to_last_kept",
    "sure_share", "p_inside_best", "run_before", "run_length", "run_after", "p_best_mean",
    "p_alike_share", "p_parent_share", "branch_level", "branch_text", "branch_blocks",
    "branch_mean", "branch_kept", "branch_links", "branch_place", "branch_peers"};
static const int REACH[] = {1, 2, 3, 4, 6};
static const char *HELD[] = {"mean", "rest", "kept_share"};
#define SECOND_COLUMNS (COUNT(SECOND) + 2 * COUNT(REACH) + ANCESTORS * COUNT(HELD))
#define SURE 0.6f

typedef struct {
    double *kept;                     /* running sums of probability x mass */
    double *group_kept, *group_mass;  /* by likeness */
    double *tag_kept, *tag_mass;      /* by tag and list depth */
    double *section_kept, *section_mass, *run_mass;
    double *own_kept; /* of containers: kept text of the blocks right below */
    double all_weight; /* of what is kept, by the square root of its mass */
    uint64_t *key;
    int32_t *alike, *tag, *alike_count, *section, *run, *next_kept;
    int32_t *branch, *branch_level; /* of containers */
} Opinion;

/* The container that holds most of the kept text and little else. */
static int32_t best_holder(const Page *p, const double *kept) {
    int32_t best = 0;
    double most = -1e300;
    for (Py_ssize_t i = 0; i < p->holders; i++) {
        const Container *c = &p->containers[i];
        Py_ssize_t low = c->first_block, high = low + c->blocks;
        double inside = kept[high] - kept[low], text = p->text[high] - p->text[low];
        double value = inside - 0.7 * (text - inside);
        if (value > most) {
            most = value;
            best = (int32_t)i;
        }
    }
    return best;
}

#define CORE 0.5 /* of the kept text */

/* The part of the page that each element stands in: the largest element around it that holds less
 * than half of the kept text. Beside the core these are the comments, the related articles, the
 * sidebar; inside it single paragraphs. Parents come before their children, so one pass is enough. */
static void branches(const Page *p, Opinion *o) {
    double half = CORE * o->kept[p->count];
    for (Py_ssize_t i = 0; i < p->holders; i++) {
        int32_t parent = p->containers[i].parent;
        const Container *c = &p->containers[parent < 0 ? 0 : parent];
        double held = o->kept[c->first_block + c->blocks] - o->kept[c->first_block];
        int own = parent < 0 || held >= half;
        o->branch[i] = own ? (int32_t)i : o->branch[parent];
        o->branch_level[i] = own ? 0 : o->branch_level[parent] + 1;
    }
}

static int sum_up(const Page *p, const float *probability, Opinion *o) {
    int32_t section = 0, run = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) o->key[i] = likeness(p, &p->blocks[i]);
    if (grouped(o->key, p->count, o->alike) < 0) return -1;
    for (Py_ssize_t i = 0; i < p->count; i++)
        o->key[i] = (uint64_t)p->blocks[i].tag << 16 | p->blocks[i].list_depth;
    if (grouped(o->key, p->count, o->tag) < 0) return -1;
    for (Py_ssize_t i = 0; i <= p->count; i++) {
        o->group_kept[i] = o->group_mass[i] = o->tag_kept[i] = o->tag_mass[i] = 0;
        o->section_kept[i] = o->section_mass[i] = o->run_mass[i] = 0;
        o->alike_count[i] = 0;
    }
    o->kept[0] = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        double mass = mass_of(&p->blocks[i]), weight = sqrt(mass), q = probability[i];
        o->kept[i + 1] = o->kept[i] + q * mass;
        o->own_kept[above(p, p->blocks[i].container)] += q * mass;
        o->all_weight += q * weight;
        o->group_kept[o->alike[i]] += q * weight;
        o->group_mass[o->alike[i]] += weight;
        o->alike_count[o->alike[i]]++;
        o->tag_kept[o->tag[i]] += q * weight;
        o->tag_mass[o->tag[i]] += weight;
        if (p->blocks[i].heading_level) {
            section++;
        } else {
            o->section_kept[section] += q * mass;
            o->section_mass[section] += mass;
        }
        o->section[i] = section;
        if (i && (q > SURE) != (probability[i - 1] > SURE)) run++;
        o->run[i] = run;
        o->run_mass[run] += mass;
    }
    branches(p, o);
    int32_t following = (int32_t)p->count;
    for (Py_ssize_t i = p->count - 1; i >= 0; i--) {
        o->next_kept[i] = following;
        if (probability[i] > SURE) following = (int32_t)i;
    }
    return 0;
}

static float *put_held(const Page *p, const Opinion *o, Py_ssize_t i, double q, float *out) {
    int32_t row = above(p, p->blocks[i].container);
    double mass = mass_of(&p->blocks[i]), all = o->kept[p->count];
    for (int up = 0; up < ANCESTORS; up++, row = above(p, row)) {
        const Container *c = &p->containers[row];
        Py_ssize_t low = c->first_block, high = low + c->blocks;
        double inside = o->kept[high] - o->kept[low], text = p->text[high] - p->text[low];
        double others = text - mass;
        *out++ = (float)share(inside, text);
        *out++ = others > 0.5 ? (float)((inside - q * mass) / others) : 0.5f;
        *out++ = (float)share(inside, all);
    }
    return out;
}

static float *put_branch(const Page *p, const Opinion *o, Py_ssize_t i, Py_ssize_t core_first,
                         Py_ssize_t core_last, float *out) {
    int32_t own = p->blocks[i].container, row = o->branch[own], parent = p->containers[row].parent;
    const Container *c = &p->containers[row];
    Py_ssize_t low = c->first_block, high = low + c->blocks;
    double inside = o->kept[high] - o->kept[low], text = p->text[high] - p->text[low];
    *out++ = (float)o->branch_level[own];
    *out++ = (float)text;
    *out++ = (float)c->blocks;
    *out++ = (float)share(inside, text);
    *out++ = (float)share(inside, o->kept[p->count]);
    *out++ = (float)share(c->link_characters, c->characters);
    *out++ = high <= core_first ? -1.0f : low > core_last ? 1.0f : 0.0f;
    *out++ = (float)(parent < 0 ? 0 : p->containers[parent].children);
    return out;
}

static void put_opinions(const Page *p, const float *probability, const Opinion *o, float *matrix,
                         Py_ssize_t width) {
    double total = p->text[p->count], all = o->kept[p->count], sure = 0;
    Py_ssize_t first_kept = -1, last_kept = p->count, previous = -1, heading = -1;
    int32_t best = best_holder(p, o->kept);
    const Container *c = &p->containers[best];
    Py_ssize_t low = c->first_block, high = low + c->blocks;
    double best_mean = share(o->kept[high] - o->kept[low], p->text[high] - p->text[low]);
    int32_t runs = o->run[p->count - 1];
    for (Py_ssize_t i = 0; i < p->count; i++) {
        double mass = mass_of(&p->blocks[i]);
        if (probability[i] > 0.9f || probability[i] < 0.1f) sure += mass;
        if (probability[i] > SURE && mass > 80) {
            if (first_kept < 0) first_kept = i;
            last_kept = i;
        }
    }
    if (first_kept < 0) first_kept = 0;
    for (Py_ssize_t i = 0; i < p->count; i++) {
        float *out = matrix + i * width;
        double mass = mass_of(&p->blocks[i]), weight = sqrt(mass), q = probability[i];
        int32_t alike = o->alike[i], tag = o->tag[i], run = o->run[i], section = o->section[i];
        Py_ssize_t next = o->next_kept[i];
        if (p->blocks[i].heading_level) heading = i;
        double rest = o->group_mass[alike] - weight;
        *out++ = (float)q;
        for (int n = 0; n < 2; n++) {
            Py_ssize_t from = i < WINDOWS[n] ? 0 : i - WINDOWS[n];
            Py_ssize_t to = i + WINDOWS[n] + 1 > p->count ? p->count : i + WINDOWS[n] + 1;
            *out++ = (float)share(o->kept[to] - o->kept[from], p->text[to] - p->text[from]);
        }
        *out++ = (float)share(o->kept[i], all);
        *out++ = (float)share(all - o->kept[i + 1], all);
        *out++ = (float)share(o->group_kept[alike], o->group_mass[alike]);
        *out++ = o->alike_count[alike] > 1 ? (float)((o->group_kept[alike] - q * weight) / rest) : 0.5f;
        *out++ = (float)o->alike_count[alike];
        *out++ = (float)share(o->tag_kept[tag], o->tag_mass[tag]);
        *out++ = previous < 0 ? 1e6f : (float)(i - previous);
        *out++ = next >= p->count ? 1e6f : (float)(next - i);
        *out++ = previous < 0 ? 1e9f : (float)(p->text[i] - p->text[previous + 1]);
        *out++ = next >= p->count ? 1e9f : (float)(p->text[next] - p->text[i + 1]);
        *out++ = (float)share(all, total);
        *out++ = (float)all;
        *out++ = (float)share(o->section_kept[section], o->section_mass[section]);
        *out++ = heading < 0 ? -1 : probability[heading];
        *out++ = (float)(i - first_kept);
        *out++ = (float)(last_kept - i);
        *out++ = (float)share(sure, total);
        *out++ = (float)(i >= low && i < high);
        *out++ = run ? (float)o->run_mass[run - 1] : 0;
        *out++ = (float)o->run_mass[run];
        *out++ = run < runs ? (float)o->run_mass[run + 1] : 0;
        *out++ = (float)best_mean;
        *out++ = (float)share(o->group_kept[alike], o->all_weight);
        *out++ = (float)share(o->own_kept[above(p, p->blocks[i].container)], all);
        out = put_branch(p, o, i, first_kept, last_kept, out);
        for (int n = 0; n < COUNT(REACH); n++)
            for (int sign = -1; sign <= 1; sign += 2) {
                Py_ssize_t at = i + sign * REACH[n];
                *out++ = at < 0 || at >= p->count ? -1 : probability[at];
            }
        put_held(p, o, i, q, out);
        if (q > SURE) previous = i;
    }
}

static PyObject *second(PyObject *module, PyObject *args) {
    Py_buffer blocks, containers, probabilities, out;
    Py_ssize_t width, column;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*w*nn", &blocks, &containers, &probabilities, &out, &width,
                          &column))
        return NULL;
    Page p = {0};
    Opinion o = {0};
    int good = page_of(&blocks, &containers, &p) == 0 && column >= 0 &&
               fits(&out, p.count, width, column + SECOND_COLUMNS);
    if (good && probabilities.len != p.count * 4) {
        PyErr_SetString(PyExc_ValueError, "features: not a float32 probability a block");
        good = 0;
    } else if (!good && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "features: the column lies outside the matrix");
    }
    if (good) {
        size_t n = (size_t)p.count + 1;
        double *numbers = calloc(n * 8, sizeof(double));
        int32_t *whole = calloc(n * 6, sizeof(int32_t));
        o.key = calloc(n, sizeof(uint64_t));
        o.own_kept = calloc(p.holders, sizeof(double));
        o.branch = calloc(p.holders * 2, sizeof(int32_t));
        if (numbers && whole && o.key && o.own_kept && o.branch) {
            o.branch_level = o.branch + p.holders;
            o.kept = numbers;
            o.group_kept = numbers + n;
            o.group_mass = numbers + 2 * n;
            o.tag_kept = numbers + 3 * n;
            o.tag_mass = numbers + 4 * n;
            o.section_kept = numbers + 5 * n;
            o.section_mass = numbers + 6 * n;
            o.run_mass = numbers + 7 * n;
            o.alike = whole;
            o.tag = whole + n;
            o.alike_count = whole + 2 * n;
            o.section = whole + 3 * n;
            o.run = whole + 4 * n;
            o.next_kept = whole + 5 * n;
            good = sum_up(&p, probabilities.buf, &o) == 0;
            if (good)
                put_opinions(&p, probabilities.buf, &o, (float *)out.buf + column, width);
        } else {
            good = 0;
        }
        if (!good) PyErr_NoMemory();
        free(numbers);
        free(whole);
        free(o.key);
        free(o.own_kept);
        free(o.branch);
    }
    free(p.text);
    PyBuffer_Release(&blocks);
    PyBuffer_Release(&containers);
    PyBuffer_Release(&probabilities);
    PyBuffer_Release(&out);
    if (!good) return NULL;
    Py_RETURN_NONE;
}
