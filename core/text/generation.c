/* What generation_config.json, config.json and a GGUF file's metadata say of generating, read as
 * transformers and llama.cpp read them.
 *
 * End tokens are taken from the first of generation_config.json, config.json and the tokenizer that
 * names one; of a GGUF file from its keys and, as llama.cpp does, from what it knows by its
 * spelling.
 */
#include "text/generation.h"

#include "base/text.h"
#include "text/template/template.h"
#include "text/tokenizer/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the tokens that end a text --- */

bool end_tokens_have(const struct end_tokens *ends, int64_t id)
{
    for (size_t i = 0; i < ends->count; i++)
        if (ends->ids[i] == id)
            return true;
    return false;
}

int end_tokens_add(struct end_tokens *ends, int64_t id, struct error *err)
{
    if (id < 0 || end_tokens_have(ends, id))
        return 0;
    if (ends->count == END_TOKENS_MAX)
        return error_set(err, "more than %d tokens end a text", END_TOKENS_MAX);
    ends->ids[ends->count++] = id;
    return 0;
}

static int add_number(struct end_tokens *out, const cJSON *item, struct error *err)
{
    double id = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(fabs(id) < (double)(INT64_C(1) << 53)) || id != trunc(id))
        return error_set(err, "\"eos_token_id\" is neither a token's id nor a list of them; write "
                              "the ids, or null where no token ends a text");
    return end_tokens_add(out, (int64_t)id, err);
}

/* One id, a list of them, or null. */
int end_tokens_add_json(struct end_tokens *out, const cJSON *ids, struct error *err)
{
    const cJSON *item;
    if (!ids || cJSON_IsNull(ids))
        return 0;
    if (!cJSON_IsArray(ids))
        return add_number(out, ids, err);
    cJSON_ArrayForEach(item, ids)
    {
        if (add_number(out, item, err) != 0)
            return -1;
    }
    return 0;
}

/* An empty list is as good as none: the next file is asked. */
static int read_folder(struct end_tokens *out, const struct checkpoint *checkpoint,
                       const struct tokenizer *tokenizer, struct error *err)
{
    static const char key[] = "eos_token_id", file[] = "generation_config.json";
    const char *folder = checkpoint_folder(checkpoint);
    cJSON *generation;
    if (tokenizer_read_beside(&generation, folder, file, err) != 0)
        return -1;
    int status = end_tokens_add_json(out, json_get(generation, key), err);
    cJSON_Delete(generation);
    if (status != 0)
        return error_prefix(err, "%s/%s", folder, file);
    if (out->count == 0 &&
        end_tokens_add_json(out, json_get(checkpoint_metadata(checkpoint), key), err) != 0)
        return error_prefix(err, "%s/config.json", folder);
    return out->count || !tokenizer ? 0 : end_tokens_add(out, tokenizer_eos(tokenizer), err);
}

/* llama.cpp's (llama-vocab.cpp): what ends a text by its spelling, whatever the file says of it. */
static const char *const known_ends[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\xEF\xBD\x9C\x65nd\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>", /* \x65: e */
    "[e~["};

/* The same of the tokens that code models put between files; each counts where no key names it. */
static const struct {
    const char *key, *texts[6];
} fill_ends[] = {{"tokenizer.ggml.fim_pad_token_id",
                  {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
                 {"tokenizer.ggml.fim_rep_token_id",
                  {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
                 {"tokenizer.ggml.fim_sep_token_id", {"<|file_sep|>"}}};

static bool has_text(const struct tokenizer *tokenizer, const char *text)
{
    return tokenizer_token_id(tokenizer, text) >= 0;
}

/* Where a format has tokens for calls of tools beside it, "<|end|>" ends a part of a message, and
 * "</s>" is a tag. */
static bool ends_by_text(const struct tokenizer *tokenizer, const char *text)
{
    bool calls = has_text(tokenizer, "<|call|>") || has_text(tokenizer, "<|calls|>");
    bool parts = has_text(tokenizer, "<|return|>") || has_text(tokenizer, "<|flush|>");
    if (strcmp(text, "<|end|>") == 0)
        return !(calls && parts);
    return strcmp(text, "</s>") != 0 || !has_text(tokenizer, "<|tool_response>");
}

/* An id that the file has no token for is not one; writers put 2^32 - 1 for "none". */
static bool read_key(const struct tokenizer *tokenizer, const cJSON *metadata, const char *key,
                     int64_t *id)
{
    return json_get_int64(metadata, key, id) && *id >= 0 &&
           *id < tokenizer_vocabulary_size(tokenizer);
}

/* Keys first, then known spellings, then the tokens between files, each once. */
static int read_gguf(struct end_tokens *out, const cJSON *metadata,
                     const struct tokenizer *tokenizer, struct error *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    int64_t id;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        bool named = read_key(tokenizer, metadata, keys[i], &id);
        const char *text = named ? tokenizer_token_text(tokenizer, (int32_t)id) : NULL;
        if (named && (!text || ends_by_text(tokenizer, text)) && end_tokens_add(out, id, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof known_ends / sizeof *known_ends; i++) {
        if (ends_by_text(tokenizer, known_ends[i]) &&
            end_tokens_add(out, tokenizer_token_id(tokenizer, known_ends[i]), err) != 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof fill_ends / sizeof *fill_ends; i++) {
        bool named = read_key(tokenizer, metadata, fill_ends[i].key, &id);
        for (const char *const *text = fill_ends[i].texts; !named && *text; text++) {
            id = tokenizer_token_id(tokenizer, *text);
            named = id >= 0;
        }
        if (named && end_tokens_add(out, id, err) != 0)
            return -1;
    }
    return 0;
}

int end_tokens_read(struct end_tokens *out, const struct checkpoint *checkpoint,
                    const struct tokenizer *tokenizer, struct error *err)
{
    *out = (struct end_tokens){0};
    return checkpoint_format(checkpoint) == CHECKPOINT_GGUF
               ? read_gguf(out, checkpoint_metadata(checkpoint), tokenizer, err)
               : read_folder(out, checkpoint, tokenizer, err);
}

int end_tokens_add_turn(struct end_tokens *ends, const struct tokenizer *tokenizer,
                        const char *template_name, struct error *err)
{
    struct chat_template *chat;
    if (template_open(&chat, tokenizer, template_name, NULL, err) != 0)
        return -1;
    int32_t id = template_turn_end(chat, tokenizer);
    template_close(chat);
    return end_tokens_add(ends, id, err);
}

int end_tokens_of_run(struct end_tokens *out, const struct checkpoint *base,
                      const struct tokenizer *tokenizer, const char *template_name,
                      struct error *err)
{
    if (end_tokens_read(out, base, tokenizer, err) != 0 ||
        end_tokens_add(out, tokenizer_eos(tokenizer), err) != 0)
        return -1;
    return end_tokens_add_turn(out, tokenizer, template_name, err);
}

/* --- how text would be drawn --- */

/* transformers 5.23, generation/configuration_utils.py and the processors that
 * generation/utils.py makes of it. `neutral` is the number that changes nothing, NAN: none does;
 * `drawn` keys speak only where "do_sample" is true. */
static const struct {
    const char *name;
    double neutral;
    bool drawn;
} keys[] = {
    {"do_sample", 0, false},
    {"temperature", 1, true},
    {"top_k", 0, true},
    {"top_p", 1, true},
    {"min_p", 0, true},
    {"top_h", NAN, true},
    {"typical_p", 1, true},
    {"epsilon_cutoff", 0, true},
    {"eta_cutoff", 0, true},
    {"max_length", NAN, false},
    {"max_new_tokens", NAN, false},
    {"max_time", NAN, false},
    {"min_length", 0, false},
    {"min_new_tokens", 0, false},
    {"stop_strings", NAN, false},
    {"forced_bos_token_id", NAN, false},
    {"forced_eos_token_id", NAN, false},
    {"suppress_tokens", NAN, false},
    {"begin_suppress_tokens", NAN, false},
    {"bad_words_ids", NAN, false},
    {"force_words_ids", NAN, false},
    {"constraints", NAN, false},
    {"sequence_bias", NAN, false},
    {"repetition_penalty", 1, false},
    {"encoder_repetition_penalty", 1, false},
    {"no_repeat_ngram_size", 0, false},
    {"encoder_no_repeat_ngram_size", 0, false},
    {"exponential_decay_length_penalty", NAN, false},
    {"penalty_alpha", 0, false},
    {"guidance_scale", 1, false},
    {"num_beams", 1, false},
    {"num_return_sequences", 1, false},
    {"token_healing", 0, false},
    {"dola_layers", NAN, false},
    {"watermarking_config", NAN, false},
};

/* null, false, and what is empty ask for nothing. */
static bool asks(const cJSON *item, double neutral)
{
    if (!item || cJSON_IsNull(item) || cJSON_IsFalse(item))
        return false;
    if (cJSON_IsNumber(item))
        return !(item->valuedouble == neutral);
    return cJSON_IsTrue(item) || item->child || (cJSON_IsString(item) && item->valuestring[0]);
}

/* "a, b and c are ignored; ..." of names, each put when it is known whether another follows. */
struct enumeration {
    struct buffer *out;
    const char *pending;
    size_t count;
};

/* The next name, or NULL after the last. A GGUF file's may be anything: fit for a terminal. */
static void enumerate(struct enumeration *list, const char *name)
{
    char shown[64];
    if (list->count > 0) {
        utf8_copy(shown, sizeof shown, list->pending);
        buffer_format(list->out, "%s%s", list->count == 1 ? "" : name ? ", " : " and ", shown);
    }
    if (list->count > 0 && !name)
        buffer_format(list->out, " %s ignored; the options decide", list->count > 1 ? "are" : "is");
    list->pending = name;
    list->count += name != NULL;
}

/* Keys that only count where "do_sample" is true are named only there. */
static int put_folder(struct buffer *out, const char *folder, struct error *err)
{
    static const char file[] = "generation_config.json";
    struct buffer text = BUFFER_INIT;
    struct enumeration list = {.out = &text};
    cJSON *generation;
    if (tokenizer_read_beside(&generation, folder, file, err) != 0)
        return -1;
    bool draws = asks(json_get(generation, "do_sample"), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if ((draws || !keys[i].drawn) && asks(json_get(generation, keys[i].name), keys[i].neutral))
            enumerate(&list, keys[i].name);
    enumerate(&list, NULL);
    if (list.count > 0)
        buffer_format(out, "%s/%s: %s", folder, file, buffer_string(&text));
    out->failed |= text.failed;
    buffer_free(&text);
    cJSON_Delete(generation);
    return buffer_check(out, err);
}

/* llama.cpp takes them as its options' defaults (common/common.cpp). */
static int put_gguf(struct buffer *out, const struct checkpoint *checkpoint, struct error *err)
{
    static const char own[] = "general.sampling.";
    struct buffer text = BUFFER_INIT;
    struct enumeration list = {.out = &text};
    const cJSON *item;
    cJSON_ArrayForEach(item, checkpoint_metadata(checkpoint))
    {
        if (strncmp(item->string, own, sizeof own - 1) == 0)
            enumerate(&list, item->string);
    }
    enumerate(&list, NULL);
    if (list.count > 0)
        buffer_format(out, "%s: %s", checkpoint_path(checkpoint), buffer_string(&text));
    out->failed |= text.failed;
    buffer_free(&text);
    return buffer_check(out, err);
}

int generation_put_ignored(struct buffer *out, const struct checkpoint *checkpoint,
                           struct error *err)
{
    return checkpoint_format(checkpoint) == CHECKPOINT_GGUF
               ? put_gguf(out, checkpoint, err)
               : put_folder(out, checkpoint_folder(checkpoint), err);
}
