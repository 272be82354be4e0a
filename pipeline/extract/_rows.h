/* Rows that leave the segmenter and enter the features: one layout for both, and for segment.py. */

#include <stdint.h>

typedef struct {
    uint64_t flags, hints, hints_near, hints_any, hints_inline, hints_link, text_hash;
    uint32_t start; /* byte of the page's UTF-8 where the text begins */
    int32_t container;
    uint32_t characters, words, letters, uppercase, digits, commas, sentence_ends, cjk;
    uint32_t link_characters, bold_characters, links, images_before, line_breaks, tags_before;
    uint32_t markup_bytes_before;
    int32_t table, row, column, item, place;
    uint16_t depth, list_depth;
    uint8_t tag, heading_level, starts, ends, break_before, inline_tags, list_tag, section;
} Block;
typedef struct {
    uint64_t flags, hints;
    int32_t parent, first_block, blocks;
    uint32_t characters, link_characters, words, links, commas, paragraph_characters, headings;
    uint32_t html_start, html_end, children;
    uint16_t depth;
    uint8_t tag, hidden; /* hidden: by its own attributes */
} Container;
