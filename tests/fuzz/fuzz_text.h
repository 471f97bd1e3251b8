/* A fixed text and a fixed conversation through a tokenizer, forth and back. */
#ifndef SPECTRUM_TESTS_FUZZ_TEXT_H
#define SPECTRUM_TESTS_FUZZ_TEXT_H

#include "fuzz.h"

#include "text/template/template.h"

static const char fuzz_sentence[] =
    "Hello  world's 3,14159 <|im_start|>user\nDu\xC3\x9F \xE4\xBD\xA0\xE5\xA5\xBD "
    "e\xCC\x81 \xF0\x9F\x98\x80\t\r\n\n<s></s><|endoftext|> don't STOP <0x0A>\xE2\x96\x81 the  ";

static inline void fuzz_chat(struct tokenizer *tokenizer, const char *name)
{
    static const char text[] = "[{\"role\": \"user\", \"content\": \" What is 2+2? \"}, "
                               "{\"role\": \"assistant\", \"content\": \"4 <|im_end|>\"}]";
    static const double weights[] = {0, 1};
    struct chat_template *chat = NULL;
    struct token_list ids = {0};
    cJSON *messages = json_parse(text, sizeof text - 1, JSON_KEEP_NUMBERS, "fuzz", NULL);
    const struct conversation two = {.messages = messages, .weights = weights};
    if (template_open(&chat, tokenizer, name, NULL, NULL) == 0) {
        template_encode(chat, tokenizer, &two, true, &ids, NULL);
        template_encode(chat, tokenizer, &two, false, &ids, NULL);
        template_turn_end(chat, tokenizer);
        template_close(chat);
    }
    cJSON_Delete(messages);
    token_list_free(&ids);
}

static inline void fuzz_tokenizer(struct tokenizer *tokenizer)
{
    static const struct text_span spans[] = {
        {0, 5, 1}, {20, 21, 1}, {60, sizeof fuzz_sentence - 1, 0.5f}};
    struct token_list ids = {0};
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    for (unsigned flags = 0; flags < 4; flags++)
        fuzz_ok(
            tokenizer_encode(tokenizer, fuzz_sentence, sizeof fuzz_sentence - 1, flags, &ids, &err),
            &err);
    tokenizer_encode_spans(tokenizer, fuzz_sentence, sizeof fuzz_sentence - 1, ENCODE_PARSE_SPECIAL,
                           spans, sizeof spans / sizeof *spans, &ids, NULL);
    tokenizer_decode(tokenizer, ids.ids, ids.count, false, &text, NULL);
    tokenizer_decode(tokenizer, ids.ids, ids.count, true, &text, NULL);
    for (int32_t id = -2; id < 300; id++)
        tokenizer_piece(tokenizer, id, &text);
    fuzz_chat(tokenizer, NULL);
    fuzz_chat(tokenizer, "chatml");
    fuzz_chat(tokenizer, "llama3");
    token_list_free(&ids);
    buffer_free(&text);
}

#endif
