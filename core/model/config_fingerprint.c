#include "model/config_fingerprint.h"

#include <string.h>

static void put_text(struct hash *hash, const char *text)
{
    hash_update(hash, text, strlen(text) + 1);
}

static void put_wholes(struct hash *hash, const int64_t *values, size_t count)
{
    hash_update(hash, values, count * sizeof *values);
}

static void put_real(struct hash *hash, double value)
{
    value += 0.0; /* -0 is 0 */
    hash_update(hash, &value, sizeof value);
}

/* Of each scaling the numbers that rope_frequency() and rope_fill() take for it. */
static void put_rope(struct hash *hash, const struct model_config *c)
{
    const int64_t type = c->rope_scaling;
    put_wholes(hash, &type, 1);
    put_real(hash, c->rope_theta);
    put_real(hash, c->rope_attention);
    if (c->rope_scaling != ROPE_PLAIN)
        put_real(hash, c->rope_factor);
    if (c->rope_scaling == ROPE_DYNAMIC) /* a longer text is refused */
        put_wholes(hash, &c->max_positions, 1);
    if (c->rope_scaling == ROPE_LLAMA3 || c->rope_scaling == ROPE_YARN)
        put_real(hash, c->rope_original_positions);
    if (c->rope_scaling == ROPE_LLAMA3) {
        put_real(hash, c->rope_low_freq);
        put_real(hash, c->rope_high_freq);
    }
    if (c->rope_scaling == ROPE_YARN) {
        const int64_t truncate = c->rope_truncate;
        put_real(hash, c->rope_beta_fast);
        put_real(hash, c->rope_beta_slow);
        put_wholes(hash, &truncate, 1);
    }
}

/* Member by member: a struct's bytes have padding and a pointer, and what is not computed with
 * (initializer_range, bos_token) may be edited. Runs on disk have this number: what is added later
 * must leave it where the new member has the value that it always had. */
int model_fingerprint_config(const struct model *model, char out[HASH_TEXT_SIZE], struct error *err)
{
    const struct model_config *c = &model->config;
    const int64_t wholes[] = {c->hidden,         c->intermediate, c->layers,   c->heads,
                              c->kv_heads,       c->head_dim,     c->vocab,    c->tied,
                              c->attention_bias, c->mlp_bias,     c->qkv_bias, c->head_norms};
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    put_text(hash, model->architecture ? model->architecture : "");
    put_text(hash, c->activation);
    put_wholes(hash, wholes, sizeof wholes / sizeof *wholes);
    put_real(hash, c->norm_eps);
    put_rope(hash, c);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        const int64_t window = model_window(c, layer);
        put_wholes(hash, &window, 1);
    }
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}
