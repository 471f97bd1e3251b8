/* A tokenizer as Hugging Face's tokenizer.json and tokenizer_config.json, in the layout that
 * transformers writes: each part of the pipeline by its type, the vocabulary by id, merges by
 * rank. */
#include "text/tokenizer/parts.h"

#include "base/memory.h"

#include <stdlib.h>

void tokenizer_put_added(struct json_writer *json, const char *content, bool special)
{
    json_text(json, "content", content);
    json_flag(json, "single_word", false);
    json_flag(json, "lstrip", false);
    json_flag(json, "rstrip", false);
    json_flag(json, "normalized", false);
    json_flag(json, "special", special);
}

/* In the order of their ids' places in the list, with the flags that load_added.c read. */
static void put_added(struct json_writer *json, const struct tokenizer *t)
{
    json_list(json, "added_tokens");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < t->added_raw.count; i++) {
        const struct added_token *token = &t->added_raw.tokens[i];
        json_object(json, NULL);
        json_integer(json, "id", token->id);
        tokenizer_put_added(json, token->content, token->special);
        json_end(json);
    }
    json_end(json);
}

/* {"type": "Replace", "pattern": {"String": " "}, ...: opens what json_end() ends. */
static void begin_type(struct json_writer *json, const char *key, const char *type)
{
    json_object(json, key);
    json_text(json, "type", type);
}

static void put_pattern(struct json_writer *json, const char *kind, const char *pattern)
{
    json_object(json, "pattern");
    json_text(json, kind, pattern);
    json_end(json);
}

/* null, or a sequence even of one step. */
static void put_normalizer(struct json_writer *json, const struct rewriter *normalizer)
{
    if (normalizer->count == 0) {
        json_null(json, "normalizer");
        return;
    }
    begin_type(json, "normalizer", "Sequence");
    json_list(json, "normalizers");
    for (int i = 0; i < normalizer->count; i++) {
        const struct rewrite *step = &normalizer->steps[i];
        if (step->kind == REWRITE_NFC) {
            begin_type(json, NULL, "NFC");
        } else if (step->kind == REWRITE_PREPEND) {
            begin_type(json, NULL, "Prepend");
            json_text(json, "prepend", step->to);
        } else {
            begin_type(json, NULL, "Replace");
            put_pattern(json, "String", step->from);
            json_text(json, "content", step->to);
        }
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

/* The expressions as Split parts, then ByteLevel for the alphabet alone. */
static void put_pre_tokenizer(struct json_writer *json, const struct tokenizer *t)
{
    if (!t->byte_level) {
        json_null(json, "pre_tokenizer");
        return;
    }
    begin_type(json, "pre_tokenizer", "Sequence");
    json_list(json, "pretokenizers");
    json_layout(json, JSON_ROWS_BESIDE);
    for (int i = 0; i < t->splitter.count; i++) {
        begin_type(json, NULL, "Split");
        put_pattern(json, "Regex", t->splitter.patterns[i]);
        json_text(json, "behavior", "Isolated");
        json_flag(json, "invert", false);
        json_end(json);
    }
    begin_type(json, NULL, "ByteLevel");
    json_flag(json, "add_prefix_space", false);
    json_flag(json, "trim_offsets", true);
    json_flag(json, "use_regex", false);
    json_end(json);
    json_end(json);
    json_end(json);
}

/* {"SpecialToken": {"id": "<s>", "type_id": 0}} */
static void put_template_part(struct json_writer *json, const char *kind, const char *id)
{
    json_object(json, NULL);
    json_object(json, kind);
    json_text(json, "id", id);
    json_integer(json, "type_id", 0);
    json_end(json);
    json_end(json);
}

static void put_sequence(struct json_writer *json, const struct tokenizer *t, const char *name)
{
    for (int i = 0; i < t->before.count; i++)
        put_template_part(json, "SpecialToken", tokenizer_token_text(t, t->before.ids[i]));
    put_template_part(json, "Sequence", name);
    for (int i = 0; i < t->after.count; i++)
        put_template_part(json, "SpecialToken", tokenizer_token_text(t, t->after.ids[i]));
}

/* "<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]} */
static void put_frame_ids(struct json_writer *json, const struct tokenizer *t,
                          const struct frame *frame)
{
    for (int i = 0; i < frame->count; i++) {
        const char *text = tokenizer_token_text(t, frame->ids[i]);
        json_object(json, text);
        json_text(json, "id", text);
        json_list(json, "ids");
        json_integer(json, NULL, frame->ids[i]);
        json_end(json);
        json_list(json, "tokens");
        json_text(json, NULL, text);
        json_end(json);
        json_end(json);
    }
}

/* One text has the frame around it; of a pair each has. */
static void put_post_processor(struct json_writer *json, const struct tokenizer *t)
{
    if (t->before.count + t->after.count == 0) {
        json_null(json, "post_processor");
        return;
    }
    begin_type(json, "post_processor", "TemplateProcessing");
    json_list(json, "single");
    put_sequence(json, t, "A");
    json_end(json);
    json_list(json, "pair");
    put_sequence(json, t, "A");
    put_sequence(json, t, "B");
    json_end(json);
    json_object(json, "special_tokens");
    put_frame_ids(json, t, &t->before);
    put_frame_ids(json, t, &t->after);
    json_end(json);
    json_end(json);
}

/* What encoding did, undone: letters to bytes, or marks to spaces, byte tokens to bytes, and the
 * space in front taken off. */
static void put_decoder(struct json_writer *json, const struct tokenizer *t)
{
    if (t->byte_level) {
        begin_type(json, "decoder", "ByteLevel");
        json_flag(json, "add_prefix_space", true);
        json_flag(json, "trim_offsets", true);
        json_flag(json, "use_regex", true);
        json_end(json);
        return;
    }
    begin_type(json, "decoder", "Sequence");
    json_list(json, "decoders");
    begin_type(json, NULL, "Replace");
    put_pattern(json, "String", SPACE_MARK);
    json_text(json, "content", " ");
    json_end(json);
    begin_type(json, NULL, "ByteFallback");
    json_end(json);
    begin_type(json, NULL, "Fuse");
    json_end(json);
    if (t->strips_space) {
        begin_type(json, NULL, "Strip");
        json_text(json, "content", " ");
        json_integer(json, "start", 1);
        json_integer(json, "stop", 0);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

/* --- the model --- */

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

/* All merges of the table by rank; free slots of it are passed over. */
static int put_merges(struct json_writer *json, const struct tokenizer *t, struct error *err)
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
    json_list(json, "merges");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < count; i++) {
        json_list(json, NULL);
        json_text(json, NULL, tokenizer_token_text(t, merges[i].merge.left));
        json_text(json, NULL, tokenizer_token_text(t, merges[i].merge.right));
        json_end(json);
    }
    json_end(json);
    free(merges);
    return 0;
}

/* A second id of one text cannot be read back, so the vocabulary has its first alone. */
static int put_model(struct json_writer *json, const struct tokenizer *t, struct error *err)
{
    const struct vocabulary *v = &t->vocabulary;
    begin_type(json, "model", "BPE");
    json_null(json, "dropout");
    json_text(json, "unk_token", tokenizer_token_text(t, t->unknown));
    json_null(json, "continuing_subword_prefix");
    json_null(json, "end_of_word_suffix");
    json_flag(json, "fuse_unk", t->fuse_unknown);
    json_flag(json, "byte_fallback", t->byte_fallback);
    json_flag(json, "ignore_merges", t->whole_words);
    json_break(json, 0);
    json_object(json, "vocab");
    json_layout(json, JSON_ROWS);
    for (size_t id = 0; id < v->size; id++) {
        size_t length;
        const char *text = vocabulary_text(v, (int32_t)id, &length);
        if (text && vocabulary_find(v, text, length) == (int32_t)id)
            json_count(json, text,
                       id); /* else a second id of the text, which cannot be read back */
    }
    json_end(json);
    json_break(json, 0);
    if (put_merges(json, t, err) != 0)
        return -1;
    json_end(json);
    return 0;
}

/* The members in the order of the tokenizers package. */
int tokenizer_put_json(struct buffer *out, const struct tokenizer *t, struct error *err)
{
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_text(&json, "version", "1.0");
    json_null(&json, "truncation");
    json_null(&json, "padding");
    json_break(&json, 0);
    put_added(&json, t);
    json_break(&json, 0);
    put_normalizer(&json, &t->normalizer);
    json_break(&json, 0);
    put_pre_tokenizer(&json, t);
    json_break(&json, 0);
    put_post_processor(&json, t);
    json_break(&json, 0);
    put_decoder(&json, t);
    json_break(&json, 0);
    if (put_model(&json, t, err) != 0)
        return -1;
    json_end(&json);
    return json_finish(&json, err);
}

void tokenizer_put_config(struct buffer *out, const struct tokenizer *t, int64_t max_positions)
{
    const struct {
        const char *key;
        int32_t id;
    } names[] = {
        {"bos_token", t->bos}, {"eos_token", t->eos}, {"pad_token", t->pad}, {"unk_token", t->unk}};
    struct json_writer json = {.out = out};
    const char *source = tokenizer_chat_template(t);
    const cJSON *item, *templates = tokenizer_templates(t)->child;
    json_object(&json, NULL);
    json_text(&json, "tokenizer_class", "PreTrainedTokenizerFast");
    json_integer(&json, "model_max_length", max_positions);
    json_flag(&json, "clean_up_tokenization_spaces", false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = tokenizer_token_text(t, names[i].id);
        if (!text)
            continue;
        json_break(&json, 1);
        json_text(&json, names[i].key, text);
    }
    if (templates)
        json_break(&json, 1);
    if (templates && source && !templates->next) { /* the default alone is a text */
        json_text(&json, "chat_template", source);
    } else if (templates) { /* more are a list, as transformers has it */
        json_list(&json, "chat_template");
        for (item = templates; item; item = item->next) {
            json_object(&json, NULL);
            json_text(&json, "name", item->string);
            json_text(&json, "template", item->valuestring);
            json_end(&json);
        }
        json_end(&json);
    }
    json_end(&json);
    json_finish(&json, NULL);
}
