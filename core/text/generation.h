/* What a model's files say of generating text: the tokens that end it, and how it would have them
 * drawn, where `generate` goes by its options instead.
 *
 * transformers' generate() ends at each eos_token_id of generation_config.json, or of config.json
 * where there is no such file; llama.cpp at each token that is_eog() has. A run's model ends also
 * at the eos that its documents end with (transformers' trainers add it to the generation config),
 * and at what its chat template ends assistant turns with.
 *
 * A struct end_tokens is a plain value of its caller's: {0}, or filled by end_tokens_read() and
 * end_tokens_of_run(), and nothing is to be freed.
 */
#ifndef SPECTRUM_TEXT_GENERATION_H
#define SPECTRUM_TEXT_GENERATION_H

#include "checkpoint/checkpoint.h"
#include "text/tokenizer/tokenizer.h"

enum { END_TOKENS_MAX = 64 };

/* Each id once, in the order in which they were said. Starts as {0}. */
struct end_tokens {
    int64_t ids[END_TOKENS_MAX];
    size_t count;
};

bool end_tokens_have(const struct end_tokens *ends, int64_t id);

/* An id that is there, or is negative, changes nothing. */
int end_tokens_add(struct end_tokens *ends, int64_t id, struct error *err);

/* Adds what "eos_token_id" has in a configuration: a number, a list of them, or null (or NULL). */
int end_tokens_add_json(struct end_tokens *ends, const cJSON *ids, struct error *err);

/* What a checkpoint says by itself: the first of generation_config.json, config.json and the
 * tokenizer that names an end; of a GGUF file its end-of-text, -turn and -message tokens, and those
 * that llama.cpp knows by their texts. Without a tokenizer (NULL, for a folder alone) what
 * generate() ends at by itself. An eos_token_id that is not a whole number is an error. */
int end_tokens_read(struct end_tokens *out, const struct checkpoint *checkpoint,
                    const struct tokenizer *tokenizer, struct error *err);

/* Adds the token that a chat template ends assistant turns with, where that is one token.
 * `template_name` as in template_open(). */
int end_tokens_add_turn(struct end_tokens *ends, const struct tokenizer *tokenizer,
                        const char *template_name, struct error *err);

/* Those of a run that began with this checkpoint: its own, the tokenizer's eos, the end of a turn
 * of the template that the run trains with. */
int end_tokens_of_run(struct end_tokens *out, const struct checkpoint *base,
                      const struct tokenizer *tokenizer, const char *template_name,
                      struct error *err);

/* Puts one line, without its end, of the keys of generation_config.json (of a GGUF file: of its
 * "general.sampling.") that would change what is generated and are not followed; nothing where
 * there are none. The ids of end tokens are not among them: end_tokens_read() has them. */
int generation_put_ignored(struct buffer *out, const struct checkpoint *checkpoint,
                           struct error *err);

#endif
