#include "job/export/gguf_pre.h"

#include <string.h>

/* transformers' LlamaTokenizerFast makes the post-processor anew: a first token, unless
 * "add_bos_token" is false, and a last one where "add_eos_token" is true. */
static bool frames_itself(const cJSON *config)
{
    const char *class_name = "";
    json_get_string(config, "tokenizer_class", &class_name);
    return strcmp(class_name, "LlamaTokenizer") == 0 ||
           strcmp(class_name, "LlamaTokenizerFast") == 0;
}

static int encode(struct token_list *out, struct tokenizer *tokenizer, const cJSON *config,
                  struct error *err)
{
    const size_t length = strlen(gguf_pre_text);
    bool first = true, last = false;
    if (!frames_itself(config))
        return tokenizer_encode(tokenizer, gguf_pre_text, length,
                                ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, out, err);
    json_get_bool(config, "add_bos_token", &first);
    json_get_bool(config, "add_eos_token", &last);
    int32_t bos = tokenizer_bos(tokenizer), eos = tokenizer_eos(tokenizer);
    if (first && bos >= 0 && token_list_add(out, bos, 0, err) != 0)
        return -1;
    if (tokenizer_encode(tokenizer, gguf_pre_text, length, ENCODE_PARSE_SPECIAL, out, err) != 0)
        return -1;
    return last && eos >= 0 ? token_list_add(out, eos, 0, err) : 0;
}

int gguf_find_pre(const char **name, struct tokenizer *tokenizer, const cJSON *config,
                  struct error *err)
{
    struct token_list ids = {0};
    struct buffer list = BUFFER_INIT;
    char digest[DIGEST_TEXT_SIZE];
    int status = encode(&ids, tokenizer, config, err);
    for (size_t i = 0; i < ids.count; i++)
        buffer_format(&list, "%s%d", i == 0 ? "[" : ", ", ids.ids[i]);
    buffer_byte(&list, ']');
    token_list_free(&ids);
    if (status == 0)
        status = buffer_check(&list, err);
    if (status == 0)
        status = digest_of(list.data, list.length, digest, err);
    buffer_free(&list);
    if (status != 0)
        return -1;
    for (size_t i = 0; i < gguf_pre_name_count; i++)
        if (strcmp(gguf_pre_names[i].digest, digest) == 0) {
            *name = gguf_pre_names[i].name;
            return 0;
        }
    return error_set(err,
                     "%s: llama.cpp knows no tokenizer that cuts texts as this one does (its "
                     "converter's hash would be %s), so a GGUF file cannot name it; export a "
                     "folder instead",
                     tokenizer_path(tokenizer), digest);
}
