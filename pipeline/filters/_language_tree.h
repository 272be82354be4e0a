/* Probabilities of labels in a Huffman tree, for _language.c.
 *
 * A label's is the product of its turns on the way from the root, as logarithms in float, summed
 * from the root on: the same number whether all labels are asked for, one, or the best.
 */
#ifndef LANGUAGE_TREE_H
#define LANGUAGE_TREE_H

#include "_language_words.h"

static inline float log_of(float x) { return (float)log((double)x + 1e-5); }

/* The probability that the way goes right at an inner node. */
static inline float right_at(const Model *self, int32_t node, const float *mean) {
    const float *weights = self->output + (size_t)(node - self->n_labels) * (size_t)self->dim;
    float f = 0;
    for (int d = 0; d < self->dim; d++) f += weights[d] * mean[d];
    return (float)(1. / (1 + exp(-(double)f)));
}

static inline float turn(float right, int side) {
    return log_of(side ? right : (float)(1.0 - right));
}

/* Log probabilities of all labels below a node. The tree is shallow: it was checked when made. */
static void walk(const Model *self, int32_t node, float score, const float *mean, float *scores) {
    if (node < self->n_labels) {
        scores[node] = score;
        return;
    }
    float right = right_at(self, node, mean);
    for (int side = 0; side < 2; side++)
        walk(self, self->tree[2 * node + side], score + turn(right, side), mean, scores);
}

/* Log probability of what is below a node, by the way there. */
static float way_to(const Model *self, int32_t node, const float *mean) {
    int32_t up = self->parent[node];
    if (up < 0) return 0;
    return way_to(self, up / 2, mean) + turn(right_at(self, up / 2, mean), up % 2);
}

static float score_of(const Model *self, int32_t label, const float *mean) {
    return expf(way_to(self, label, mean));
}

typedef struct {
    float log, score;
    int32_t label;
} Best;

/* A turn adds log(1 + 1e-5) at most, so what is below a node may score a little more than the way
 * there; there are fewer turns than labels. */
#define SLACK_OF_A_TURN 2e-5f

static void search(const Model *self, int32_t node, float score, const float *mean, Best *best) {
    if (score < best->log - SLACK_OF_A_TURN * (float)self->n_labels) return;
    if (node < self->n_labels) {
        float probability = expf(score);
        if (probability > best->score || (probability == best->score && node < best->label)) {
            best->score = probability;
            best->label = node;
        }
        if (score > best->log) best->log = score;
        return;
    }
    float right = right_at(self, node, mean);
    int likely = right > 0.5f;
    search(self, self->tree[2 * node + likely], score + turn(right, likely), mean, best);
    search(self, self->tree[2 * node + !likely], score + turn(right, !likely), mean, best);
}

/* The label of the highest score; of equal ones the first. */
static Best best_of(const Model *self, const float *mean) {
    Best best = {-INFINITY, -1, 0};
    search(self, (int32_t)(2 * self->n_labels - 2), 0, mean, &best);
    return best;
}

#endif
