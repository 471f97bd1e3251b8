#include "text/generation_keys.h"

#include "base/utf8.h"
#include "text/tokenizer_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* "a, b and c are"; a name is put when it is known whether another follows. */
struct enumeration {
    struct buffer *out;
    const char *pending;
    size_t count;
};

static void put_pending(struct enumeration *list, const char *before)
{
    char name[64];
    utf8_copy(name, sizeof name, list->pending); /* a GGUF file's may be anything */
    buffer_format(list->out, "%s%s", list->count > 1 ? before : "", name);
}

static void enumerate(struct enumeration *list, const char *name)
{
    if (list->count > 0)
        put_pending(list, ", ");
    list->pending = name;
    list->count++;
}

static void end(struct enumeration *list)
{
    if (list->count == 0)
        return;
    put_pending(list, " and ");
    buffer_format(list->out, " %s not obeyed; the options decide", list->count > 1 ? "are" : "is");
}

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
    end(&list);
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
    end(&list);
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
