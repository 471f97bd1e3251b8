#include "text/tokenizer_write.h"

#include "base/memory.h"
#include "text/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_added(struct buffer *out, const struct tokenizer *t)
{
    buffer_text(out, "\"added_tokens\": [");
    for (size_t i = 0; i < t->added_raw.count; i++) {
        const struct added_token *token = &t->added_raw.tokens[i];
        buffer_format(out, "%s\n{\"id\": %" PRId32 ", \"content\": ", i ? "," : "", token->id);
        json_put_string(out, token->content);
        buffer_format(out,
                      ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                      "\"normalized\": false, \"special\": %s}",
                      token->special ? "true" : "false");
    }
    buffer_text(out, "],\n");
}

static void put_rewrite(struct buffer *out, const struct rewrite *step)
{
    if (step->kind == REWRITE_NFC) {
        buffer_text(out, "{\"type\": \"NFC\"}");
    } else if (step->kind == REWRITE_PREPEND) {
        buffer_text(out, "{\"type\": \"Prepend\", \"prepend\": ");
        json_put_string(out, step->to);
        buffer_byte(out, '}');
    } else {
        buffer_text(out, "{\"type\": \"Replace\", \"pattern\": {\"String\": ");
        json_put_string(out, step->from);
        buffer_text(out, "}, \"content\": ");
        json_put_string(out, step->to);
        buffer_byte(out, '}');
    }
}

static void put_normalizer(struct buffer *out, const struct rewriter *normalizer)
{
    buffer_text(out, "\"normalizer\": ");
    if (normalizer->count == 0) {
        buffer_text(out, "null,\n");
        return;
    }
    buffer_text(out, "{\"type\": \"Sequence\", \"normalizers\": [");
    for (int i = 0; i < normalizer->count; i++) {
        buffer_text(out, i ? ", " : "");
        put_rewrite(out, &normalizer->steps[i]);
    }
    buffer_text(out, "]},\n");
}

static void put_pre_tokenizer(struct buffer *out, const struct tokenizer *t)
{
    buffer_text(out, "\"pre_tokenizer\": ");
    if (!t->byte_level) {
        buffer_text(out, "null,\n");
        return;
    }
    buffer_text(out, "{\"type\": \"Sequence\", \"pretokenizers\": [");
    for (int i = 0; i < t->splitter.count; i++) {
        buffer_text(out, "{\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        json_put_string(out, t->splitter.patterns[i]);
        buffer_text(out, "}, \"behavior\": \"Isolated\", \"invert\": false},\n");
    }
    buffer_text(out,
                "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "
                "\"use_regex\": false}]},\n");
}

static void put_frame(struct buffer *out, const struct tokenizer *t, const struct frame *frame,
                      bool before)
{
    for (int i = 0; i < frame->count; i++) {
        buffer_text(out, before ? "" : ", ");
        buffer_text(out, "{\"SpecialToken\": {\"id\": ");
        json_put_string(out, tokenizer_token_text(t, frame->ids[i]));
        buffer_text(out, before ? ", \"type_id\": 0}}, " : ", \"type_id\": 0}}");
    }
}

static void put_sequence(struct buffer *out, const struct tokenizer *t, const char *name)
{
    put_frame(out, t, &t->before, true);
    buffer_format(out, "{\"Sequence\": {\"id\": \"%s\", \"type_id\": 0}}", name);
    put_frame(out, t, &t->after, false);
}

static void put_frame_ids(struct buffer *out, const struct tokenizer *t, const struct frame *frame,
                          const char **between)
{
    for (int i = 0; i < frame->count; i++) {
        const char *text = tokenizer_token_text(t, frame->ids[i]);
        buffer_text(out, *between);
        *between = ", ";
        json_put_string(out, text);
        buffer_text(out, ": {\"id\": ");
        json_put_string(out, text);
        buffer_format(out, ", \"ids\": [%" PRId32 "], \"tokens\": [", frame->ids[i]);
        json_put_string(out, text);
        buffer_text(out, "]}");
    }
}

static void put_post_processor(struct buffer *out, const struct tokenizer *t)
{
    const char *between = "";
    buffer_text(out, "\"post_processor\": ");
    if (t->before.count + t->after.count == 0) {
        buffer_text(out, "null,\n");
        return;
    }
    buffer_text(out, "{\"type\": \"TemplateProcessing\", \"single\": [");
    put_sequence(out, t, "A");
    buffer_text(out, "], \"pair\": [");
    put_sequence(out, t, "A");
    buffer_text(out, ", ");
    put_sequence(out, t, "B");
    buffer_text(out, "], \"special_tokens\": {");
    put_frame_ids(out, t, &t->before, &between);
    put_frame_ids(out, t, &t->after, &between);
    buffer_text(out, "}},\n");
}

static void put_decoder(struct buffer *out, const struct tokenizer *t)
{
    if (t->byte_level) {
        buffer_text(out, "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                         "\"trim_offsets\": true, \"use_regex\": true},\n");
        return;
    }
    buffer_text(out, "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", "
                     "\"pattern\": {\"String\": \"" SPACE_MARK "\"}, \"content\": \" \"}, "
                     "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}");
    if (t->strips_space)
        buffer_text(out, ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}");
    buffer_text(out, "]},\n");
}

/* --- the model --- */

static void put_vocabulary(struct buffer *out, const struct vocabulary *v)
{
    const char *between = "\n";
    buffer_text(out, "\"vocab\": {");
    for (size_t id = 0; id < v->size; id++) {
        size_t length;
        const char *text = vocabulary_text(v, (int32_t)id, &length);
        if (!text || vocabulary_find(v, text, length) != (int32_t)id)
            continue; /* a second id of the same text cannot be written, or read back */
        buffer_text(out, between);
        between = ",\n";
        json_put_string(out, text);
        buffer_format(out, ": %zu", id);
    }
    buffer_text(out, "},\n");
}

struct ranked_merge {
    struct merge merge;
    size_t left_length, right_length;
};

/* By rank; SentencePiece's ways to build one token share a rank: the longer left part first, as
 * transformers' converter writes them. */
static int compare_merges(const void *a, const void *b)
{
    const struct ranked_merge *x = a, *y = b;
    if (x->merge.rank != y->merge.rank)
        return x->merge.rank < y->merge.rank ? -1 : 1;
    if (x->left_length != y->left_length)
        return x->left_length > y->left_length ? -1 : 1;
    if (x->right_length != y->right_length)
        return x->right_length > y->right_length ? -1 : 1;
    return x->merge.left < y->merge.left ? -1 : x->merge.left > y->merge.left;
}

static int put_merges(struct buffer *out, const struct tokenizer *t, struct error *err)
{
    const struct merge_table *table = &t->merges;
    struct ranked_merge *merges = array_alloc(table->used, sizeof *merges, err);
    size_t count = 0;
    if (!merges)
        return -1;
    for (size_t i = 0; i < table->slot_count; i++) {
        struct ranked_merge merge = {.merge = table->slots[i]};
        if (merge.merge.left < 0)
            continue;
        vocabulary_text(&t->vocabulary, merge.merge.left, &merge.left_length);
        vocabulary_text(&t->vocabulary, merge.merge.right, &merge.right_length);
        merges[count++] = merge;
    }
    qsort(merges, count, sizeof *merges, compare_merges);
    buffer_text(out, "\"merges\": [");
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i ? ",\n[" : "\n[");
        json_put_string(out, tokenizer_token_text(t, merges[i].merge.left));
        buffer_text(out, ", ");
        json_put_string(out, tokenizer_token_text(t, merges[i].merge.right));
        buffer_byte(out, ']');
    }
    buffer_text(out, "]");
    free(merges);
    return 0;
}

int tokenizer_put_json(struct buffer *out, const struct tokenizer *t, struct error *err)
{
    const char *unknown = tokenizer_token_text(t, t->unknown);
    buffer_text(out, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n");
    put_added(out, t);
    put_normalizer(out, &t->normalizer);
    put_pre_tokenizer(out, t);
    put_post_processor(out, t);
    put_decoder(out, t);
    buffer_text(out, "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": ");
    if (unknown)
        json_put_string(out, unknown);
    else
        buffer_text(out, "null");
    buffer_format(out,
                  ", \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, "
                  "\"fuse_unk\": %s, \"byte_fallback\": %s, \"ignore_merges\": %s,\n",
                  t->fuse_unknown ? "true" : "false", t->byte_fallback ? "true" : "false",
                  t->whole_words ? "true" : "false");
    put_vocabulary(out, &t->vocabulary);
    if (put_merges(out, t, err) != 0)
        return -1;
    buffer_text(out, "}}\n");
    return buffer_check(out, err);
}

static void put_token(struct buffer *out, const struct tokenizer *t, const char *key, int32_t id)
{
    const char *text = tokenizer_token_text(t, id);
    if (!text)
        return;
    buffer_format(out, ",\n \"%s\": ", key);
    json_put_string(out, text);
}

/* The default alone as a text, more as transformers lists them. */
static void put_templates(struct buffer *out, const struct tokenizer *t)
{
    const cJSON *item, *all = tokenizer_templates(t);
    const char *source = tokenizer_chat_template(t), *between = "[";
    if (!all->child)
        return;
    buffer_text(out, ",\n \"chat_template\": ");
    if (source && !all->child->next) {
        json_put_string(out, source);
        return;
    }
    cJSON_ArrayForEach(item, all)
    {
        buffer_format(out, "%s{\"name\": ", between);
        json_put_string(out, item->string);
        buffer_text(out, ", \"template\": ");
        json_put_string(out, item->valuestring);
        buffer_byte(out, '}');
        between = ", ";
    }
    buffer_byte(out, ']');
}

void tokenizer_put_config(struct buffer *out, const struct tokenizer *t, int64_t max_positions)
{
    buffer_format(
        out,
        "{\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"model_max_length\": %" PRId64
        ", \"clean_up_tokenization_spaces\": false",
        max_positions);
    put_token(out, t, "bos_token", t->bos);
    put_token(out, t, "eos_token", t->eos);
    put_token(out, t, "pad_token", t->pad);
    put_token(out, t, "unk_token", t->unk);
    put_templates(out, t);
    buffer_text(out, "}\n");
}
